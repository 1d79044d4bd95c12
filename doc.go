// Package vaiven is the domain of the vaiven sensor gateway: what a device, a
// reading, a state and an event of the log are, which values are accepted, and
// how a refusal is called.
//
// It owns words and rules only: no I/O, no clock, no goroutine, the standard
// library alone. Every other package of the module imports it; it imports none
// of them. Its types are plain values: they may be used from several
// goroutines as long as nobody changes them, and an Event is never changed
// once it has been handed on.
package vaiven
