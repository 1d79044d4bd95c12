package gateway

import (
	"context"

	"vaiven"
	"vaiven/wire"
)

// admit decides about one element of a device that c speaks for. The error is
// what the board is told; it has then not entered the log, except as a refusal
// that settles its SEQ.
func (c *conn) admit(l *link, it *wire.Item) *vaiven.Error {
	d := l.dev
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session.over() {
		return nil // the BYE is under way behind the commit of the last reading
	}
	switch it.Kind {
	case wire.Reading:
		return c.reading(l, it)
	case wire.Hello:
		return c.hello(l, it)
	case wire.Report:
		return c.report(l, it)
	default:
		return c.invalid(l, it)
	}
}

// reading takes a measurement: at once in the course's form, in the order of
// its SEQs otherwise.
func (c *conn) reading(l *link, it *wire.Item) *vaiven.Error {
	if it.Seq == 0 {
		return c.take(l.dev, c.readingEvent(it, ""))
	}
	verdict, err := c.order(l, it)
	if err != nil || verdict != expected {
		return err
	}
	if err := c.take(l.dev, c.readingEvent(it, l.boot)); err != nil {
		return err
	}
	l.dev.next++
	return nil
}

// verdict says where a SEQ stands against the one expected next.
type verdict int

const (
	expected verdict = iota
	repeated         // settled or on its way: acknowledged again
	ahead            // answered with WELCOME; the board resends
)

// order compares the element's SEQ with what its boot has settled. The caller
// holds the device's mu.
func (c *conn) order(l *link, it *wire.Item) (verdict, *vaiven.Error) {
	d := l.dev
	if l.boot == "" {
		return 0, &vaiven.Error{Code: vaiven.CodeBadSeq, Reason: wire.ReasonNoBoot, Key: vaiven.KeySeq, At: -1}
	}
	if l.bad != "" {
		return 0, l.badBoot()
	}
	if d.boot != l.boot {
		d.resume(l.boot, c.g.o.Settled.Top(d.id, l.boot))
	}
	switch {
	case it.Seq < d.next:
		if it.Kind == wire.Reading && c.differs(l, it) {
			l.bad = wire.ReasonDifferent
			return 0, l.badBoot()
		}
		c.g.stats.Repeats.Add(1)
		l.owed = true
		return repeated, nil
	case it.Seq > d.next:
		c.askAgain(d, it.Seq)
		return ahead, nil
	}
	d.asked = 0
	return expected, nil
}

// differs reports whether a SEQ came again with other values: then two
// power-ups share one BOOT, and acknowledging would lose a reading.
func (c *conn) differs(l *link, it *wire.Item) bool {
	same, known := c.g.o.Settled.Repeat(l.dev.id, l.boot, it.Seq, it.Values)
	return known && !same
}

func (l *link) badBoot() *vaiven.Error {
	return &vaiven.Error{Code: vaiven.CodeBadBoot, Reason: l.bad, Key: vaiven.KeyBoot, Got: string(l.boot), At: -1}
}

// askAgain answers a jump with WELCOME, once until the board goes back: a whole
// window behind the jump does not bring a whole window of answers.
func (c *conn) askAgain(d *device, seq uint64) {
	if d.asked != 0 && seq > d.asked {
		return
	}
	d.asked = seq
	c.welcome(d)
}

// take admits a reading into the log and into the device's session.
func (c *conn) take(d *device, r *vaiven.Reading) *vaiven.Error {
	events := []vaiven.Event{r}
	if end := d.session.count(r.Stamp); end != nil {
		end.Device = d.id
		events = append(events, end)
	}
	if err := c.g.append(context.Background(), d, events...); err != nil {
		d.session.uncount()
		return asError(err)
	}
	c.g.stats.Readings.Add(1)
	return nil
}

func (c *conn) readingEvent(it *wire.Item, boot vaiven.Boot) *vaiven.Reading {
	s := c.g.o.Stamp()
	return &vaiven.Reading{
		Stamp: s, Device: it.Device, Boot: boot, Seq: it.Seq, Measured: measured(it, s.At),
		Values: it.Values, States: it.States, Rev: it.Rev,
	}
}

// measured is when a reading was taken, Unix ms: the board's own clock if it
// has one, its age before the reception otherwise.
func measured(it *wire.Item, received int64) int64 {
	switch {
	case it.Time != 0:
		return it.Time
	case it.Age == wire.AgeUnknown:
		return 0
	case it.Age == wire.AgeAbsent:
		return received
	}
	return received - it.Age
}

// hello greets a board: what it no longer holds is recorded as a gap, and the
// answer says from where to go on.
func (c *conn) hello(l *link, it *wire.Item) *vaiven.Error {
	d := l.dev
	d.sleep = it.Sleep
	stamp := c.g.o.Stamp()
	events := []vaiven.Event{&vaiven.Hello{
		Stamp: stamp, Device: d.id, Boot: l.boot, Oldest: it.Oldest, Next: it.Next, Lost: it.Lost,
		Up: it.Up, FW: it.FW, States: it.States, Rev: it.Rev,
	}}
	gap := false
	if l.boot != "" {
		d.resume(l.boot, c.g.o.Settled.Top(d.id, l.boot))
		if it.Next > 0 && it.Next < d.next {
			l.bad = wire.ReasonReused
			return l.badBoot()
		}
		if gap = it.Oldest > d.next; gap {
			events = append(events, &vaiven.Gap{Stamp: stamp, Device: d.id, Boot: l.boot, From: d.next, To: it.Oldest - 1})
		}
	}
	if err := c.g.append(context.Background(), d, events...); err != nil {
		return asError(err)
	}
	if gap {
		d.next = it.Oldest
	}
	d.asked = 0
	c.welcome(d)
	return nil
}

// welcome tells the board what is durable. It may be behind the truth (commits
// under way), never ahead.
func (c *conn) welcome(d *device) {
	w := wire.Welcome{Device: d.id, Now: c.g.o.Stamp().At}
	w.Boot, w.Ack = d.acknowledged()
	c.send(wire.AppendWelcome(nil, w))
}

func (c *conn) report(l *link, it *wire.Item) *vaiven.Error {
	r := &vaiven.Report{Stamp: c.g.o.Stamp(), Device: l.dev.id, Boot: l.boot, Rev: it.Rev, States: it.States}
	if err := c.g.append(context.Background(), l.dev, r); err != nil {
		return asError(err)
	}
	return nil
}

// invalid settles the SEQ of an element that was refused for good, so that the
// board does not send it for ever.
func (c *conn) invalid(l *link, it *wire.Item) *vaiven.Error {
	if it.Seq == 0 || !it.Err.Code.Settles() {
		return it.Err
	}
	verdict, err := c.order(l, it)
	if err != nil {
		return err
	}
	if verdict != expected {
		return nil
	}
	d := l.dev
	refusal := &vaiven.Refusal{Stamp: c.g.o.Stamp(), Device: d.id, Boot: l.boot, Seq: it.Seq, Code: it.Err.Code}
	if err := c.g.append(context.Background(), d, refusal); err != nil {
		return asError(err)
	}
	d.next++
	return it.Err
}
