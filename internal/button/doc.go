// Package button is the push buttons and indicator LEDs on the GPIO lines of the
// computer that vaiven runs on.
//
// It owns the lines: finding them by name on whichever chip has them, their
// pull-ups, debouncing, and giving them back. It does not know what a press
// means, nor whether a board obeyed: both come in as functions and calls. Show,
// Run and Close may be called from any goroutine; Press is called by one
// goroutine at a time, in the order of the presses.
//
// A line that cannot be used never stops the others, nor the server: a person is
// told once, with the cure, and it is tried again with growing pauses. So a
// chip on USB may come and go. Whoever receives presses may be slow: the next
// ones wait in a queue of 64, and one that finds it full, or has waited there for
// ten seconds, is given up and said so.
//
// GPIO lines are the kernel's character device (linux/gpio.h); other systems
// have none, and say so.
package button
