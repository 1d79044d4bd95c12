package gateway

import (
	"math"
	"net/netip"
	"time"

	"vaiven"
	"vaiven/wire"
)

// minGapWait and maxGapWait bound what a board is told to wait whose gap was not
// believed.
const (
	minGapWait = 5 * time.Second
	maxGapWait = time.Minute
	// gapInsisted is for how long the same board has to say the same before it is
	// believed all the same: one that measures faster than it ever did before could
	// else never come back.
	gapInsisted = 2 * time.Minute
)

// claim is a gap that was not believed.
type claim struct {
	boot  vaiven.Boot
	by    netip.Addr
	since time.Duration // as uptime has it
}

// insists reports whether c has said for long enough that readings of this power-up
// are lost. Nothing was taken of the device meanwhile. The caller holds d.mu.
func (c *conn) insists(d *device) bool {
	now := c.g.uptime()
	if d.claim.boot != d.now.boot || d.claim.by != c.remote.Addr() {
		d.claim = claim{boot: d.now.boot, by: c.remote.Addr(), since: now}
	}
	return now-d.claim.since >= gapInsisted
}

// declared is the gap that a HELLO declares: what lies between the last SEQ that is
// settled and its OLDEST, nil for nothing. One that is larger than what the board
// can have taken meanwhile is not taken: it may be somebody else who says so. The
// caller holds d.mu, and the HELLO is about the present power-up.
func (c *conn) declared(d *device, it *wire.Item, stamp vaiven.Stamp) (*vaiven.Gap, *vaiven.Error) {
	from := d.now.end()
	if it.Oldest <= from {
		return nil, nil
	}
	known := c.g.o.Settled.Settled(d.id, d.now.boot)
	n, within := it.Oldest-from, c.g.since(d, &known, it.Up, stamp)
	if can := known.Explains(within); n > vaiven.MaxGap || n > can && !c.insists(d) {
		wait := known.ExplainedAfter(n, within)
		return nil, &vaiven.Error{
			Code: vaiven.CodeTooFast, Reason: wire.ReasonGap, Key: vaiven.KeyOldest, Got: vaiven.FormatNumber(float64(it.Oldest)),
			Lo: float64(n), Hi: float64(can), At: -1, Retry: min(max(wait, minGapWait), maxGapWait),
		}
	}
	return &vaiven.Gap{Stamp: stamp, Device: d.id, Boot: d.now.boot, From: from, To: it.Oldest - 1}, nil
}

