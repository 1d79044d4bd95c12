package ws

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

const (
	// controlRoom: with this much waiting, in bytes, pings are no longer
	// answered one by one: only the latest is (RFC 6455, section 5.5.3).
	controlRoom = 4 << 10
	// maxRounds is how often a writer takes on what others queued meanwhile,
	// before a goroutine of its own goes on.
	maxRounds = 4
	// pieceSize is written with one deadline: a peer that reads slowly, but
	// reads, is not dropped.
	pieceSize = 16 << 10
)

// output is the writing half of a connection. Whoever sets busy is the only
// writer, until everything queued is written. mu is never held while writing.
type output struct {
	mu     sync.Mutex
	queue  []byte // whole frames, but for the rest of one at the beginning
	flight int    // bytes that the drainer has taken and not written yet
	pong   string // payload of the ping to answer when there is room again
	owed   bool   // pong is to be sent
	ping   bool   // a ping is to be sent

	busy    bool // somebody writes
	broken  bool // the socket takes nothing any more
	closing bool // a close frame was queued: nothing goes behind it
	sent    bool // and it was written
	half    bool // the peer's side is over: FIN follows the close frame
	fin     bool // and was sent
	dead    bool // the socket is closed

	last *ending // nil until the end begins
}

// ending is what only a connection that comes to its end needs.
type ending struct {
	fin   time.Time     // when FIN goes behind a close frame that was not answered
	by    time.Time     // when the closing handshake is given up
	close *CloseError   // the close frame that was sent
	cause error         // why the connection is over
	idle  chan struct{} // closed when busy ends, for whoever waits for it
}

// ending is called with mu held.
func (o *output) ending() *ending {
	if o.last == nil {
		o.last = new(ending)
	}
	return o.last
}

func (o *output) waiting() int { return o.flight + len(o.queue) }

func (o *output) over() bool { return o.closing || o.broken || o.dead }

// Write sends a message as one frame. It never blocks: what a full socket does
// not take is copied and left to a goroutine. With more than Options.MaxQueue
// waiting the connection is dropped and the error is ErrSlow; after the end it
// is ErrClosed. Several goroutines may write.
func (c *Conn) Write(op Op, p []byte) error {
	o := &c.out
	o.mu.Lock()
	if o.over() {
		o.mu.Unlock()
		return ErrClosed
	}
	if !o.busy && c.raw != nil {
		o.busy = true
		o.mu.Unlock()
		f := frames.Get().(*frame)
		f.b = appendFrame(f.b[:0], ws.OpCode(op), p)
		return c.flush(f)
	}
	if w := o.waiting(); w > 0 && w+frameSize(len(p)) > c.o.maxQueue() {
		o.mu.Unlock()
		c.kill(ErrSlow)
		return ErrSlow
	}
	o.queue = appendFrame(o.queue, ws.OpCode(op), p)
	c.handOver()
	o.mu.Unlock()
	return nil
}

// Ping asks the peer for a sign of life; LastSeen moves when it answers.
func (c *Conn) Ping() {
	o := &c.out
	o.mu.Lock()
	if o.waiting() >= controlRoom {
		o.ping = true
	} else if !o.over() {
		o.queue = appendFrame(o.queue, ws.OpPing, nil)
	}
	c.controls()
}

// pong answers a ping: at once, or when there is room again; then only the
// latest.
func (c *Conn) pong(p []byte) {
	o := &c.out
	o.mu.Lock()
	if o.waiting() >= controlRoom {
		o.pong = string(p)
		o.owed = true
	} else if !o.over() {
		o.owed = false // an older ping, answered by this
		o.queue = appendFrame(o.queue, ws.OpPong, p)
	}
	c.controls()
}

