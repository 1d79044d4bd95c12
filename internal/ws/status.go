package ws

import (
	"errors"
	"fmt"
)

// Close codes (RFC 6455, section 7.4.1, and the IANA registry) that a server
// uses or is told.
const (
	StatusNormal    uint16 = 1000
	StatusGoingAway uint16 = 1001
	StatusProtocol  uint16 = 1002
	StatusNone      uint16 = 1005 // a close frame without a code; never sent
	StatusBadText   uint16 = 1007
	StatusPolicy    uint16 = 1008
	StatusTooBig    uint16 = 1009
	StatusTryLater  uint16 = 1013
)

// Why a connection that was dropped without a closing handshake is over.
var (
	// ErrSlow: the peer did not read, and the queue was full.
	ErrSlow = errors.New("ws: peer too slow, write queue full")
	// ErrIdle: the peer was silent for Options.IdleTimeout.
	ErrIdle = errors.New("ws: peer silent, idle timeout")
	// ErrKilled: Kill was called.
	ErrKilled = errors.New("ws: connection killed")
	// ErrClosed: nothing can be written any more, since Close was called, the
	// peer closed, or the connection is over.
	ErrClosed = errors.New("ws: connection closed")
)

// CloseError says that a connection ended by a close frame.
type CloseError struct {
	Code   uint16 // StatusNone when the peer gave none
	Reason string
	Local  bool // this side began: by Close, or because the peer broke a rule
}

// Error is a line for logs.
func (e *CloseError) Error() string {
	who := "peer closed"
	if e.Local {
		who = "closed here"
	}
	if e.Reason == "" {
		return fmt.Sprintf("ws: %s with %d", who, e.Code)
	}
	return fmt.Sprintf("ws: %s with %d: %s", who, e.Code, e.Reason)
}

// refuse is what the parser answers to a peer that broke a rule.
func refuse(code uint16, reason string) error {
	return &CloseError{Code: code, Reason: reason, Local: true}
}

// validCode reports whether a peer may send the code in a close frame: those
// that RFC 6455 and the IANA registry define for the wire, and 3000 to 4999.
func validCode(c uint16) bool {
	switch {
	case c >= 1000 && c <= 1003, c >= 1007 && c <= 1014:
		return true
	}
	return c >= 3000 && c <= 4999
}
