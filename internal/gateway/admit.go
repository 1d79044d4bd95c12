package gateway

import (
	"vaiven"
	"vaiven/wire"
)

// admitItem decides about one element of a device that c speaks for. The error is
// what the board is told; it has then not entered the log, except as a refusal
// that settles its SEQ.
func (c *conn) admitItem(m *member, it *wire.Item) *vaiven.Error {
	d := m.dev
	d.mu.Lock()
	defer d.mu.Unlock()
	switch now := d.conn.Load(); {
	case now == nil:
		return busy()
	case now != c:
		return inUse(now) // taken over since this message arrived
	case d.session.ended:
		return nil // the BYE is under way behind the commit of the last reading
	}
	if m.boot != "" {
		d.boardBoot = m.boot
	}
	switch it.Kind {
	case wire.Reading:
		err := c.admitReading(m, it)
		if err == nil && !d.greeting.done {
			// It begins without a HELLO, and is told what its states ought to be.
			d.greeting.done = true
			c.peer.deliver(d, c.g.uptime())
		}
		return err
	case wire.Hello:
		return c.admitHello(m, it)
	case wire.Report:
		return c.admitReport(m, it)
	default:
		return c.admitInvalid(m, it)
	}
}

// maxUnnumbered is how many readings without SEQ one message may bring of a device:
// as many as a board keeps that was away. Nothing tells one of them from another
// that is sent again.
const maxUnnumbered = 1024

// admitReading takes a measurement: at once in the course's form, in the order of
// its SEQs otherwise.
func (c *conn) admitReading(m *member, it *wire.Item) *vaiven.Error {
	d := m.dev
	if it.Seq == 0 {
		if m.message != c.number {
			m.message, m.unnumbered = c.number, 0
		}
		if m.unnumbered++; m.unnumbered > maxUnnumbered {
			return &vaiven.Error{
				Code: vaiven.CodeTooLarge, Reason: wire.ReasonFlood, Lo: float64(m.unnumbered - maxUnnumbered), Hi: maxUnnumbered, At: -1,
			}
		}
		return c.appendReading(d, it, "")
	}
	verdict, err := c.checkOrder(m, it)
	switch {
	case err != nil || verdict == ahead:
		return err
	case verdict == repeated: // the board is there, though what it sends is known
		if came := c.arrivalAt(d, c.g.o.Stamp()); came.events != nil {
			if err := c.append(d, came); err != nil {
				return asError(err)
			}
		}
		return nil
	}
	if err := c.appendReading(d, it, m.boot); err != nil {
		d.waitFrom = it.Seq // what is behind it waits for it, and is not answered
		return err
	}
	c.g.advance(d)
	return nil
}

// admitted is a reading with room for the events that are queued with it: one
// allocation for a reading, on a path where little else allocates.
type admitted struct {
	reading vaiven.Reading
	events  [2]vaiven.Event
}

// appendReading admits a reading into the device's session and the log, with what
// belongs into its record: that the device is silent no longer, what follows from
// the states in it, and the end of the session if it is its last. boot is "" for the
// course's form.
func (c *conn) appendReading(d *device, it *wire.Item, boot vaiven.Boot) *vaiven.Error {
	g, stamp := c.g, c.g.o.Stamp()
	full := d.warrant.full
	a := &admitted{reading: vaiven.Reading{
		Stamp: stamp, Device: d.id, Boot: boot, Seq: it.Seq, Measured: measuredAt(it, stamp),
		Values: it.Values, States: it.States, Rev: believed(it.Rev, full),
	}}
	r := &a.reading
	came := c.arrivalAt(d, stamp)
	events := a.events[:0]
	if d.silent {
		events = append(events, &vaiven.Presence{Stamp: stamp, Device: d.id, Connected: true, Remote: address(c.remote)})
	}
	events = append(events, r)
	var said reportEffects
	states := r.Current()
	if states {
		said = g.judgeStates(d, statedIn{boot, it.States, r.Rev, inReading, full}, stamp)
		events = append(events, said.events...)
	}
	var end *vaiven.SessionEnd
	was := d.session
	if was.active {
		if end = c.countReading(d, r); end != nil {
			events = append(events, end)
		}
	}
	if err := c.append(d, came, events...); err != nil {
		if end != nil {
			d.markEnd(endMark{})
		}
		if !came.session {
			d.session = was
		}
		return asError(err)
	}
	if r.Uncounted || len(g.o.Columns) > 0 {
		c.adviseOn(d, r)
	}
	g.stats.Readings.Add(1)
	if it.Sleep > 0 {
		d.sleep = it.Sleep
	}
	now := g.uptime()
	d.silent, d.claim = false, gapClaim{}
	d.noteHeard(boot, c.remote.Addr())
	d.pace.noteReading(now, r.Measured)
	if !d.watched {
		g.watchSilence(d)
	}
	if states {
		g.keepEffects(d, said)
		c.peer.deliver(d, now)
	}
	return nil
}

// measuredAt is when a reading was taken, 0 for unknown: by the board's own clock if it
// has one, by the reading's age otherwise.
func measuredAt(it *wire.Item, stamp vaiven.Stamp) int64 {
	switch {
	case it.Time != 0:
		return it.Time
	case it.Age == wire.AgeUnknown:
		return 0
	case it.Age == wire.AgeAbsent:
		return stamp.At
	}
	return stamp.At - it.Age
}

