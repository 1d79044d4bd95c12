package gateway

import (
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
	if now := d.conn.Load(); now != c {
		if now == nil {
			return busy()
		}
		return inUse(now) // taken over since this message arrived
	}
	if d.session.over() {
		return nil // the BYE is under way behind the commit of the last reading
	}
	if l.boot != "" {
		d.speaks = l.boot
	}
	switch it.Kind {
	case wire.Reading:
		err := c.reading(l, it)
		if err == nil && !d.greeting.done {
			c.begun(d)
		}
		return err
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
		if err := c.flood(l); err != nil {
			return err
		}
		return c.take(l.dev, it, "")
	}
	verdict, err := c.order(l, it)
	if verdict == repeated && err == nil {
		return c.returned(l.dev)
	}
	if err != nil || verdict != expected {
		return err
	}
	if err := c.take(l.dev, it, l.boot); err != nil {
		l.dev.asked = it.Seq // what is behind it waits for it, and is not answered
		return err
	}
	c.g.advance(l.dev)
	return nil
}

// returned notes that the board is there, though what it sends is known.
func (c *conn) returned(d *device) *vaiven.Error {
	a := c.arrive(d, c.g.o.Stamp())
	if a.events == nil {
		return nil
	}
	if err := c.write(d, a); err != nil {
		return asError(err)
	}
	return nil
}

// maxUnnumbered is how many readings without SEQ one message may bring of a device:
// as many as a board keeps that was away. Nothing tells one of them from another
// that is sent again.
const maxUnnumbered = 1024

// flood counts a reading without SEQ, and refuses it if the message brings too many
// of its device.
func (c *conn) flood(l *link) *vaiven.Error {
	if l.message != c.number {
		l.message, l.unnumbered = c.number, 0
	}
	if l.unnumbered++; l.unnumbered > maxUnnumbered {
		return &vaiven.Error{
			Code: vaiven.CodeTooLarge, Reason: wire.ReasonFlood, Lo: float64(l.unnumbered - maxUnnumbered), Hi: maxUnnumbered, At: -1,
		}
	}
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
		return 0, noBoot()
	}
	if l.bad != "" {
		return 0, l.badBoot()
	}
	if d.now.boot != l.boot && !c.g.resume(d, l.boot) {
		return 0, busy()
	}
	if d.asked != 0 && it.Seq > d.asked {
		return ahead, nil // one before it was asked for
	}
	// Before a jump is answered, the log is asked: another gateway may have what
	// is missing here.
	if it.Seq > d.now.next {
		c.g.refresh(d)
	}
	if it.Seq < d.now.next {
		if verdict, err := c.known(l, it); err != nil || verdict == repeated {
			return verdict, err
		}
	}
	if it.Seq > d.now.next {
		c.askAgain(l, it.Seq)
		return ahead, nil
	}
	if !c.g.joins(d) {
		d.asked = it.Seq
		return 0, busy()
	}
	d.asked = 0
	d.expect(it.Seq)
	return expected, nil
}

// known says of a SEQ below the expected one whether it is a repetition, or inside a
// gap: then what was lost comes after all, from the gap's beginning on, unless a
// HELLO says from where.
func (c *conn) known(l *link, it *wire.Item) (verdict, *vaiven.Error) {
	d := l.dev
	lost, known := c.g.findGap(d, it.Seq, false)
	switch {
	case !known:
		d.asked = it.Seq // what is behind it waits for it
		return 0, busy()
	case lost.from <= it.Seq && it.Seq <= lost.to:
		c.g.goInside(d, lost.from)
		return expected, nil
	case it.Kind == wire.Reading && c.differs(l, it):
		l.bad = wire.ReasonDifferent
		return 0, l.badBoot()
	}
	c.g.stats.Repeats.Add(1)
	if p := c.request(); p != nil {
		p.result.Repeats++
	}
	if d.acknowledged(l.boot) < it.Seq {
		c.g.refresh(d)
	}
	l.owed, c.owing = true, true
	return repeated, nil
}

func noBoot() *vaiven.Error {
	return &vaiven.Error{Code: vaiven.CodeBadSeq, Reason: wire.ReasonNoBoot, Key: vaiven.KeySeq, At: -1}
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
func (c *conn) askAgain(l *link, seq uint64) {
	if l.dev.asked != 0 && seq > l.dev.asked {
		return
	}
	l.dev.asked = seq
	_ = c.welcome(l, vaiven.Desired{}) // a board that is gone asks again
}

// admitted is a reading with room for the events that are queued with it: one
// allocation for a reading, on a path where little else allocates.
type admitted struct {
	reading vaiven.Reading
	events  [2]vaiven.Event
}

// take admits a reading into the log and into the device's session.
func (c *conn) take(d *device, it *wire.Item, boot vaiven.Boot) *vaiven.Error {
	s := c.g.o.Stamp()
	a := &admitted{reading: vaiven.Reading{
		Stamp: s, Device: d.id, Boot: boot, Seq: it.Seq, Measured: measured(it, s.At),
		Values: it.Values, States: it.States, Rev: it.Rev,
	}}
	came := c.arrive(d, s)
	events, said := c.around(d, a)
	was := d.session
	end := c.count(d, &a.reading)
	if end != nil {
		events = append(events, end)
		d.ends(ending{event: end, text: d.session.farewell(c.g.o.Lang)})
	}
	if err := c.write(d, came, events...); err != nil {
		if !came.session {
			d.session = was
		}
		if end != nil {
			d.ends(ending{})
		}
		return asError(err)
	}
	c.advise(d, &a.reading)
	c.g.stats.Readings.Add(1)
	if it.Sleep > 0 {
		d.sleep = it.Sleep
	}
	c.g.heardFrom(d, a.reading.Measured)
	if said != nil {
		c.g.keep(d, *said)
		c.g.bring(d, c.g.uptime())
	}
	return nil
}

// around returns the reading among the events that belong into its record: that
// its device is silent no longer, and what follows from the states in it, if
// there are any.
func (c *conn) around(d *device, a *admitted) (events []vaiven.Event, said *heard) {
	r := &a.reading
	events = a.events[:0]
	if d.silent {
		events = append(events, &vaiven.Presence{Stamp: r.Stamp, Device: d.id, Connected: true, Remote: address(c.remote)})
	}
	events = append(events, r)
	if r.Current() {
		h := c.g.hear(d, words{r.Boot, r.States, r.Rev, inReading}, r.Stamp)
		return append(events, h.events...), &h
	}
	return events, nil
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

// report takes what a board says of its states, with what follows from it in the
// same record.
func (c *conn) report(l *link, it *wire.Item) *vaiven.Error {
	d, stamp := l.dev, c.g.o.Stamp()
	said := c.g.hear(d, words{l.boot, it.States, it.Rev, inReport}, stamp)
	r := &vaiven.Report{Stamp: stamp, Device: d.id, Boot: l.boot, Rev: it.Rev, States: it.States}
	if err := c.write(d, c.arrive(d, stamp), append([]vaiven.Event{r}, said.events...)...); err != nil {
		return asError(err)
	}
	c.g.keep(d, said)
	c.begun(d)
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
	if err := c.append(d, refusal); err != nil {
		d.asked = it.Seq
		return asError(err)
	}
	c.g.advance(d)
	return it.Err
}
