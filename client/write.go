package client

import (
	"context"
	"time"

	"github.com/coder/websocket"

	"vaiven"
	"vaiven/wire"
)

// maxStalls is how many times in a row everything is sent again without an
// answer before the connection is given up.
const maxStalls = 3

// write sends what there is to send until the connection is over or ctx is
// done; then it says goodbye.
func (s *session) write(ctx context.Context) {
	guard := time.AfterFunc(time.Hour, func() { s.kill(errSlow) })
	guard.Stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	s.armed = time.Now().Add(time.Hour)
	for ctx.Err() == nil {
		text, raw, until, err := s.next(time.Now())
		if err != nil {
			s.kill(err)
			return
		}
		if text == nil {
			s.rest(ctx, timer, until)
			if s.over() {
				return
			}
			continue
		}
		guard.Reset(s.c.o.WriteTimeout)
		err = s.conn.Write(context.Background(), websocket.MessageText, text)
		guard.Stop()
		s.c.written(raw, err)
		if err != nil {
			// What the server said last may still wait to be read.
			s.blame(err)
			s.limit.Reset(s.c.o.CloseTimeout)
			return
		}
	}
	_ = s.conn.Close(websocket.StatusNormalClosure, "") // bounded by s.limit
}

// rest waits until something may have changed, or until the moment given.
func (s *session) rest(ctx context.Context, timer *time.Timer, until time.Time) {
	if until.Before(s.armed) {
		timer.Reset(time.Until(until))
		s.armed = until
	}
	select {
	case <-s.c.wake:
	case <-timer.C:
		s.armed = time.Now().Add(time.Hour)
		timer.Reset(time.Hour)
	case <-ctx.Done():
	case <-s.ended:
	}
}

func (s *session) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// next composes the next message. Without one it says when to look again. The
// error is why the connection must end.
func (s *session) next(now time.Time) (text []byte, raw *rawMessage, until time.Time, err error) {
	until, err = s.watch(now)
	if err != nil || s.leaving.Load() {
		return nil, nil, until, err
	}
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.progress(now); err != nil {
		return nil, nil, until, err
	}
	if text, raw = s.compose(now); text == nil {
		return nil, nil, c.until(until, now), nil
	}
	c.stats.Messages++
	return text, raw, until, nil
}

// watch looks after the server's silence, and returns when to do so again.
func (s *session) watch(now time.Time) (time.Time, error) {
	seen := s.lastSeen()
	dead := seen.Add(s.c.o.IdleTimeout)
	ask := seen.Add(s.c.o.PingAfter)
	switch {
	case !now.Before(dead):
		return dead, errSilent
	case !now.Before(ask):
		s.ping()
		return dead, nil
	}
	return ask, nil
}

// progress goes back to the first reading that is on its way when the server
// has not moved for too long. The caller holds mu.
func (c *Client) progress(now time.Time) error {
	o := &c.out
	if o.hello == helloSent && !now.Before(o.helloAt.Add(c.o.WelcomeTimeout)) {
		return errNoWelcome
	}
	if !o.stalled(c.o.StallTimeout, now) {
		return nil
	}
	c.stats.GoBacks++
	c.stats.Stalls++
	if o.stalls > maxStalls {
		return errStalled
	}
	return nil
}

// compose picks what goes next: HELLO before everything, then the board's own
// state, messages without acknowledgement, and readings. The caller holds mu.
func (s *session) compose(now time.Time) ([]byte, *rawMessage) {
	c, o := s.c, &s.c.out
	if o.hello == welcomed && o.ready(now) && o.jumps() {
		o.hello = helloDue
	}
	switch {
	case s.welcomed && len(c.twin.due) > 0: // also before another HELLO, which would hide a change at the board
		r := c.twin.next()
		c.changed()
		s.out = wire.AppendReport(s.out[:0], wire.DeviceReport{
			Device: c.device, Boot: c.boot, States: r.states, Rev: r.rev,
		})
		return s.out, nil
	case o.hello == helloDue && !now.Before(o.paused):
		return s.sayHello(now), nil
	case o.hello != welcomed:
		return nil, nil
	case len(c.raw) > 0:
		m := c.raw[0]
		c.raw = c.raw[1:]
		c.stats.Unacked++
		c.changed()
		return m.text, m
	case o.ready(now):
		return s.batch(now), nil
	}
	return nil, nil
}

func (s *session) sayHello(now time.Time) []byte {
	c, o := s.c, &s.c.out
	o.saidHello(now)
	c.twin.due = nil
	s.out = wire.AppendHello(s.out[:0], wire.DeviceHello{
		Device: c.device, Boot: c.boot, Oldest: o.head, Next: o.next(), Lost: o.lost,
		Up: c.up(c.o.Clock()), Declare: declared(c.twin.states), States: c.twin.states, Rev: c.twin.applied, FW: c.o.FW,
	})
	return s.out
}

// declared names the states, unless every server knows them.
func declared(states []vaiven.Value) []string {
	known := vaiven.DefaultRules().States
	var names []string
	for _, v := range states {
		names = append(names, v.Name)
		if !known[v.Name] {
			known = nil
		}
	}
	if known != nil {
		return nil
	}
	return names
}

// batch composes the readings that wait into one message: an object, or an
// array of several up to Options.BatchBytes. At least one is ready. The caller
// holds mu.
func (s *session) batch(now time.Time) []byte {
	c, o := s.c, &s.c.out
	wall := c.o.Clock()
	b := append(s.out[:0], '[')
	n := 0
	for ; o.ready(now) && (n == 0 || c.o.BatchBytes > 0 && !o.jumps()); n++ {
		before := len(b)
		if n > 0 {
			b = append(b, ',')
		}
		b = wire.AppendReading(b, c.reading(o.cursor, wall))
		if n > 0 && len(b) >= c.o.BatchBytes {
			b = b[:before]
			break
		}
		if o.sent(wall, now) {
			c.stats.Resent++
		} else {
			c.stats.Sent++
		}
	}
	s.out = b
	if n == 1 {
		return b[1:]
	}
	s.out = append(b, ']')
	return s.out
}

// reading words a reading for the wire, with its age at this moment.
func (c *Client) reading(seq uint64, wall time.Time) wire.DeviceReading {
	s := c.out.at(seq)
	age := max(0, wall.Sub(s.taken).Milliseconds())
	if age > vaiven.MaxAge {
		age = wire.AgeUnknown
	}
	return wire.DeviceReading{Device: c.device, Boot: c.boot, Seq: seq, Age: age, Values: s.values}
}

// until is the earliest moment at which waiting for nothing else must end. The
// caller holds mu.
func (c *Client) until(t, now time.Time) time.Time {
	o := &c.out
	earlier := func(u time.Time) {
		if u.Before(t) {
			t = u
		}
	}
	if now.Before(o.paused) {
		earlier(o.paused)
	}
	if o.hello == helloSent {
		earlier(o.helloAt.Add(c.o.WelcomeTimeout))
	}
	if o.hello == welcomed && o.inFlight() > 0 {
		earlier(o.stallAt(c.o.StallTimeout))
	}
	return t
}

// written tells who waits for a message of SendRaw what came of it.
func (c *Client) written(m *rawMessage, err error) {
	if m != nil {
		m.done <- err
	}
}