// admitInvalid settles the SEQ of an element that was refused for good, so that the
// board does not send it for ever.
func (c *conn) admitInvalid(m *member, it *wire.Item) *vaiven.Error {
	if it.Seq == 0 || !it.Err.Code.Settles() {
		return it.Err
	}
	verdict, err := c.checkOrder(m, it)
	if err != nil || verdict != expected {
		return err
	}
	d := m.dev
	refusal := &vaiven.Refusal{Stamp: c.g.o.Stamp(), Device: d.id, Boot: m.boot, Seq: it.Seq, Code: it.Err.Code}
	if err := c.append(d, arrival{}, refusal); err != nil {
		d.waitFrom = it.Seq
		return asError(err)
	}
	c.g.advance(d)
	return it.Err
}

// admitHello greets a board: what it no longer holds is recorded as a gap, and the
// answer says from where to go on.
func (c *conn) admitHello(m *member, it *wire.Item) *vaiven.Error {
	g, d := c.g, m.dev
	at, stamp, full := g.uptime(), g.o.Stamp(), d.warrant.full
	rev := believed(it.Rev, full)
	events := []vaiven.Event{&vaiven.Hello{
		Stamp: stamp, Device: d.id, Boot: m.boot, Oldest: it.Oldest, Next: it.Next, Lost: it.Lost,
		Up: it.Up, FW: it.FW, States: it.States, Rev: rev, Names: it.Names,
	}}
	gap, inside, err := c.judgeHello(m, it, stamp)
	if err != nil {
		return err
	}
	if gap != nil {
		events = append(events, gap)
	}
	if d.delivery != nil {
		d.delivery.beginConnection()
	}
	said := g.judgeStates(d, statedIn{m.boot, it.States, rev, inHello, full}, stamp)
	if err := c.append(d, c.arrivalAt(d, stamp), append(events, said.events...)...); err != nil {
		return asError(err)
	}
	g.keepEffects(d, said)
	if m.boot != "" {
		g.goOnAt(d, gap, inside)
	}
	d.waitFrom, d.sleep, d.claim = 0, it.Sleep, gapClaim{}
	d.greeting = greeting{done: true, hello: true, up: it.Up, at: at}
	c.answerHello(m)
	if keys := g.o.Access.Keys(d.id); d.warrant.trust == unproven && g.mayHaveToken(c, g.o.Access.Standing(d.id), keys) {
		g.offerToken(c, d.id, keys, d)
	}
	return nil
}

// judgeHello is what the board no longer holds, nil for nothing, and the SEQ at
// which it goes on if that is inside a gap of before, 0 if not: then it holds what
// was recorded as lost. The caller holds the device's mu.
func (c *conn) judgeHello(m *member, it *wire.Item, stamp vaiven.Stamp) (*vaiven.Gap, uint64, *vaiven.Error) {
	d := m.dev
	if m.boot == "" {
		return nil, 0, nil
	}
	if !c.g.resumeBoot(d, m.boot) {
		return nil, 0, busy()
	}
	sent := c.g.highestSent(d)
	if m.bad == "" && it.Next > 0 && it.Next <= sent {
		m.bad = wire.ReasonReused
	}
	if m.bad != "" {
		return nil, 0, m.badBoot()
	}
	from := it.Oldest
	switch {
	case from == 0 && d.progress.until != 0:
		from = d.progress.next
	case from == 0 && it.Next > 0:
		from = sent + 1
	case from == 0:
		return nil, 0, nil
	}
	lost, known := c.g.findGap(d, from, true)
	switch {
	case !known:
		return nil, 0, busy()
	case lost.to != 0:
		return nil, lost.from, nil
	case it.Oldest > 0:
		d.raiseDurable(c.g.o.Settled.Settled(d.id, m.boot).Top) // it holds nothing of what is a gap
	}
	gap, err := c.declaredGap(d, it, stamp)
	if gap != nil && c.g.viewsLackTaken(d, &d.progress) {
		return nil, 0, busy()
	}
	return gap, 0, err
}

// goOnAt makes the board go on behind the gap that it declared, or inside one of
// before, or where it was. The caller holds d.mu.
func (g *Gateway) goOnAt(d *device, gap *vaiven.Gap, inside uint64) {
	p := &d.progress
	switch {
	case inside != 0:
		g.enterGap(d, inside)
	case gap != nil:
		d.leaveGap()
		p.next, p.taken = gap.To+1, seqs{}
		if p.gap.to == 0 || p.gap.to+1 != gap.From {
			p.gap.from = gap.From
		}
		p.gap.to = gap.To
	case p.until != 0:
		d.leaveGap()
	}
}

// answerHello sends WELCOME, with the desired states unless they have a deadline:
// that takes a message of its own, with UNTIL. The caller holds the device's mu.
func (c *conn) answerHello(m *member) {
	g, d, now := c.g, m.dev, c.g.uptime()
	want, due := g.dueDesired(d, c, now, desiredAsk{above: 0})
	if !due || want.Until != 0 {
		_ = c.sendWelcome(m, vaiven.Desired{})
		c.peer.deliver(d, now)
		return
	}
	if c.sendWelcome(m, want) == nil {
		g.noteDelivered(d, want, now)
		c.welcomed = true
	}
}

// sendWelcome tells the board what is durable. It may be behind the truth (commits
// under way), never ahead.
func (c *conn) sendWelcome(m *member, want vaiven.Desired) error {
	w := wire.Welcome{Device: m.dev.id, Boot: m.boot, Ack: m.dev.durableUpTo(m.boot), Now: c.g.o.Stamp().At}
	if len(want.States) > 0 {
		w.States, w.Rev = want.States, want.Rev
	}
	return c.peer.send(wire.AppendWelcome(nil, w))
}
