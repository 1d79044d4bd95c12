package ws

import (
	"errors"
	"net"
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
		c.endTurn()
		return
	}
	o.closing, o.ending().close = true, e
	c.setCloseDeadline(c.o.closeTimeout())
	o.queue = appendClose(o.queue, e.Code, e.Reason)
	if c.raw == nil || o.busy {
		c.startDrain()
		o.mu.Unlock()
		return
	}
	o.busy = true
	f := frames.Get().(*frame)
	f.b = o.takeQueued(f.b[:0])
	o.mu.Unlock()
	_ = c.flush(f) // an error of the socket reaches the read loop too
}

// setCloseDeadline sets when the closing handshake ends at the latest. The peer has half of
// that to answer the close frame, and the other half to read the end of the
// stream. It is called with mu held, so that no other deadline for reading can
// come after it.
func (c *Conn) setCloseDeadline(d time.Duration) {
	now, e := time.Now(), c.out.ending()
	e.fin, e.by = now.Add(d/2), now.Add(d)
	_ = c.nc.SetReadDeadline(c.out.closeDeadline()) // fails only on a closed socket
}

// closeDeadline is when the closing handshake goes on without the peer. It is called
// with mu held.
func (o *output) closeDeadline() time.Time {
	if e := o.ending(); !o.half {
		return e.fin
	}
	return o.last.by
}

// closeLate goes on with a closing handshake whose deadline has passed: FIN goes
// behind a close frame that nobody answered, then the peer has the rest of the
// time. over: it had. closing is false when there is no such handshake.
func (c *Conn) closeLate() (closing, over bool) {
	o := &c.out
	o.mu.Lock()
	now := time.Now()
	switch {
	case !o.closing:
		o.mu.Unlock()
		return false, false
	case !now.Before(o.ending().by):
		o.mu.Unlock()
		return true, true
	case now.Before(o.last.fin) || o.half:
		o.mu.Unlock()
		return true, false
	}
	o.half = true
	if !o.sent || o.busy {
		o.mu.Unlock()
		return true, false // whoever writes sends it
	}
	o.busy = true
	c.endTurn()
	return true, false
}

// finishClosing ends the conversation after the read loop has: it sends the
// close frame that is still due, and reads what the peer is sending until it is
// gone, since closing a socket with unread bytes makes TCP discard the close
// frame on its way. It returns why the connection is over.
func (c *Conn) finishClosing(err error) error {
	muted := c.mute.Swap(true)
	var e *CloseError
	if errors.As(err, &e) {
		if r, ok := c.h.(Refuser); ok && e.Local && !muted {
			r.Refused(e)
		}
		echo := *e
		if !e.Local {
			echo.Reason = ""
		}
		c.startClose(&echo, true)
		c.discardUntilEnd()
	}
	c.out.mu.Lock()
	orderly := c.out.fin && !c.out.dead
	c.out.mu.Unlock()
	if orderly {
		c.emptySocket()
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if own := c.out.ending().close; own != nil && (e == nil || own.Local) {
		return own
	}
	return err
}

// discardUntilEnd reads until the peer closes or the closing handshake has lasted
// too long.
func (c *Conn) discardUntilEnd() {
	if c.raw == nil && c.in.buf == nil {
		c.in.buf = new(readBuffer)
	}
	try := c.tryRead
	err := c.armDeadline()
	for err == nil {
		if c.raw == nil {
			_, err = c.nc.Read(c.in.buf[:])
		} else if err = c.raw.Read(try); err == nil {
			err = c.in.err
		}
	}
}

// maxEmptied bounds what emptySocket reads, in reads.
const maxEmptied = 64

// emptySocket discards what has arrived when an orderly end is over: a socket
// that is closed with something unread sends RST, not FIN.
func (c *Conn) emptySocket() {
	for range maxEmptied {
		if n, err := c.probe(c.tryRead); n == 0 || err != nil {
			return
		}
	}
}

// sendFIN ends the stream to the peer: the server is the first to close
// (section 7.1.1), but reads on.
func (c *Conn) sendFIN() {
	_ = c.nc.SetWriteDeadline(time.Now().Add(c.o.closeTimeout())) // TLS writes
	// TLS says close_notify, then TCP its FIN.
	for _, nc := range []net.Conn{c.nc, c.belowTLS()} {
		if w, ok := nc.(interface{ CloseWrite() error }); ok {
			_ = w.CloseWrite() // a peer that is gone needs none; the second time is none
		}
	}
}
