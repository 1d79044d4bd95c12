package gateway

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"vaiven"
	"vaiven/wire"
)

// bootProgress is how far the SEQs of one boot were admitted.
type bootProgress struct {
	boot  vaiven.Boot
	next  uint64 // the SEQ expected next
	until uint64 // not 0: the board came back with what was recorded as a gap, and next, below this, is inside it
	gap   seqs   // the last gap that was admitted here
	taken seqs   // what was admitted here since then, or since the board came back with what lies in a gap
}

// seqs are those from..to, both included.
type seqs struct{ from, to uint64 }

func (s seqs) none() bool { return s.to == 0 || s.to < s.from }

// unsettledFrom is the SEQ from which on nothing is settled.
func (p *bootProgress) unsettledFrom() uint64 { return max(p.next, p.until) }

// verdict says where a SEQ stands against the one expected next.
type verdict int

const (
	expected verdict = iota
	repeated         // settled or on its way: acknowledged again
	ahead            // answered with WELCOME; the board resends
)

// checkOrder compares the item's SEQ with what its boot has settled. The caller
// holds the device's mu.
func (c *conn) checkOrder(m *member, it *wire.Item) (verdict, *vaiven.Error) {
	d := m.dev
	switch {
	case m.boot == "":
		return 0, noBoot()
	case m.bad != "":
		return 0, m.badBoot()
	case d.progress.boot != m.boot && !c.g.resumeBoot(d, m.boot):
		return 0, busy()
	case d.waitFrom != 0 && it.Seq > d.waitFrom:
		return ahead, nil // one before it was asked for
	}
	p := &d.progress
	// Before a jump is answered, the log is asked: another gateway may have what
	// is missing here.
	if it.Seq > p.next {
		c.g.catchUpWithViews(d)
	}
	if it.Seq < p.next {
		if verdict, err := c.checkRepeat(m, it); err != nil || verdict == repeated {
			return verdict, err
		}
	}
	if it.Seq > p.next {
		// It is answered once until the board goes back: a whole window behind a jump
		// does not bring a whole window of answers.
		d.waitFrom = it.Seq
		_ = c.sendWelcome(m, vaiven.Desired{}) // a board that is gone asks again
		return ahead, nil
	}
	if !p.taken.none() && p.next != p.taken.to+1 && !c.g.joinTaken(d) {
		d.waitFrom = it.Seq
		return 0, busy()
	}
	d.waitFrom = 0
	if p.until != 0 {
		// Its commit may be answered before Append returns.
		d.brief.Lock()
		d.ack.ceiling = it.Seq + 1
		d.brief.Unlock()
	}
	return expected, nil
}

// checkRepeat says of a SEQ below the expected one whether it is a repetition, or
// inside a gap: then what was lost comes after all, from the gap's beginning on,
// unless a HELLO says from where.
func (c *conn) checkRepeat(m *member, it *wire.Item) (verdict, *vaiven.Error) {
	d := m.dev
	lost, known := c.g.findGap(d, it.Seq, false)
	switch {
	case !known:
		d.waitFrom = it.Seq
		return 0, busy()
	case lost.from <= it.Seq && it.Seq <= lost.to:
		c.g.enterGap(d, lost.from)
		return expected, nil
	}
	if it.Kind == wire.Reading {
		// With other values two power-ups share one BOOT, and acknowledging would lose a
		// reading.
		if same, known := c.g.o.Settled.Repeat(d.id, m.boot, it.Seq, it.Values); known && !same {
			m.bad = wire.ReasonDifferent
			return 0, m.badBoot()
		}
	}
	c.g.stats.Repeats.Add(1)
	if c.request != nil {
		c.request.result.Repeats++
	}
	if d.durableUpTo(m.boot) < it.Seq {
		c.g.catchUpWithViews(d)
	}
	m.owed, c.owing = true, true
	return repeated, nil
}

func noBoot() *vaiven.Error {
	return &vaiven.Error{Code: vaiven.CodeBadSeq, Reason: wire.ReasonNoBoot, Key: vaiven.KeySeq, At: -1}
}

