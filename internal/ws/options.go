package ws

import (
	"net/http"
	"time"
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

// or returns v, or the default when v is not set.
func or[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

func (o *Options) refuse(w http.ResponseWriter, r *http.Request, e *HandshakeError) {
	if o.Refuse != nil {
		o.Refuse(w, r, e)
		return
	}
	http.Error(w, e.Reason, e.Status)
}

func (o *Options) maxMessage() int             { return or(o.MaxMessage, 64<<10) }
func (o *Options) maxQueue() int               { return or(o.MaxQueue, 256<<10) }
func (o *Options) writeTimeout() time.Duration { return or(o.WriteTimeout, 10*time.Second) }
func (o *Options) pingAfter() time.Duration    { return or(o.PingAfter, 25*time.Second) }
func (o *Options) idleTimeout() time.Duration  { return or(o.IdleTimeout, 60*time.Second) }
func (o *Options) closeTimeout() time.Duration { return or(o.CloseTimeout, 5*time.Second) }
