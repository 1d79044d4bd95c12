package ws

import (
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// Handler takes the messages of one connection, one after the other, on the
// goroutine that serves it. The payload is valid during the call only. A
// Message that blocks stops the reading of this connection. Writing may fail
// already while messages still arrive: what the peer had sent before it broke
// off is delivered.
type Handler interface {
	Message(op Op, payload []byte)
}

// Refuser is a Handler that wants to know of what breaks a rule of frames or
// text. It is called before the close frame is queued, and may still write.
type Refuser interface {
	Refused(e *CloseError)
}

// Conn is the server's end of a WebSocket. One goroutine calls Serve; all
// other methods may be called from any.
type Conn struct {
	o    *Options
	nc   net.Conn        // what is read and written: TCP, or TLS over it
	raw  syscall.RawConn // nil: the portable loop
	born time.Time

	seen atomic.Int64 // last sign of life, ns after born
	mute atomic.Bool  // no further messages go to the handler

	// The following belong to the goroutine that reads.
	pinged  bool  // since the last sign of life
	talked  bool  // a message was handled on this goroutine
	renewed int64 // when this goroutine took over, ns after born
	h       Handler
	parser  parser
	in      input

	out output
}

func newConn(nc net.Conn, o *Options, early []byte) *Conn {
	c := &Conn{o: o, nc: nc, born: time.Now()}
	if len(early) > 0 {
		c.in.buf = readBuffers.Get().(*readBuffer)
		c.in.early = uint16(copy(c.in.buf[:], early))
	}
	if sc, ok := nc.(syscall.Conn); ok && canPark && !o.BufferedRead {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
		}
	}
	return c
}

// Serve reads until the connection is over, calling h for every message, and
// returns why it is over: a *CloseError when there was a close frame, else
// ErrSlow, ErrIdle, ErrKilled or an error of the network (io.EOF for a peer
// that left without a word). When it returns the socket is closed, no write is
// under way and none of the connection's goroutines is left. A Conn is served
// once, by Serve or Start.
func (c *Conn) Serve(h Handler) error {
	c.h = h
	err := c.prepareToRead()
	if err == nil {
		err = c.readLoop(false)
	}
	return c.endServing(err)
}

// Start is Serve on goroutines of the connection's own, one at a time; over is
// called on the last of them with what Serve would have returned, when nothing
// but over is left to wait for. It returns at once.
//
// It is for many connections: a handler that needs a deep stack leaves Serve's
// goroutine with a grown one, which the runtime never gives back entirely.
// Here a connection goes on with a fresh, small stack after it has handled
// messages, at most once a second, and before it waits for long.
func (c *Conn) Start(h Handler, over func(error)) {
	c.h = h
	go func() {
		if err := c.prepareToRead(); err != nil {
			over(c.endServing(err))
			return
		}
		c.readRenewed(over)
	}()
}

// readRenewed reads on a goroutine of its own, until the connection is over or a
// fresh goroutine takes the connection on.
func (c *Conn) readRenewed(over func(error)) {
	err := c.readLoop(true)
	if err == errRenew {
		go c.readRenewed(over)
		return
	}
	over(c.endServing(err))
}

// prepareToRead is what comes before the first read.
func (c *Conn) prepareToRead() error {
	c.seen.Store(int64(time.Since(c.born)))
	c.renewed = -int64(renewAfter)
	return c.armDeadline()
}

// endServing is what comes after the last read: the closing handshake, and the
// end of the socket and of the writes under way. It returns why the connection is
// over: the first cause.
func (c *Conn) endServing(err error) error {
	err = c.finishClosing(err)
	if c.parser.part != nil {
		c.parser.releasePart()
	}
	if c.in.buf != nil {
		readBuffers.Put(c.in.buf)
		c.in.buf = nil
	}
	c.mute.Store(true)
	o := &c.out
	o.mu.Lock()
	first := !o.dead
	o.dead = true
	e := o.ending()
	if e.cause == nil {
		e.cause = err
	}
	var idle chan struct{}
	if o.busy {
		idle = make(chan struct{})
		e.idle = idle
	}
	err = e.cause
	o.mu.Unlock()
	if first {
		c.closeSocket(false)
	}
	if idle != nil {
		<-idle
	}
	return err
}

// LastSeen is when the peer gave its last sign of life: any bytes count.
func (c *Conn) LastSeen() time.Time {
	return c.born.Add(time.Duration(c.seen.Load()))
}

// RemoteAddr is the peer's address, as the socket has it.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// Kill drops the socket at once, without a closing handshake. What was queued
// is lost. Safe twice, and after the end.
func (c *Conn) Kill() { c.killWith(ErrKilled) }

// killWith drops the socket; the first cause is what Serve returns.
func (c *Conn) killWith(cause error) {
	c.mute.Store(true)
	o := &c.out
	o.mu.Lock()
	first := !o.dead
	o.dead = true
	if e := o.ending(); e.cause == nil {
		e.cause = cause
	}
	o.mu.Unlock()
	if first {
		c.closeSocket(true)
	}
}

// closeSocket closes the socket under whatever is read or written. TLS gets no
// farewell: it could block. With reset the kernel forgets what it holds
// unsent, instead of trying to deliver it for minutes.
func (c *Conn) closeSocket(reset bool) {
	nc := c.belowTLS()
	if t, ok := nc.(interface{ SetLinger(int) error }); ok && reset {
		_ = t.SetLinger(0) // a socket that is gone already needs no reset
	}
	_ = nc.Close() // nothing left to do about an error of a connection given up
}

// Socket is the connection's socket as it was accepted, below TLS, for whoever keeps
// account of those. It is not to be read, written or closed.
func (c *Conn) Socket() net.Conn { return c.belowTLS() }

// belowTLS is the connection below TLS.
func (c *Conn) belowTLS() net.Conn {
	if t, ok := c.nc.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c.nc
}
