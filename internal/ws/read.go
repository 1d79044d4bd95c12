package ws

import (
	"errors"
	"os"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// readSize is how much one read takes. Messages inside it are not copied.
const readSize = 8 << 10

type readBuffer = [readSize]byte

var readBuffers = sync.Pool{New: func() any { return new(readBuffer) }}

// input is the reading half of a connection, of the goroutine that reads.
type input struct {
	buf   *readBuffer // nil while parked
	err   error       // of the last try
	n     int32       // what it got
	early uint16      // bytes in buf that came with the handshake
	once  bool        // try, and report an empty socket instead of parking
}

// renewAfter is the least time between two goroutines of one connection: the
// price of a fresh stack, a microsecond or two, is paid once per burst.
const renewAfter = time.Second

// errRenew: a fresh goroutine is to take the connection on.
var errRenew = errors.New("ws: continue on a fresh stack")

// errEmpty: a try found nothing to read.
var errEmpty = errors.New("ws: nothing to read")

// readLoop reads, and hands messages to the handler, until the connection is
// over. It says why that is: a *CloseError, or an error of the network; or
// errRenew, if renew is set.
func (c *Conn) readLoop(renew bool) error {
	if c.raw == nil && c.in.buf == nil {
		c.in.buf = new(readBuffer)
	}
	try := c.tryRead // bound once: the callback costs no allocation per read
	limit := c.o.maxMessage()
	n, err := int(c.in.early), error(nil)
	c.in.early = 0
	for {
		switch {
		case n > 0: // early
		case renew && c.talked && c.seen.Load()-c.renewed >= int64(renewAfter):
			c.talked, c.renewed = false, c.seen.Load()
			return errRenew
		case c.raw == nil:
			n, err = c.nc.Read(c.in.buf[:])
		default:
			if err = c.raw.Read(try); err == nil {
				n, err = int(c.in.n), c.in.err
			}
		}
		if n == 0 && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errEmpty)) {
			n, err = c.judgeSilence(try)
		}
		if n == 0 {
			if err != nil {
				return err
			}
			continue
		}
		c.seen.Store(int64(time.Since(c.born)))
		if c.pinged { // what answers a ping, or crossed it, ends a silence: the next one counts from here
			c.pinged = false
			if err := c.armDeadline(); err != nil {
				return err
			}
		}
		for b := c.in.buf[:n]; len(b) > 0; {
			op, payload, size, err := c.parser.next(b, limit)
			if err != nil {
				return err
			}
			b = b[size:]
			switch op {
			case ws.OpPing:
				c.pong(payload)
			case ws.OpText, ws.OpBinary:
				if !c.mute.Load() {
					c.talked = true
					c.h.Message(Op(op), payload)
				}
				if c.parser.part != nil {
					c.parser.releasePart()
				}
			}
		}
		n = 0
	}
}

// armDeadline sets the read deadline for what is to be watched next: the closing
// handshake, silence before a ping, or silence for good. It is not moved with
// every message: when it passes, judgeSilence looks how long it really was.
func (c *Conn) armDeadline() error {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return c.nc.SetReadDeadline(o.closeDeadline())
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

// judgeSilence is called when the read deadline has passed. A handler that
// blocked for long leaves a deadline behind it although the peer has sent: so
// the socket is asked once more before the peer is judged, and n is what was
// there after all.
func (c *Conn) judgeSilence(try func(uintptr) bool) (n int, err error) {
	if closing, over := c.closeLate(); over {
		return 0, os.ErrDeadlineExceeded
	} else if closing {
		return 0, c.armDeadline()
	}
	n, err = c.probe(try)
	if n > 0 {
		c.pinged = true // arms again
		return n, nil
	}
	if err != nil && !errors.Is(err, errEmpty) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, err
	}
	quiet := time.Since(c.born) - time.Duration(c.seen.Load())
	if idle := c.o.idleTimeout(); idle > 0 && quiet >= idle {
		c.killWith(ErrIdle)
		return 0, ErrIdle
	}
	if ping := c.o.pingAfter(); ping > 0 && quiet >= ping && !c.pinged {
		c.pinged = true
		c.Ping()
	}
	c.renewed = c.seen.Load() - int64(renewAfter) // a long wait begins
	return 0, c.armDeadline()
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
		return c.nc.Read(c.in.buf[:])
	}
	if err := c.nc.SetReadDeadline(time.Time{}); err != nil {
		return 0, err
	}
	c.in.once = true
	err := c.raw.Read(try)
	c.in.once = false
	if err != nil {
		return 0, err
	}
	return int(c.in.n), c.in.err
}