func (m *member) badBoot() *vaiven.Error {
	return &vaiven.Error{Code: vaiven.CodeBadBoot, Reason: m.bad, Key: vaiven.KeyBoot, Got: string(m.boot), At: -1}
}

// advance expects the next SEQ, the present one having been taken: inside a gap
// the next one that is missing. The caller holds d.mu.
func (g *Gateway) advance(d *device) {
	p := &d.progress
	if p.taken.none() {
		p.taken.from = p.next
	}
	p.taken.to = p.next
	p.next++
	if p.until != 0 {
		g.skipToMissing(d)
	}
}

// maxBoots is how many boots of a device may have SEQs on their way to the
// log at a time, beside the present one. A board has one, or two while it sends
// what it kept from before; with more, the next waits (busy).
const maxBoots = 32

// resumeBoot makes boot the one whose SEQs are settled: from what this process
// admitted, or what the log is known to hold, whichever is more. It is false
// while too many others are on their way. The caller holds d.mu.
func (g *Gateway) resumeBoot(d *device, boot vaiven.Boot) bool {
	if d.progress.boot != boot {
		if !g.setBootAside(d) {
			return false
		}
		d.progress, d.waitFrom = bootProgress{boot: boot, next: 1}, 0
		if i := d.findOtherBoot(boot); i >= 0 {
			d.progress = d.otherBoots[i]
			d.otherBoots = slices.Delete(d.otherBoots, i, i+1)
		}
	}
	g.catchUpWithViews(d)
	return true
}

// findOtherBoot returns the place in otherBoots of a boot, -1 if it is not there.
func (d *device) findOtherBoot(boot vaiven.Boot) int {
	return slices.IndexFunc(d.otherBoots, func(p bootProgress) bool { return p.boot == boot })
}

// setBootAside remembers how far the present boot was admitted, if the log's
// views do not know it yet: coming back to it, the board would otherwise be
// asked again for what is on its way, and a session would count that twice.
func (g *Gateway) setBootAside(d *device) bool {
	onWay := func(p bootProgress) bool {
		return p.boot != "" && (p.unsettledFrom() > g.o.Settled.Settled(d.id, p.boot).Top+1 || g.viewsLackTaken(d, &p))
	}
	d.otherBoots = slices.DeleteFunc(d.otherBoots, func(p bootProgress) bool { return !onWay(p) })
	if len(d.otherBoots) == 0 {
		d.otherBoots = nil
	}
	if !onWay(d.progress) {
		return true
	}
	if len(d.otherBoots) >= maxBoots {
		return false
	}
	d.otherBoots = append(d.otherBoots, d.progress)
	d.progress = bootProgress{}
	return true
}

// catchUpWithViews takes up what the log's views know by now of the present boot: how
// far it is settled, and what may be acknowledged of that. Of a gap behind all that
// the board has sent nothing is, as long as no HELLO of its says that it holds
// nothing there (see judgeHello): somebody else may have declared it. The caller holds
// d.mu.
func (g *Gateway) catchUpWithViews(d *device) {
	p := &d.progress
	top := g.o.Settled.Settled(d.id, p.boot).Top
	if p.until != 0 {
		p.until = max(p.until, top+1)
		g.skipToMissing(d)
	} else {
		p.next = max(p.next, top+1)
	}
	durable := min(top, g.highestSent(d))
	if p.until != 0 {
		durable = min(durable, p.next-1)
		if lost := g.missingFrom(d, p.taken.from); lost.to != 0 {
			durable = min(durable, max(lost.from, p.taken.from)-1)
		}
	}
	d.raiseDurable(durable)
}

// highestSent is the highest SEQ of the present boot that the board has sent. The
// caller holds d.mu.
func (g *Gateway) highestSent(d *device) uint64 {
	p, known := &d.progress, g.o.Settled.Settled(d.id, d.progress.boot)
	top := known.Has
	if !p.taken.none() {
		top = max(top, p.taken.to)
	}
	switch end := p.unsettledFrom() - 1; {
	case end <= known.Top:
		return top
	case end == p.gap.to:
		return max(top, p.gap.from-1)
	default:
		return max(top, end)
	}
}

