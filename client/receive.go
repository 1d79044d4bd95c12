package client

import (
	"context"
	"fmt"
	"time"

	"vaiven"
	"vaiven/wire"
)

// read takes the server's messages until the connection is over.
func (cn *connection) read() error {
	for {
		_, r, err := cn.ws.Reader(context.Background())
		if err != nil {
			return err
		}
		cn.in.Reset()
		if _, err := cn.in.ReadFrom(r); err != nil {
			return err
		}
		cn.noteAlive()
		m, err := wire.DecodeServer(cn.in.Bytes())
		if err != nil {
			// Not for this device, or of a later protocol: it must not stop readings.
			cn.c.o.Logger.Debug("unknown message", "device", cn.c.device, "err", err)
			continue
		}
		cn.receive(&m)
	}
}

func (cn *connection) receive(m *wire.ServerMessage) {
	if m.Device != "" && m.Device != cn.c.device {
		return
	}
	switch m.Kind {
	case wire.ServerWelcome:
		cn.gotWelcome(m)
	case wire.ServerAck:
		cn.gotAck(m)
	case wire.ServerDesired:
		cn.gotDesired(m)
	case wire.ServerToken:
		cn.gotToken(m)
	case wire.ServerNonce:
		cn.gotNonce(m)
	case wire.ServerError:
		cn.gotError(m)
	case wire.ServerBye:
		cn.bye = m
		cn.leaving.Store(true)
		cn.limit.Reset(cn.c.o.CloseTimeout)
	}
}

// gotWelcome learns where to go on: the answer to HELLO, or to a SEQ that the
// server did not expect.
func (cn *connection) gotWelcome(m *wire.ServerMessage) {
	c := cn.c
	now := time.Now()
	c.mu.Lock()
	if !c.isOwnBoot(m) {
		c.mu.Unlock()
		return
	}
	if c.out.hello == helloSent {
		cn.welcomed = true
		c.access.welcomed(now)
		if !c.stats.Connected {
			c.noteWelcomed()
		}
	}
	possible := c.settle(cn, m.Ack, now)
	if possible {
		back := c.out.cursor
		c.out.welcome(m.Ack, now)
		if c.out.cursor < back {
			c.stats.GoBacks++
		}
	}
	c.telling = true
	c.mu.Unlock()
	if !possible {
		cn.endImpossible(m)
	}
	c.nudge()
	cn.tellSettled()
	if len(m.States) > 0 {
		cn.gotDesired(m)
	}
}

func (cn *connection) gotAck(m *wire.ServerMessage) {
	c := cn.c
	c.mu.Lock()
	if !c.isOwnBoot(m) {
		c.mu.Unlock()
		return
	}
	possible := c.settle(cn, m.Ack, time.Now())
	more := c.out.cursor < c.out.nextSeq()
	c.telling = true
	c.mu.Unlock()
	if !possible {
		cn.endImpossible(m)
	}
	if more {
		c.nudge()
	}
	cn.tellSettled()
}

// isOwnBoot reports whether the message is about the present BOOT: an answer to
// an earlier power-up settles nothing. The caller holds mu.
func (c *Client) isOwnBoot(m *wire.ServerMessage) bool {
	if m.Boot == c.boot && c.boot != "" {
		return true
	}
	c.stats.Foreign++
	return false
}

// settle takes out what the server has up to seq. It is false, and nothing is
// settled, when the server has what was never sent. The caller holds mu.
func (c *Client) settle(cn *connection, seq uint64, now time.Time) bool {
	if !c.out.plausible(seq) {
		return false
	}
	c.out.settle(seq, now, func(n uint64, r slot) {
		if r.refused == "" {
			c.stats.Acked++
		} else {
			c.stats.Refused++
		}
		if c.o.OnAck != nil {
			cn.settled = append(cn.settled, Acked{
				Boot: c.boot, Seq: n, Values: r.values, Taken: r.taken, Sent: r.sent, Sends: r.sends, Refused: r.refused,
			})
		}
	})
	return true
}

// tellSettled hands on what settle took out, and then wakes up who waits for it:
// Flush returns behind the last OnAck. The caller does not hold mu.
func (cn *connection) tellSettled() {
	for _, a := range cn.settled {
		cn.c.o.OnAck(a)
	}
	clear(cn.settled)
	cn.settled = cn.settled[:0]
	cn.c.mu.Lock()
	defer cn.c.mu.Unlock()
	cn.c.telling = false
	cn.c.changed()
}

// endImpossible ends the client: another board uses this BOOT, and going on
// would take its readings for ours.
func (cn *connection) endImpossible(m *wire.ServerMessage) {
	cn.kill(&Refusal{
		Code: vaiven.CodeBadBoot, At: -1, Device: cn.c.device, Boot: m.Boot, Seq: m.Ack,
		Text: fmt.Sprintf("the server has SEQ %d of BOOT %s, which was never sent: this BOOT was used before", m.Ack, m.Boot),
	})
}

// defaultRetry is how long to wait after a refusal for now that does not say.
const defaultRetry = time.Second

func (cn *connection) gotError(m *wire.ServerMessage) {
	c := cn.c
	r := &Refusal{
		Code: m.Code, Text: m.Text, At: m.At, Device: m.Device, Boot: m.Boot, Seq: m.Seq, Retry: m.Retry,
	}
	if m.Code.ForNow() && m.Retry == 0 {
		r.Retry = defaultRetry
	}
	foreign := m.Boot != "" && m.Boot != c.boot
	c.mu.Lock()
	if !foreign && !c.access.refused(m.Code) {
		c.mu.Unlock()
		return
	}
	c.stats.Rejected[m.Code]++
	greeting := c.out.hello == helloSent
	if !foreign {
		c.out.refused(m.Seq, m.Code, r.Retry, time.Now())
		if m.Code.Bars() && !c.o.Course {
			c.out.hello = helloDue // and nothing else, until WELCOME
		}
	}
	c.mu.Unlock()
	c.nudge()
	switch {
	case foreign:
	case m.Code == vaiven.CodeBadBoot && !c.o.Course,
		greeting && !m.Code.ForNow() && m.Seq == 0:
		cn.kill(r)
	}
	c.reportError(r)
}
