package gateway

import (
	"time"

	"vaiven"
	"vaiven/wire"
)

// greeting is how the board behind a device's connection has begun.
type greeting struct {
	done  bool          // something of it was taken: it is known what it is
	hello bool          // it said HELLO
	up    int64         // ms since its power-up when HELLO came, -1: not said
	at    time.Duration // when HELLO came, as uptime has it
}

// begun notes that something was taken of a board that begins without a HELLO,
// and tells it what its states ought to be. The caller holds d.mu.
func (c *conn) begun(d *device) {
	d.greeting.done = true
	c.g.bring(d, c.g.uptime())
}

// hello greets a board: what it no longer holds is recorded as a gap, and the
// answer says from where to go on.
func (c *conn) hello(l *link, it *wire.Item) *vaiven.Error {
	d, at := l.dev, c.g.uptime()
	stamp := c.g.o.Stamp()
	events := []vaiven.Event{&vaiven.Hello{
		Stamp: stamp, Device: d.id, Boot: l.boot, Oldest: it.Oldest, Next: it.Next, Lost: it.Lost,
		Up: it.Up, FW: it.FW, States: it.States, Rev: it.Rev, Names: it.Names,
	}}
	gap, inside, err := c.missing(l, it, stamp)
	if err != nil {
		return err
	}
	if gap != nil {
		events = append(events, gap)
	}
	if d.way != nil {
		d.way.begin()
	}
	said := c.g.hear(d, words{l.boot, it.States, it.Rev, inHello}, stamp)
	if err := c.write(d, c.arrive(d, stamp), append(events, said.events...)...); err != nil {
		return asError(err)
	}
	c.g.keep(d, said)
	if l.boot != "" {
		c.g.stand(d, gap, inside)
	}
	d.asked, d.sleep, d.claim = 0, it.Sleep, claim{}
	d.greeting = greeting{done: true, hello: true, up: it.Up, at: at}
	c.greet(l)
	return nil
}

// missing is what the board no longer holds, nil for nothing, and the SEQ at which
// it goes on if that is inside a gap of before, 0 if not: then it holds what was
// recorded as lost. The caller holds the device's mu.
func (c *conn) missing(l *link, it *wire.Item, stamp vaiven.Stamp) (*vaiven.Gap, uint64, *vaiven.Error) {
	d := l.dev
	if l.boot == "" {
		return nil, 0, nil
	}
	if !c.g.resume(d, l.boot) {
		return nil, 0, busy()
	}
	has := c.g.has(d)
	if l.bad == "" && it.Next > 0 && it.Next <= has {
		l.bad = wire.ReasonReused
	}
	if l.bad != "" {
		return nil, 0, l.badBoot()
	}
	from := it.Oldest
	switch {
	case from == 0 && d.now.inside():
		from = d.now.next
	case from == 0 && it.Next > 0:
		from = has + 1
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
		d.mayAcknowledge(c.g.o.Settled.Settled(d.id, l.boot).Top) // it holds nothing of what is a gap
	}
	gap, err := c.declared(d, it, stamp)
	if gap != nil && c.g.unseen(d, &d.now) {
		return nil, 0, busy()
	}
	return gap, 0, err
}

// stand makes the board go on behind the gap that it declared, or inside one of
// before, or where it was. The caller holds d.mu.
func (g *Gateway) stand(d *device, gap *vaiven.Gap, inside uint64) {
	p := &d.now
	switch {
	case inside != 0:
		g.goInside(d, inside)
	case gap != nil:
		d.goOutside()
		p.next, p.taken = gap.To+1, seqs{}
		if p.gap.to == 0 || p.gap.to+1 != gap.From {
			p.gap.from = gap.From
		}
		p.gap.to = gap.To
	case p.inside():
		d.goOutside()
	}
}

// greet answers HELLO, with the desired states unless they have a deadline: that
// takes a message of its own, with UNTIL.
func (c *conn) greet(l *link) {
	g, d, now := c.g, l.dev, c.g.uptime()
	want := g.desired(d)
	if len(want.States) == 0 || want.Until != 0 || d.back().behind(want, now) {
		_ = c.welcome(l, vaiven.Desired{})
		g.bring(d, now)
		return
	}
	if c.welcome(l, want) == nil {
		g.written(d, want, now)
		c.hasTold()
	}
}

// welcome tells the board what is durable. It may be behind the truth (commits
// under way), never ahead.
func (c *conn) welcome(l *link, want vaiven.Desired) error {
	w := wire.Welcome{Device: l.dev.id, Boot: l.boot, Ack: l.dev.acknowledged(l.boot), Now: c.g.o.Stamp().At}
	if len(want.States) > 0 {
		w.States, w.Rev = want.States, want.Rev
	}
	return c.trySend(wire.AppendWelcome(nil, w))
}