// since is how long the board can have been measuring what it says it gave up:
// since its newest reading was taken, or its power-up (up, -1: not said) when it
// has none; as long as you like where no clock can tell.
func (g *Gateway) since(d *device, known *vaiven.Settled, up int64, stamp vaiven.Stamp) time.Duration {
	const forever = time.Duration(math.MaxInt64)
	switch {
	case known.Top+1 < d.now.end():
		return 0 // what it sent a moment ago is on its way
	case known.Has > 0 && known.Taken == 0 || known.Taken > stamp.At:
		return forever
	case known.Has > 0:
		// Before this process a clock without battery may have stood still.
		if begun := stamp.At - g.uptime().Milliseconds(); known.Taken < begun && !stamp.Synced {
			return forever
		}
		up = stamp.At - known.Taken
	case up < 0:
		return forever
	}
	return time.Duration(min(up, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}

// has is the highest SEQ of the present power-up that the board has sent. The
// caller holds d.mu.
func (g *Gateway) has(d *device) uint64 {
	p, known := &d.now, g.o.Settled.Settled(d.id, d.now.boot)
	top := known.Has
	if !p.taken.none() {
		top = max(top, p.taken.to)
	}
	switch end := p.end() - 1; {
	case end <= known.Top:
		return top
	case end == p.gap.to:
		return max(top, p.gap.from-1)
	default:
		return max(top, end)
	}
}

// end is the SEQ from which on nothing is settled.
func (p *power) end() uint64 { return max(p.next, p.until) }

// inside reports whether the board is inside a gap: it came back with what was
// recorded as lost.
func (p *power) inside() bool { return p.next < p.until }

// findGap returns the first stretch of SEQs that ends at from or behind it, was
// recorded as a gap, and was not taken since, from from on if all is given up that
// lies before; the zero value: none. known is false when that cannot be said before
// the log's views have caught up. The caller holds d.mu.
func (g *Gateway) findGap(d *device, from uint64, givenUp bool) (lost seqs, known bool) {
	p := &d.now
	if from >= p.end() {
		return seqs{}, true
	}
	if from <= p.gap.to && g.o.Settled.Settled(d.id, p.boot).Top < p.gap.to {
		return seqs{}, false
	}
	taken := uint64(0) // up to here, which the views do not know
	if t := p.taken; g.unseen(d, p) {
		if from < t.from {
			return seqs{}, false
		}
		from, taken = max(from, t.to+1), t.to
	}
	if lost = g.missing(d, from); lost.from >= p.end() {
		return seqs{}, true
	}
	lost.from = max(lost.from, taken+1)
	if givenUp {
		lost.from = max(lost.from, from)
	}
	return lost, lost.to == 0 || taken == 0 || lost.from == taken+1
}

// missing is what the log's views say that is missing of the present power-up.
func (g *Gateway) missing(d *device, from uint64) seqs {
	first, last := g.o.Settled.Missing(d.id, d.now.boot, from)
	return seqs{first, last}
}

// unseen reports whether the log's views still have as missing what was taken of a
// power-up.
func (g *Gateway) unseen(d *device, p *power) bool {
	if p.taken.none() {
		return false
	}
	first, _ := g.o.Settled.Missing(d.id, p.boot, p.taken.from)
	return first != 0 && first <= p.taken.to
}

// joins makes room to note the expected SEQ as taken, behind what was taken before if
// nothing that is missing lies between. It is false if the log's views do not know
// yet what was taken before, which must not be forgotten then. The caller holds d.mu.
func (g *Gateway) joins(d *device) bool {
	p := &d.now
	if p.taken.none() || p.next == p.taken.to+1 {
		return true
	}
	if lost := g.missing(d, p.taken.to+1); lost.to == 0 || lost.from >= p.next {
		return true
	}
	if g.unseen(d, p) {
		return false
	}
	p.taken = seqs{}
	return true
}

// goInside makes the board go on at seq, which is inside a gap. What lies behind
// the gap is not acknowledged until the board has come so far: it would forget
// what it came back with. The caller holds d.mu.
func (g *Gateway) goInside(d *device, seq uint64) {
	p := &d.now
	if !g.unseen(d, p) {
		p.taken = seqs{seq, seq - 1}
	}
	p.until = p.end()
	p.next, d.asked = seq, 0
	d.brief.Lock()
	defer d.brief.Unlock()
	d.durable, d.ceiling = min(d.durable, seq-1), seq
}

// goOutside makes the board go on behind all that is settled.
func (d *device) goOutside() {
	p := &d.now
	p.next, p.until = p.end(), 0
	d.brief.Lock()
	defer d.brief.Unlock()
	d.ceiling = 0
}

// expect lets the SEQ that is about to be taken be acknowledged: its commit may
// be answered before Append returns. The caller holds d.mu.
func (d *device) expect(seq uint64) {
	if !d.now.inside() {
		return
	}
	d.brief.Lock()
	defer d.brief.Unlock()
	d.ceiling = seq + 1
}

// advance expects the next SEQ, the present one having been taken: inside a gap
// the next one that is missing. The caller holds d.mu.
func (g *Gateway) advance(d *device) {
	p := &d.now
	if p.taken.none() {
		p.taken.from = p.next
	}
	p.taken.to = p.next
	inside := p.inside()
	p.next++
	if inside {
		g.passOver(d)
	}
}

// passOver goes on, inside a gap, to the next SEQ that is missing, or leaves the
// gap.
func (g *Gateway) passOver(d *device) {
	p := &d.now
	if lost := g.missing(d, p.next); lost.to != 0 && max(lost.from, p.next) < p.until {
		p.next = max(lost.from, p.next)
		return
	}
	d.goOutside()
}

// refresh takes up what the log's views know by now of the present power-up: how
// far it is settled, and what may be acknowledged of that. Of a gap behind all that
// the board has sent nothing is, as long as no HELLO of its says that it holds
// nothing there (see missing): somebody else may have declared it. The caller holds d.mu.
func (g *Gateway) refresh(d *device) {
	p := &d.now
	top := g.o.Settled.Settled(d.id, p.boot).Top
	if p.inside() {
		p.until = max(p.until, top+1)
		g.passOver(d)
	} else {
		p.next = max(p.next, top+1)
	}
	durable := min(top, g.has(d))
	if p.inside() {
		durable = min(durable, p.next-1)
		if lost := g.missing(d, p.taken.from); lost.to != 0 {
			durable = min(durable, max(lost.from, p.taken.from)-1)
		}
	}
	d.mayAcknowledge(durable)
}

// mayAcknowledge notes that all SEQs of the present power-up up to seq are durable.
func (d *device) mayAcknowledge(seq uint64) {
	d.brief.Lock()
	defer d.brief.Unlock()
	if d.ackBoot != d.now.boot {
		d.ackBoot, d.durable, d.ceiling = d.now.boot, seq, 0
		if d.now.inside() {
			d.ceiling = d.now.next
		}
	}
	d.durable = max(d.durable, seq)
}