// controls writes the control frames that are due, or leaves them to whoever
// writes. It is called with mu held and releases it.
func (c *Conn) controls() {
	o := &c.out
	if o.over() || o.busy {
		o.mu.Unlock()
		return
	}
	if c.raw == nil {
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

// take moves everything that is due to b. A close frame stays the last.
func (o *output) take(b []byte) []byte {
	b = append(b, o.queue...)
	o.queue = nil
	if !o.closing && o.ping {
		b = appendFrame(b, ws.OpPing, nil)
	}
	if !o.closing && o.owed {
		b = appendFrame(b, ws.OpPong, []byte(o.pong))
	}
	o.ping, o.owed, o.pong = false, false, ""
	return b
}

// frame is a buffer that is written with one system call. The callback is
// bound once, so that a write costs no allocation.
type frame struct {
	b   []byte
	n   int
	err error
	try func(fd uintptr) bool
}

var frames = sync.Pool{New: func() any {
	f := &frame{b: make([]byte, 0, 1024)}
	f.try = func(fd uintptr) bool {
		f.n, f.err = sysWrite(fd, f.b)
		return true
	}
	return f
}}

func (f *frame) release() {
	if cap(f.b) <= maxPooled {
		frames.Put(f)
	}
}

// flush writes f and what is queued meanwhile, without ever waiting for the
// socket. The caller has set busy; flush sees to its end.
func (c *Conn) flush(f *frame) error {
	defer f.release()
	o := &c.out
	for round := 1; ; round++ {
		f.n, f.err = 0, nil
		err := c.raw.Write(f.try)
		if err == nil {
			err = f.err
		}
		o.mu.Lock()
		if err != nil {
			return c.broke(err)
		}
		rest := f.b[f.n:]
		if len(rest) > 0 || round == maxRounds && len(o.queue) > 0 {
			o.queue = append(append(make([]byte, 0, len(rest)+len(o.queue)), rest...), o.queue...)
			go c.drain()
			o.mu.Unlock()
			return nil
		}
		if f.b = o.take(f.b[:0]); len(f.b) == 0 {
			c.rest()
			return nil
		}
		o.mu.Unlock()
	}
}

// handOver leaves what is queued to a goroutine, unless somebody writes
// already. It is called with mu held.
func (c *Conn) handOver() {
	if !c.out.busy {
		c.out.busy = true
		go c.drain()
	}
}

// drain writes until nothing is queued, waiting for the socket at most
// WriteTimeout each time. It lives only as long as busy is set.
func (c *Conn) drain() {
	o := &c.out
	o.mu.Lock()
	for !o.dead {
		batch := o.take(nil)
		if len(batch) == 0 {
			break
		}
		o.flight = len(batch)
		o.mu.Unlock()
		err := c.pieces(batch)
		o.mu.Lock()
		o.flight = 0
		if err != nil {
			_ = c.broke(err) // kept as the cause
			return
		}
	}
	_ = c.nc.SetWriteDeadline(time.Time{}) // fails only on a closed socket
	c.rest()
}

// pieces writes a batch, each piece with a deadline of its own.
func (c *Conn) pieces(batch []byte) error {
	for len(batch) > 0 {
		if err := c.nc.SetWriteDeadline(time.Now().Add(c.o.writeTimeout())); err != nil {
			return err
		}
		n, err := c.nc.Write(batch[:min(len(batch), pieceSize)])
		if err != nil {
			return err
		}
		batch = batch[n:]
		c.out.mu.Lock()
		c.out.flight = len(batch)
		c.out.mu.Unlock()
	}
	return nil
}

// broke ends the writing half after an error. A peer that left no room for
// WriteTimeout is dropped; one that broke off may have sent something before,
// so the reading goes on to its end, within CloseTimeout. It is called with mu
// held by the writer, and releases it.
func (c *Conn) broke(err error) error {
	o := &c.out
	late := errors.Is(err, os.ErrDeadlineExceeded)
	err = fmt.Errorf("ws: write: %w", err)
	if o.dead || errors.Is(err, net.ErrClosed) {
		err = ErrClosed
	} else if !late && !o.closing {
		c.endIn(c.o.closeTimeout())
	}
	o.broken, o.closing, o.queue = true, true, nil
	c.rest()
	if late {
		c.kill(err)
	}
	return err
}

// rest ends the writer's turn: everything is written. It is called with mu
// held, and releases it.
func (c *Conn) rest() {
	o := &c.out
	if o.closing && !o.broken && !o.dead {
		o.sent = true
		if o.half && !o.fin {
			o.fin = true
			o.mu.Unlock()
			c.sendFIN()
			o.mu.Lock()
		}
	}
	o.busy = false
	if o.last != nil && o.last.idle != nil {
		close(o.last.idle)
		o.last.idle = nil
	}
	o.mu.Unlock()
}
