package client

import (
	"errors"
	"fmt"
	"time"

	"vaiven"
)

// How a client ends. Each is the answer of Send and of Err once it has.
var (
	// ErrClosed: Close was called.
	ErrClosed = errors.New("client: closed")
	// ErrFinished: the server said that this device is done, for instance since
	// its session has all the readings it wanted. The error that matches it is a
	// *Finished.
	ErrFinished = errors.New("client: finished")
)

// Other errors of the methods.
var (
	// ErrCourse: the device was made with Options.Course, which has no SEQ.
	ErrCourse = errors.New("client: a device in the course's form only sends without acknowledgement")
	// ErrUnacknowledged: readings were left without acknowledgement by Close.
	ErrUnacknowledged = errors.New("client: closed with readings that were not acknowledged")
)

// Finished says in the server's words why there is nothing left to do. It
// matches ErrFinished.
type Finished struct{ Reason string }

// Error implements error.
func (f *Finished) Error() string {
	if f.Reason == "" {
		return "finished"
	}
	return "finished: " + f.Reason
}

// Is makes every Finished match ErrFinished.
func (f *Finished) Is(target error) bool { return target == ErrFinished }

// Refusal is what the server refused, in its words.
type Refusal struct {
	Code   vaiven.Code
	Text   string // for a person, in the server's language
	At     int    // byte in the message, -1 when not said
	Device vaiven.Device
	Boot   vaiven.Boot
	Seq    uint64        // 0: no reading in particular
	Retry  time.Duration // for refusals for now: when it is sent again
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("refused (%s): %s", r.Code, r.Text) }

// Disconnected is a connection that ended, or that never began.
type Disconnected struct {
	Err    error         // what happened; a *Refusal when the server said why
	Code   int           // close code of RFC 6455 section 7.4 or of the protocol, 0: none
	Reason string        // the server's words
	Retry  time.Duration // the next attempt comes after this
}

// Error implements error.
func (d *Disconnected) Error() string {
	if d.Code != 0 {
		return fmt.Sprintf("disconnected (%d %s)", d.Code, d.Reason)
	}
	return "disconnected: " + d.Err.Error()
}

// Unwrap returns what happened.
func (d *Disconnected) Unwrap() error { return d.Err }

// Handshake is an answer to the WebSocket handshake that is none.
type Handshake struct {
	Status int    // HTTP status
	Body   string // the beginning of what was said with it
	Err    error
}

// Error implements error.
func (h *Handshake) Error() string {
	switch {
	case h.Status == 401 || h.Status == 403:
		return fmt.Sprintf("the server answered %d: a token is needed, or this one is not right", h.Status)
	case h.Status == 429 || h.Status == 503:
		return fmt.Sprintf("the server answered %d: too many connections, try later", h.Status)
	case h.Status != 101:
		return fmt.Sprintf("the server answered %d to the WebSocket handshake: is this the address of a vaiven server?", h.Status)
	}
	return "websocket handshake: " + h.Err.Error()
}

// Unwrap returns the handshake's error.
func (h *Handshake) Unwrap() error { return h.Err }
