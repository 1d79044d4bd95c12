// Package powercut holds what only a whole machine can show, on the one of
// test/pi-vm: power cuts in the middle of ingest, with a control that must lose
// readings or the test proves nothing, and a system clock that jumps.
package powercut
