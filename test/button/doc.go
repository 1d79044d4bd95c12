// Package button presses real buttons, as far as a kernel can tell: vaiven runs in
// the machine of test/pi-vm, a board connects from outside, and the pins of the
// machine's GPIO chip are driven and read electrically.
package button