// findGap returns the first stretch of SEQs that ends at from or behind it, was
// recorded as a gap, and was not taken since, from from on if all is given up that
// lies before; the zero value: none. known is false when that cannot be said before
// the log's views have caught up. The caller holds d.mu.
func (g *Gateway) findGap(d *device, from uint64, givenUp bool) (lost seqs, known bool) {
	p := &d.progress
	if from >= p.unsettledFrom() {
		return seqs{}, true
	}
	if from <= p.gap.to && g.o.Settled.Settled(d.id, p.boot).Top < p.gap.to {
		return seqs{}, false
	}
	taken := uint64(0) // up to here, which the views do not know
	if t := p.taken; g.viewsLackTaken(d, p) {
		if from < t.from {
			return seqs{}, false
		}
		from, taken = max(from, t.to+1), t.to
	}
	if lost = g.missingFrom(d, from); lost.from >= p.unsettledFrom() {
		return seqs{}, true
	}
	lost.from = max(lost.from, taken+1)
	if givenUp {
		lost.from = max(lost.from, from)
	}
	return lost, lost.to == 0 || taken == 0 || lost.from == taken+1
}

// missingFrom is what the log's views say that is missing of the present boot.
func (g *Gateway) missingFrom(d *device, from uint64) seqs {
	first, last := g.o.Settled.Missing(d.id, d.progress.boot, from)
	return seqs{first, last}
}

// viewsLackTaken reports whether the log's views still have as missing what was taken
// of a boot.
func (g *Gateway) viewsLackTaken(d *device, p *bootProgress) bool {
	if p.taken.none() {
		return false
	}
	first, _ := g.o.Settled.Missing(d.id, p.boot, p.taken.from)
	return first != 0 && first <= p.taken.to
}

// joinTaken makes room to note the expected SEQ as taken, which does not follow on what
// was taken before: behind it if nothing that is missing lies between. It is false if
// the log's views do not know yet what was taken before, which must not be forgotten
// then. The caller holds d.mu.
func (g *Gateway) joinTaken(d *device) bool {
	p := &d.progress
	if lost := g.missingFrom(d, p.taken.to+1); lost.to == 0 || lost.from >= p.next {
		return true
	}
	if g.viewsLackTaken(d, p) {
		return false
	}
	p.taken = seqs{}
	return true
}

// enterGap makes the board go on at seq, which is inside a gap. What lies behind
// the gap is not acknowledged until the board has come so far: it would forget
// what it came back with. The caller holds d.mu.
func (g *Gateway) enterGap(d *device, seq uint64) {
	p := &d.progress
	if !g.viewsLackTaken(d, p) {
		p.taken = seqs{seq, seq - 1}
	}
	p.until = p.unsettledFrom()
	p.next, d.waitFrom = seq, 0
	d.brief.Lock()
	defer d.brief.Unlock()
	d.ack.durable, d.ack.ceiling, d.ack.lift = min(d.ack.durable, seq-1), seq, 0
}

// leaveGap makes the board go on behind all that is settled. What lies behind the gap
// may be acknowledged once what was taken of it is on disk: a record that was queued
// before may be committed before.
func (d *device) leaveGap() {
	p := &d.progress
	p.next, p.until = p.unsettledFrom(), 0
	d.brief.Lock()
	defer d.brief.Unlock()
	d.ack.ceiling, d.ack.lift = 0, 0
	if !p.taken.none() && d.ack.durable < p.taken.to {
		d.ack.ceiling, d.ack.lift = p.taken.to+1, p.taken.to
	}
}

// skipToMissing goes on, inside a gap, to the next SEQ that is missing, or leaves the
// gap.
func (g *Gateway) skipToMissing(d *device) {
	p := &d.progress
	if lost := g.missingFrom(d, p.next); lost.to != 0 && max(lost.from, p.next) < p.until {
		p.next = max(lost.from, p.next)
		return
	}
	d.leaveGap()
}

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

