package client

import (
	"context"
	"fmt"
	"time"

	"vaiven"
	"vaiven/wire"
)

// read takes the server's messages until the connection is over.
func (s *session) read() error {
	for {
		_, r, err := s.conn.Reader(context.Background())
		if err != nil {
			return err
		}
		s.in.Reset()
		if _, err := s.in.ReadFrom(r); err != nil {
			return err
		}
		s.alive()
		m, err := wire.DecodeServer(s.in.Bytes())
		if err != nil {
			// Not for this device, or of a later protocol: it must not stop readings.
			s.c.o.Logger.Debug("unknown message", "device", s.c.device, "err", err)
			continue
		}
		s.receive(&m)
	}
}

func (s *session) receive(m *wire.ServerMessage) {
	if m.Device != "" && m.Device != s.c.device {
		return
	}
	switch m.Kind {
	case wire.ServerWelcome:
		s.gotWelcome(m)
	case wire.ServerAck:
		s.gotAck(m)
	case wire.ServerDesired:
		s.gotDesired(m)
	case wire.ServerToken:
		s.gotToken(m)
	case wire.ServerError:
		s.gotError(m)
	case wire.ServerBye:
		s.bye = m
		s.leaving.Store(true)
		s.limit.Reset(s.c.o.CloseTimeout)
	}
}

// gotWelcome learns where to go on: the answer to HELLO, or to a SEQ that the
// server did not expect.
func (s *session) gotWelcome(m *wire.ServerMessage) {
	c := s.c
	now := time.Now()
	c.mu.Lock()
	if !c.mine(m) {
		c.mu.Unlock()
		return
	}
	if c.out.hello == helloSent {
		s.welcomed = true
		if !c.stats.Connected {
			c.open()
		}
	}
	possible := c.settle(s, m.Ack, now)
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
		s.impossible(m)
	}
	c.nudge()
	s.tellSettled()
	if len(m.States) > 0 {
		s.gotDesired(m)
	}
}

func (s *session) gotAck(m *wire.ServerMessage) {
	c := s.c
	c.mu.Lock()
	if !c.mine(m) {
		c.mu.Unlock()
		return
	}
	possible := c.settle(s, m.Ack, time.Now())
	more := c.out.cursor < c.out.next()
	c.telling = true
	c.mu.Unlock()
	if !possible {
		s.impossible(m)
	}
	if more {
		c.nudge()
	}
	s.tellSettled()
}

// mine reports whether the message is about the present BOOT: an answer to an
// earlier power-up settles nothing. The caller holds mu.
func (c *Client) mine(m *wire.ServerMessage) bool {
	if m.Boot == c.boot && c.boot != "" {
		return true
	}
	c.stats.Foreign++
	return false
}

// settle takes out what the server has up to seq. It is false, and nothing is
// settled, when the server has what was never sent. The caller holds mu.
func (c *Client) settle(s *session, seq uint64, now time.Time) bool {
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
			s.settled = append(s.settled, Acked{
				Boot: c.boot, Seq: n, Values: r.values, Taken: r.taken, Sent: r.sent, Sends: r.sends, Refused: r.refused,
			})
		}
	})
	return true
}

// tellSettled hands on what settle took out, and then wakes up who waits for it:
// Flush returns behind the last OnAck. The caller does not hold mu.
func (s *session) tellSettled() {
	for _, a := range s.settled {
		s.c.o.OnAck(a)
	}
	clear(s.settled)
	s.settled = s.settled[:0]
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.telling = false
	s.c.changed()
}

// impossible ends the client: another board uses this BOOT, and going on would
// take its readings for ours.
func (s *session) impossible(m *wire.ServerMessage) {
	s.kill(&Refusal{
		Code: vaiven.CodeBadBoot, At: -1, Device: s.c.device, Boot: m.Boot, Seq: m.Ack,
		Text: fmt.Sprintf("the server has SEQ %d of BOOT %s, which was never sent: this BOOT was used before", m.Ack, m.Boot),
	})
}

func (s *session) gotToken(m *wire.ServerMessage) {
	c := s.c
	c.mu.Lock()
	c.token = m.Token
	c.mu.Unlock()
	if c.o.OnToken != nil {
		c.o.OnToken(m.Token)
	}
}

// defaultRetry is how long to wait after a refusal for now that does not say.
const defaultRetry = time.Second

func (s *session) gotError(m *wire.ServerMessage) {
	c := s.c
	r := &Refusal{
		Code: m.Code, Text: m.Text, At: m.At, Device: m.Device, Boot: m.Boot, Seq: m.Seq, Retry: m.Retry,
	}
	if m.Code.ForNow() && m.Retry == 0 {
		r.Retry = defaultRetry
	}
	foreign := m.Boot != "" && m.Boot != c.boot
	c.mu.Lock()
	c.stats.Rejected[m.Code]++
	greeting := c.out.hello == helloSent
	if !foreign {
		c.out.refused(m.Seq, m.Code, r.Retry, time.Now())
	}
	c.mu.Unlock()
	c.nudge()
	switch {
	case foreign:
	case m.Code == vaiven.CodeBadBoot && !c.o.Course,
		greeting && !m.Code.ForNow() && m.Seq == 0:
		s.kill(r)
	}
	c.tell(r)
}
