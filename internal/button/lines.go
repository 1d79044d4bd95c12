package button

import (
	"errors"
	"time"
)

// errGone says that the chip of a line went away while the line was in use.
var errGone = errors.New("the chip is gone")

// lines is where lines come from: the kernel, or in tests one that fails on
// demand. The errors are *problem.
type lines interface {
	Input(b Binding, debounce time.Duration) (input, error)
	Output(b Binding, lit bool) (output, error)
}

// edge is what happened to a button's line.
type edge int

const (
	none edge = iota
	down      // it became pressed
	up        // it was released
)

// input is a button's line, in use by us. One goroutine uses it, except Close.
type input interface {
	// Wait waits for an edge, for at most d; none means that d is over. at is when
	// the kernel saw the edge, on a clock of its own: only differences mean anything.
	Wait(d time.Duration) (e edge, at time.Duration, err error)
	// Pressed reads the line. An error means that it is gone.
	Pressed() (bool, error)
	// Debounced reports whether the kernel debounces; otherwise edges come raw.
	Debounced() bool
	// Close gives the line back, and ends a Wait that is under way.
	Close() error
}

// output is an indicator's line, in use by us.
type output interface {
	Set(lit bool) error
	// Check returns an error when the line is gone.
	Check() error
	Close() error
}