// gapClaim is a gap that was not believed.
type gapClaim struct {
	boot  vaiven.Boot
	by    netip.Addr
	since time.Duration // as uptime has it
}

// insistsOnGap reports whether c has said for long enough that readings of this boot
// are lost. Nothing was taken of the device meanwhile. The caller holds d.mu.
func (c *conn) insistsOnGap(d *device) bool {
	now := c.g.uptime()
	if d.claim.boot != d.progress.boot || d.claim.by != c.remote.Addr() {
		d.claim = gapClaim{boot: d.progress.boot, by: c.remote.Addr(), since: now}
	}
	return now-d.claim.since >= gapInsisted
}

// declaredGap is the gap that a HELLO declares: what lies between the last SEQ that is
// settled and its OLDEST, nil for nothing. One that is larger than what the board
// can have taken meanwhile is not taken: it may be somebody else who says so. The
// caller holds d.mu, and the HELLO is about the present boot.
func (c *conn) declaredGap(d *device, it *wire.Item, stamp vaiven.Stamp) (*vaiven.Gap, *vaiven.Error) {
	from := d.progress.unsettledFrom()
	if it.Oldest <= from {
		return nil, nil
	}
	known := c.g.o.Settled.Settled(d.id, d.progress.boot)
	n, within := it.Oldest-from, c.g.measuringFor(d, &known, it.Up, stamp)
	can := known.Explains(within)
	if d.warrant.trust == unproven && c.readElsewhere(d, &known) {
		can = 0
	}
	if n > vaiven.MaxGap || n > can && !c.insistsOnGap(d) {
		wait := known.ExplainedAfter(n, within)
		return nil, &vaiven.Error{
			Code: vaiven.CodeTooFast, Reason: wire.ReasonGap, Key: vaiven.KeyOldest, Got: vaiven.FormatNumber(float64(it.Oldest)),
			Lo: float64(n), Hi: float64(can), At: -1, Retry: min(max(wait, minGapWait), maxGapWait),
		}
	}
	return &vaiven.Gap{Stamp: stamp, Device: d.id, Boot: d.progress.boot, From: from, To: it.Oldest - 1}, nil
}

// heardFrom is where the last reading of a boot came from.
type heardFrom struct {
	boot vaiven.Boot
	addr netip.Addr
}

// maxHeard is of how many boots it is remembered where they came from.
const maxHeard = 4

// noteHeard notes where a reading came from. The caller holds d.mu.
func (d *device) noteHeard(boot vaiven.Boot, addr netip.Addr) {
	if boot == "" {
		return
	}
	i := slices.IndexFunc(d.heard, func(h heardFrom) bool { return h.boot == boot })
	switch {
	case i >= 0:
		d.heard[i].addr = addr
		return
	case len(d.heard) >= maxHeard:
		d.heard = slices.Delete(d.heard, 0, 1)
	}
	d.heard = append(d.heard, heardFrom{boot, addr})
}

// readElsewhere reports whether the readings of the present boot came from another
// address than c's, or from none that is known. The caller holds d.mu.
func (c *conn) readElsewhere(d *device, known *vaiven.Settled) bool {
	boot, addr := d.progress.boot, c.remote.Addr()
	if i := slices.IndexFunc(d.heard, func(h heardFrom) bool { return h.boot == boot }); i >= 0 {
		return d.heard[i].addr != addr
	}
	if c.g.o.Heard == nil || known.Has == 0 {
		return false // nothing of it can be lost
	}
	last, remote := c.g.o.Heard(d.id)
	if at, err := netip.ParseAddrPort(remote); err == nil {
		remote = at.Addr().String()
	}
	return last != boot || remote != addr.String()
}

// measuringFor is how long the board can have been measuring what it says it gave up:
// since its newest reading was taken, or its power-up (up, -1: not said) when it
// has none; as long as you like where no clock can tell.
func (g *Gateway) measuringFor(d *device, known *vaiven.Settled, up int64, stamp vaiven.Stamp) time.Duration {
	const forever = time.Duration(math.MaxInt64)
	switch {
	case known.Top+1 < d.progress.unsettledFrom():
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
