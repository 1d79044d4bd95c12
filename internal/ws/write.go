package ws

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
	"unicode/utf8"

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
	mu      sync.Mutex
	queue   []byte // whole frames, but for the rest of one at the beginning
	flight  int    // bytes that the drainer has taken and not written yet
	pong    string // payload of the ping to answer when there is room again
	pongDue bool   // pong is to be sent
	pingDue bool   // a ping is to be sent

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

// queued is how many bytes wait for the socket.
func (o *output) queued() int { return o.flight + len(o.queue) }

// ended reports whether nothing more can be queued.
func (o *output) ended() bool { return o.closing || o.broken || o.dead }

// Write sends a message as one frame. It never blocks: what a full socket does
// not take is copied and left to a goroutine. With more than Options.MaxQueue
// waiting the connection is dropped and the error is ErrSlow; after the end it
// is ErrClosed. Several goroutines may write.
func (c *Conn) Write(op Op, p []byte) error {
	o := &c.out
	o.mu.Lock()
	if o.ended() {
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
	if w := o.queued(); w > 0 && w+frameSize(len(p)) > c.o.maxQueue() {
		o.mu.Unlock()
		c.killWith(ErrSlow)
		return ErrSlow
	}
	o.queue = appendFrame(o.queue, ws.OpCode(op), p)
	c.startDrain()
	o.mu.Unlock()
	return nil
}

// Ping asks the peer for a sign of life; LastSeen moves when it answers.
func (c *Conn) Ping() {
	o := &c.out
	o.mu.Lock()
	if o.queued() >= controlRoom {
		o.pingDue = true
	} else if !o.ended() {
		o.queue = appendFrame(o.queue, ws.OpPing, nil)
	}
	c.writeControls()
}

// pong answers a ping: at once, or when there is room again; then only the
// latest.
func (c *Conn) pong(p []byte) {
	o := &c.out
	o.mu.Lock()
	if o.queued() >= controlRoom {
		o.pong = string(p)
		o.pongDue = true
	} else if !o.ended() {
		o.pongDue = false // an older ping, answered by this
		o.queue = appendFrame(o.queue, ws.OpPong, p)
	}
	c.writeControls()
}

// writeControls writes the control frames that are due, or leaves them to whoever
// writes. It is called with mu held and releases it.
func (c *Conn) writeControls() {
	o := &c.out
	if o.ended() || o.busy {
		o.mu.Unlock()
		return
	}
	if c.raw == nil {
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

// takeQueued moves everything that is due to b. A close frame stays the last.
func (o *output) takeQueued(b []byte) []byte {
	b = append(b, o.queue...)
	o.queue = nil
	if !o.closing && o.pingDue {
		b = appendFrame(b, ws.OpPing, nil)
	}
	if !o.closing && o.pongDue {
		b = appendFrame(b, ws.OpPong, []byte(o.pong))
	}
	o.pingDue, o.pongDue, o.pong = false, false, ""
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
	f.try = f.tryWrite
	return f
}}

// flush writes f and what is queued meanwhile, without ever waiting for the
// socket. The caller has set busy; flush sees to its end.
func (c *Conn) flush(f *frame) (err error) {
	o := &c.out
	for round := 1; ; round++ {
		f.n, f.err = 0, nil
		if err = c.raw.Write(f.try); err == nil {
			err = f.err
		}
		o.mu.Lock()
		if err != nil {
			err = c.endWriting(err)
			break
		}
		rest := f.b[f.n:]
		if len(rest) > 0 || round == maxRounds && len(o.queue) > 0 {
			o.queue = append(append(make([]byte, 0, len(rest)+len(o.queue)), rest...), o.queue...)
			go c.drain()
			o.mu.Unlock()
			break
		}
		if o.last == nil && len(o.queue) == 0 && !o.pingDue && !o.pongDue { // as a rule
			o.busy = false
			o.mu.Unlock()
			break
		}
		if f.b = o.takeQueued(f.b[:0]); len(f.b) == 0 {
			c.endTurn()
			break
		}
		o.mu.Unlock()
	}
	if cap(f.b) <= maxPooled {
		frames.Put(f)
	}
	return err
}

// startDrain leaves what is queued to a goroutine, unless somebody writes
// already. It is called with mu held.
func (c *Conn) startDrain() {
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
		batch := o.takeQueued(nil)
		if len(batch) == 0 {
			break
		}
		o.flight = len(batch)
		o.mu.Unlock()
		err := c.writePieces(batch)
		o.mu.Lock()
		o.flight = 0
		if err != nil {
			_ = c.endWriting(err) // kept as the cause
			return
		}
	}
	_ = c.nc.SetWriteDeadline(time.Time{}) // fails only on a closed socket
	c.endTurn()
}

// writePieces writes a batch, each piece with a deadline of its own.
func (c *Conn) writePieces(batch []byte) error {
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

// endWriting ends the writing half after an error. A peer that left no room for
// WriteTimeout is dropped; one that broke off may have sent something before,
// so the reading goes on to its end, within CloseTimeout. It is called with mu
// held by the writer, and releases it.
func (c *Conn) endWriting(err error) error {
	o := &c.out
	late := errors.Is(err, os.ErrDeadlineExceeded)
	err = fmt.Errorf("ws: write: %w", err)
	if o.dead || errors.Is(err, net.ErrClosed) {
		err = ErrClosed
	} else if !late && !o.closing {
		c.setCloseDeadline(c.o.closeTimeout())
	}
	o.broken, o.closing, o.queue = true, true, nil
	c.endTurn()
	if late {
		c.killWith(err)
	}
	return err
}

// endTurn ends the writer's turn: everything is written. It is called with mu
// held, and releases it.
func (c *Conn) endTurn() {
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

// frameSize is the size of an unmasked frame with n bytes of payload.
func frameSize(n int) int { return ws.HeaderSize(ws.Header{Length: int64(n)}) + n }

// appendFrame appends a final, unmasked frame. (ws.WriteHeaderBuffer writes to
// an interface, which would cost an allocation per message.)
func appendFrame(b []byte, op ws.OpCode, p []byte) []byte {
	b = append(b, 0x80|byte(op))
	switch n := len(p); {
	case n <= 125:
		b = append(b, byte(n))
	case n <= 0xFFFF:
		b = append(b, 126)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b = append(b, 127)
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return append(b, p...)
}

// appendClose appends a close frame. Code 1005 means none: the frame is empty.
// The reason is cut to what fits, at a character's edge.
func appendClose(b []byte, code uint16, reason string) []byte {
	if code == StatusNone {
		return appendFrame(b, ws.OpClose, nil)
	}
	n := min(len(reason), maxControl-2)
	for n > 0 && n < len(reason) && !utf8.RuneStart(reason[n]) {
		n--
	}
	b = append(b, 0x80|byte(ws.OpClose), byte(2+n))
	b = binary.BigEndian.AppendUint16(b, code)
	return append(b, reason[:n]...)
}
