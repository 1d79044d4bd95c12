package ws

import (
	"errors"
	"time"
)

// Close starts the closing handshake (RFC 6455, section 7) behind what is
// queued and returns at once; Serve returns when it is over, after
// Options.CloseTimeout at the latest. From now on nothing can be written, and
// no further message reaches the handler. The reason is cut to 123 bytes. Safe
// twice: the first call counts.
func (c *Conn) Close(code uint16, reason string) {
	c.mute.Store(true)
	c.startClose(&CloseError{Code: code, Reason: reason, Local: true}, false)
}

// startClose queues the close frame, unless there is one. half: the peer's
// side of the conversation is over, so the frame is followed by the FIN.
func (c *Conn) startClose(e *CloseError, half bool) {
	o := &c.out
	o.mu.Lock()
	o.half = o.half || half
	if o.dead || o.broken {
		o.mu.Unlock()
		return
	}
	if o.closing {
		if !o.half || !o.sent || o.busy {
			o.mu.Unlock()
			return
		}
		o.busy = true
		c.rest()
		return
	}
	o.closing, o.ending().close = true, e
	c.endBy(time.Now().Add(c.o.closeTimeout()))
	o.queue = appendClose(o.queue, e.Code, e.Reason)
	if c.raw == nil || o.busy {
		c.handOver()
		o.mu.Unlock()
		return
	}
	o.busy = true
	f := frames.Get().(*frame)
	f.b = o.take(f.b[:0])
	o.mu.Unlock()
	_ = c.flush(f) // an error of the socket reaches the read loop too
}

// endBy sets when the closing handshake ends at the latest. It is called with
// mu held, so that no other deadline for reading can come after it.
func (c *Conn) endBy(t time.Time) {
	c.out.ending().by = t
	_ = c.nc.SetReadDeadline(t) // fails only on a closed socket
}

// farewell ends the conversation after the read loop has: it sends the close
// frame that is still due, and reads what the peer is sending until it is
// gone, since closing a socket with unread bytes makes TCP discard the close
// frame on its way. It returns why the connection is over.
func (c *Conn) farewell(err error) error {
	c.mute.Store(true)
	var e *CloseError
	if errors.As(err, &e) {
		echo := *e
		if !e.Local {
			echo.Reason = ""
		}
		c.startClose(&echo, true)
		c.linger()
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if own := c.out.ending().close; own != nil && (e == nil || own.Local) {
		return own
	}
	return err
}

// linger discards what arrives until the peer closes or the closing handshake
// has lasted too long.
func (c *Conn) linger() {
	if c.raw == nil && c.in.buf == nil {
		c.in.buf = new(readBuffer)
	}
	try := c.try
	err := c.arm()
	for err == nil {
		_, err = c.some(try)
	}
}

// sendFIN ends the stream to the peer: the server is the first to close
// (section 7.1.1), but reads on.
func (c *Conn) sendFIN() {
	_ = c.nc.SetWriteDeadline(time.Now().Add(c.o.closeTimeout())) // TLS writes
	if w, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite() // a peer that is gone needs no FIN
	}
}
