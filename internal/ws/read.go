package ws

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// readSize is how much one read takes. Messages inside it are not copied.
const readSize = 8 << 10

type readBuffer = [readSize]byte

var readBuffers = sync.Pool{New: func() any { return new(readBuffer) }}

// read is the state of the read loop.
type read struct {
	buf  *readBuffer // nil while parked
	err  error       // of the last try
	n    int32       // what it got
	once bool        // try, and report an empty socket instead of parking
}

// renewAfter is the least time between two goroutines of one connection: the
// price of a fresh stack, a microsecond or two, is paid once per burst.
const renewAfter = time.Second

// errRenew: a fresh goroutine is to take the connection on.
var errRenew = errors.New("ws: continue on a fresh stack")

// errEmpty: a try found nothing to read.
var errEmpty = errors.New("ws: nothing to read")

// read runs until the connection is over and says why: a *CloseError, or an
// error of the network; or errRenew, if renew is set.
func (c *Conn) read(renew bool) error {
	if c.raw == nil && c.in.buf == nil {
		c.in.buf = new(readBuffer)
	}
	try := c.try // bound once: the callback costs no allocation per read
	for {
		if renew && c.talked && c.seen.Load()-c.renewed >= int64(renewAfter) {
			c.talked, c.renewed = false, c.seen.Load()
			return errRenew
		}
		n, err := c.some(try)
		if n > 0 {
			if err := c.take(n); err != nil {
				return err
			}
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errEmpty) {
			err = c.silence(try)
		}
		if err != nil {
			return err
		}
	}
}

// take handles n bytes that were read. A ping that they answer, or that
// crossed them, ends a silence: the next one counts from here.
func (c *Conn) take(n int) error {
	c.touch()
	if c.pinged {
		c.pinged = false
		if err := c.arm(); err != nil {
			return err
		}
	}
	return c.feed(c.in.buf[:n])
}

// some waits for bytes and reads them into in.buf.
func (c *Conn) some(try func(uintptr) bool) (int, error) {
	if c.raw == nil {
		return c.nc.Read(c.in.buf[:])
	}
	c.in.n, c.in.err = 0, nil
	if err := c.raw.Read(try); err != nil {
		return 0, err
	}
	return int(c.in.n), c.in.err
}

// try is the callback of the parking read: it gets a buffer only for as long
// as there is something to read. It runs no handler, since the descriptor
// cannot be closed while it runs.
func (c *Conn) try(fd uintptr) bool {
	in := &c.in
	if in.buf == nil {
		in.buf = readBuffers.Get().(*readBuffer)
	}
	n, again, err := sysRead(fd, in.buf[:])
	if again {
		readBuffers.Put(in.buf)
		in.buf = nil
		in.err = errEmpty
		return in.once
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	in.n, in.err = int32(n), err
	return true
}

// feed hands bytes to the parser; what it finds comes back as message and
// control.
func (c *Conn) feed(b []byte) error {
	return c.parser.feed(b, c.o.maxMessage(), (*received)(c))
}

// received is the connection as the parser sees it.
type received Conn

func (r *received) message(op Op, p []byte) {
	if !r.mute.Load() {
		r.talked = true
		r.h.Message(op, p)
	}
}

func (r *received) control(op ws.OpCode, p []byte) {
	if op == ws.OpPing {
		(*Conn)(r).pong(p)
	}
}

// arm sets the read deadline for what is to be watched next: the closing
// handshake, silence before a ping, or silence for good. It is not moved with
// every message: when it passes, silence looks how long it really was.
func (c *Conn) arm() error {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return c.nc.SetReadDeadline(o.nextEnd())
	}
	var at time.Time
	seen := c.LastSeen()
	ping, idle := c.o.pingAfter(), c.o.idleTimeout()
	if idle > 0 {
		at = seen.Add(idle)
	}
	if ping > 0 && !c.pinged && (idle < 0 || ping < idle) {
		at = seen.Add(ping)
	}
	return c.nc.SetReadDeadline(at)
}

// silence is called when the read deadline has passed. A handler that blocked
// for long leaves a deadline behind it although the peer has sent: so the
// socket is asked once more before the peer is judged.
func (c *Conn) silence(try func(uintptr) bool) error {
	if closing, over := c.closeLate(); over {
		return os.ErrDeadlineExceeded
	} else if closing {
		return c.arm()
	}
	n, err := c.probe(try)
	if n > 0 {
		c.pinged = true // arms again
		return c.take(n)
	}
	if err != nil && !errors.Is(err, errEmpty) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	quiet := time.Since(c.born) - time.Duration(c.seen.Load())
	if idle := c.o.idleTimeout(); idle > 0 && quiet >= idle {
		c.kill(ErrIdle)
		return ErrIdle
	}
	if ping := c.o.pingAfter(); ping > 0 && quiet >= ping && !c.pinged {
		c.pinged = true
		c.Ping()
	}
	c.renewed = c.seen.Load() - int64(renewAfter) // a long wait begins
	return c.arm()
}

// probeTime is how long the portable loop asks a socket for what is there
// already.
const probeTime = 5 * time.Millisecond

// probe reads what is there, without waiting for more.
func (c *Conn) probe(try func(uintptr) bool) (int, error) {
	if c.raw == nil {
		if err := c.nc.SetReadDeadline(time.Now().Add(probeTime)); err != nil {
			return 0, err
		}
		return c.some(nil)
	}
	if err := c.nc.SetReadDeadline(time.Time{}); err != nil {
		return 0, err
	}
	c.in.once = true
	n, err := c.some(try)
	c.in.once = false
	return n, err
}
