package gateway

import (
	"math"
	"time"

	"vaiven"
	"vaiven/wire"
)

// minGapWait and maxGapWait bound what a board is told to wait whose gap was not
// believed.
const (
	minGapWait = 5 * time.Second
	maxGapWait = time.Minute
)

// declared is the gap that a HELLO declares: what lies between the last SEQ that is
// settled and its OLDEST, nil for nothing. One that is larger than what the board can have
// taken meanwhile is not taken: it may be somebody else who says so. The caller
// holds d.mu, and l.boot is the present power-up.
func (c *conn) declared(d *device, it *wire.Item, stamp vaiven.Stamp) (*vaiven.Gap, *vaiven.Error) {
	from := d.now.end()
	if it.Oldest <= from {
		return nil, nil
	}
	known := c.g.o.Settled.Settled(d.id, d.now.boot)
	n, within := it.Oldest-from, c.g.since(d, &known, it.Up, stamp)
	if can := known.Explains(within); n > can {
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
	top := max(known.Has, p.back.taken.to)
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
func (p *power) end() uint64 { return max(p.next, p.back.until) }

// inside reports whether the board is inside a gap: it came back with what was
// recorded as lost.
func (p *power) inside() bool { return p.next < p.back.until }

// findGap returns the first SEQ from that one on that was recorded as a gap, and
// has not been taken since; 0: none. known is false when that cannot be said
// before the log's views have caught up. The caller holds d.mu.
func (g *Gateway) findGap(d *device, from uint64) (seq uint64, known bool) {
	p := &d.now
	if from >= p.end() {
		return 0, true
	}
	if from <= p.gap.to && g.o.Settled.Settled(d.id, p.boot).Top < p.gap.to {
		return 0, false
	}
	if t := p.back.taken; from <= t.to && g.unseen(d, p) {
		if from < t.from {
			return 0, false
		}
		from = t.to + 1
	}
	if seq = g.o.Settled.Missing(d.id, p.boot, from); seq >= p.end() {
		return 0, true
	}
	return seq, true
}

// unseen reports whether the log's views do not know yet all that was taken of a
// power-up inside its gaps.
func (g *Gateway) unseen(d *device, p *power) bool {
	t := p.back.taken
	if t.to < t.from || t.to == 0 {
		return false
	}
	seq := g.o.Settled.Missing(d.id, p.boot, t.from)
	return seq != 0 && seq <= t.to
}

// goInside makes the board go on at seq, which is inside a gap. What lies behind
// the gap is not acknowledged until the board has come so far: it would forget
// what it came back with. The caller holds d.mu.
func (g *Gateway) goInside(d *device, seq uint64) {
	p := &d.now
	if !g.unseen(d, p) {
		p.back.taken = seqs{seq, seq - 1}
	}
	p.back.until = p.end()
	p.next, d.asked = seq, 0
	d.brief.Lock()
	defer d.brief.Unlock()
	d.durable, d.ceiling = seq-1, seq
}

// goOutside makes the board go on behind all that is settled.
func (d *device) goOutside() {
	p := &d.now
	p.next, p.back.until = p.end(), 0
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
	if !p.inside() {
		p.next++
		return
	}
	p.back.taken.to = p.next
	p.next++
	g.passOver(d)
}

// passOver goes on, inside a gap, to the next SEQ that is missing, or leaves the
// gap.
func (g *Gateway) passOver(d *device) {
	p := &d.now
	if seq := g.o.Settled.Missing(d.id, p.boot, p.next); seq != 0 && seq < p.back.until {
		p.next = seq
		return
	}
	d.goOutside()
}

// refresh takes up what the log's views know by now of the present power-up: how
// far it is settled, and what may be acknowledged of that. The caller holds d.mu.
func (g *Gateway) refresh(d *device) {
	p := &d.now
	top := g.o.Settled.Settled(d.id, p.boot).Top
	if p.inside() {
		g.passOver(d)
	}
	ceiling := uint64(0)
	if p.inside() {
		ceiling = p.next
		top = min(top, p.next-1)
		if seq := g.o.Settled.Missing(d.id, p.boot, p.back.taken.from); seq != 0 {
			top = min(top, seq-1)
		}
	} else {
		p.next = max(p.next, top+1)
	}
	d.brief.Lock()
	defer d.brief.Unlock()
	if d.ackBoot != p.boot {
		d.ackBoot, d.durable, d.ceiling = p.boot, top, ceiling
	}
	d.durable = max(d.durable, top)
}
