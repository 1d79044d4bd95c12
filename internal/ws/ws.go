// Package ws is the server side of RFC 6455, the WebSocket protocol, without
// extensions: the opening handshake over net/http, frames, fragmentation,
// incremental UTF-8, close codes, size limits and liveness.
//
// It owns a connection's socket from Accept until Serve returns. It knows
// nothing of what the messages mean, keeps no list of connections and starts
// no goroutine that outlives its connection.
//
// Accept hands out a Conn; exactly one goroutine then calls Serve, which reads
// until the connection is over and calls the Handler for every message. All
// other methods may be called from any goroutine, also from the Handler.
//
// # What a connection costs
//
// On Unix a connection that waits holds no buffer: its goroutine parks inside
// syscall.RawConn.Read and takes a buffer from a pool only once there is
// something to read. Over TLS, on other systems and with Options.BufferedRead
// the same state machine is fed by a plain loop with a buffer of its own. No
// goroutine writes at rest: whoever finds the connection idle writes, without
// ever blocking, and only what a full socket did not take is left to a
// goroutine that ends when the socket has it.
//
// # Slow and dead peers
//
// A peer that does not read fills the queue: beyond Options.MaxQueue, or after
// Options.WriteTimeout without room, the connection is dropped. A peer that is
// silent is pinged after Options.PingAfter and dropped after
// Options.IdleTimeout. A Handler that blocks stops the reading of its own
// connection and nothing else, so TCP slows that peer down. A partial message
// is held in a buffer of at most Options.MaxMessage that grows as bytes arrive,
// never by what a header promises.
package ws

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gobwas/ws"
)

// Op is the kind of a message.
type Op byte

// The kinds of messages (RFC 6455, section 5.6).
const (
	Text   Op = Op(ws.OpText)
	Binary Op = Op(ws.OpBinary)
)

// Options are the limits of connections. The zero value, or a nil pointer,
// means the defaults. They are shared by all connections accepted with them
// and must not be changed afterwards.
type Options struct {
	// MaxMessage is the largest message accepted, in bytes, whatever number of
	// fragments it comes in: the first header that would exceed it ends the
	// connection with 1009, before anything is buffered. Default 64 KiB.
	MaxMessage int

	// WriteTimeout is how long the peer may leave the socket full before it is
	// dropped. It also bounds the handshake's answer. Default 10 s.
	WriteTimeout time.Duration

	// PingAfter is the silence after which the peer is pinged. Default 25 s;
	// negative: never.
	PingAfter time.Duration

	// IdleTimeout is the silence after which the peer is dropped; any frame
	// counts as life. Default 60 s; negative: never.
	IdleTimeout time.Duration

	// CloseTimeout bounds the closing handshake, from the close frame to the
	// end of the socket. Default 5 s.
	CloseTimeout time.Duration

	// MaxQueue is how many bytes of frames may wait for a full socket. One
	// message more is ErrSlow, and the connection is dropped. A message that
	// finds nothing waiting is always taken. Default 256 KiB.
	MaxQueue int

	// Subprotocols are echoed when the client offers them; its first that is
	// listed here is chosen. A subprotocol that was not offered is never sent.
	Subprotocols []string

	// Refuse writes the answer to a handshake that is refused with e.Status; the
	// headers that RFC 6455 asks for are set. Default: e.Reason as plain text.
	Refuse func(w http.ResponseWriter, r *http.Request, e *HandshakeError)

	// BufferedRead uses the portable loop (blocking reads with a buffer per
	// connection, writes always by a goroutine) where parking is possible too.
	BufferedRead bool
}

// orDefault returns v, or the default when v is not set.
func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

func (o *Options) refuseHandshake(w http.ResponseWriter, r *http.Request, e *HandshakeError) {
	if o.Refuse != nil {
		o.Refuse(w, r, e)
		return
	}
	http.Error(w, e.Reason, e.Status)
}

func (o *Options) maxMessage() int             { return orDefault(o.MaxMessage, 64<<10) }
func (o *Options) maxQueue() int               { return orDefault(o.MaxQueue, 256<<10) }
func (o *Options) writeTimeout() time.Duration { return orDefault(o.WriteTimeout, 10*time.Second) }
func (o *Options) pingAfter() time.Duration    { return orDefault(o.PingAfter, 25*time.Second) }
func (o *Options) idleTimeout() time.Duration  { return orDefault(o.IdleTimeout, 60*time.Second) }
func (o *Options) closeTimeout() time.Duration { return orDefault(o.CloseTimeout, 5*time.Second) }

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
