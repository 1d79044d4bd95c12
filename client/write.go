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
func (cn *connection) write(ctx context.Context) {
	guard := time.AfterFunc(time.Hour, func() { cn.kill(errSlow) })
	guard.Stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	cn.armed = time.Now().Add(time.Hour)
	for ctx.Err() == nil {
		text, raw, until, err := cn.nextMessage(time.Now())
		if err != nil {
			cn.kill(err)
			return
		}
		if text == nil {
			cn.awaitWork(ctx, timer, until)
			if cn.isOver() {
				return
			}
			continue
		}
		guard.Reset(cn.c.o.WriteTimeout)
		err = cn.ws.Write(context.Background(), websocket.MessageText, text)
		guard.Stop()
		if raw != nil {
			raw.done <- err
		}
		if err != nil {
			// What the server said last may still wait to be read.
			cn.noteCause(err)
			cn.limit.Reset(cn.c.o.CloseTimeout)
			return
		}
	}
	_ = cn.ws.Close(websocket.StatusNormalClosure, "") // bounded by cn.limit
}

// awaitWork waits until something may have changed, or until the moment given.
func (cn *connection) awaitWork(ctx context.Context, timer *time.Timer, until time.Time) {
	if until.Before(cn.armed) {
		timer.Reset(time.Until(until))
		cn.armed = until
	}
	select {
	case <-cn.c.wake:
	case <-timer.C:
		cn.armed = time.Now().Add(time.Hour)
		timer.Reset(time.Hour)
	case <-ctx.Done():
	case <-cn.ended:
	}
}

func (cn *connection) isOver() bool {
	select {
	case <-cn.ended:
		return true
	default:
		return false
	}
}

// nextMessage composes the next message. Without one it says when to look
// again. The error is why the connection must end.
func (cn *connection) nextMessage(now time.Time) (text []byte, raw *rawMessage, until time.Time, err error) {
	until, err = cn.watchSilence(now)
	if err != nil || cn.leaving.Load() {
		return nil, nil, until, err
	}
	c := cn.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.checkProgress(now); err != nil {
		return nil, nil, until, err
	}
	if text, raw = cn.composeNext(now); text == nil {
		return nil, nil, c.wakeAt(until, now), nil
	}
	c.stats.Messages++
	return text, raw, until, nil
}

// watchSilence looks after the server's silence, and returns when to do so
// again.
func (cn *connection) watchSilence(now time.Time) (time.Time, error) {
	seen := cn.begun.Add(time.Duration(cn.seen.Load()))
	dead := seen.Add(cn.c.o.IdleTimeout)
	ask := seen.Add(cn.c.o.PingAfter)
	switch {
	case !now.Before(dead):
		return dead, errSilent
	case !now.Before(ask):
		cn.ping()
		return dead, nil
	}
	return ask, nil
}

// checkProgress goes back to the first reading that is on its way when the
// server has not moved for too long. The caller holds mu.
func (c *Client) checkProgress(now time.Time) error {
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

// composeNext picks what goes next: HELLO before everything, then the board's
// own state, messages without acknowledgement, and readings. The caller holds
// mu.
func (cn *connection) composeNext(now time.Time) ([]byte, *rawMessage) {
	c, o := cn.c, &cn.c.out
	if o.hello == welcomed && o.ready(now) && o.jumps() {
		o.hello = helloDue
	}
	switch {
	case c.access.again:
		o.paused = time.Time{} // what made the server refuse the device is over
		return cn.composeHello(now), nil
	case cn.welcomed && len(c.states.due) > 0: // also before another HELLO, which would hide a change at the board
		r := c.states.takeReport()
		c.changed()
		cn.out = wire.AppendReport(cn.out[:0], wire.DeviceReport{
			Device: c.device, Boot: c.boot, States: r.states, Rev: r.rev,
		})
		return cn.out, nil
	case o.hello == helloDue && !now.Before(o.paused):
		return cn.composeHello(now), nil
	case o.hello != welcomed:
		return nil, nil
	case len(c.raw) > 0:
		m := c.raw[0]
		c.raw = c.raw[1:]
		c.stats.Unacked++
		c.changed()
		return m.text, m
	case o.ready(now):
		return cn.composeReadings(now), nil
	}
	return nil, nil
}

func (cn *connection) composeHello(now time.Time) []byte {
	c, o := cn.c, &cn.c.out
	o.saidHello(now)
	c.states.due, c.access.again = nil, false
	cn.out = wire.AppendHello(cn.out[:0], wire.DeviceHello{
		Device: c.device, Boot: c.boot, Oldest: o.head, Next: o.nextSeq(), Lost: o.lost,
		Up: c.up(c.o.Clock()), Declare: declared(c.states.now), States: c.states.now, Rev: c.states.applied, FW: c.o.FW,
		Proof: c.access.proof(c.device, c.boot),
	})
	return cn.out
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

// composeReadings composes the readings that wait into one message: an object,
// or an array of several up to Options.BatchBytes. At least one is ready. The
// caller holds mu.
func (cn *connection) composeReadings(now time.Time) []byte {
	c, o := cn.c, &cn.c.out
	wall := c.o.Clock()
	b := append(cn.out[:0], '[')
	n := 0
	for ; o.ready(now) && (n == 0 || c.o.BatchBytes > 0 && !o.jumps()); n++ {
		before := len(b)
		if n > 0 {
			b = append(b, ',')
		}
		b = wire.AppendReading(b, c.wireReading(o.cursor, wall))
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
	cn.out = b
	if n == 1 {
		return b[1:]
	}
	cn.out = append(b, ']')
	return cn.out
}

// wireReading words a reading for the wire, with its age at this moment.
func (c *Client) wireReading(seq uint64, wall time.Time) wire.DeviceReading {
	s := c.out.at(seq)
	age := max(0, wall.Sub(s.taken).Milliseconds())
	if age > vaiven.MaxAge {
		age = wire.AgeUnknown
	}
	return wire.DeviceReading{Device: c.device, Boot: c.boot, Seq: seq, Age: age, Values: s.values}
}

// wakeAt is the earliest moment at which waiting for nothing else must end. The
// caller holds mu.
func (c *Client) wakeAt(t, now time.Time) time.Time {
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
