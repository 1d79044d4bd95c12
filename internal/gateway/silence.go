package gateway

import (
	"math"
	"slices"
	"time"

	"vaiven"
)

const (
	// silentAfter is how many of its intervals a connected device may go without
	// a reading before it is called silent, and minSilence the least time.
	silentAfter = 3
	minSilence  = 2 * time.Second
	// burst is the stretch in which readings count as come together: a backlog,
	// or several in one message, say nothing about how often a board measures.
	burst = 250 * time.Millisecond
)

// pace is what a device's readings say about how often they come.
type pace struct {
	heard    time.Duration // the last reading, or the connection's beginning
	arrived  time.Duration // the first reading of the last burst
	measured int64         // when the last one was taken, Unix ms; 0: unknown
	last     [5]uint32     // intervals, ms
	n, at    uint8         // how many of them, and the place of the next
}

// reading takes note of a reading. Between two bursts counts the longer of what
// passed here and what passed at the board: readings that waited for a
// connection and come in quick succession were taken at their usual pace.
func (p *pace) reading(now time.Duration, measured int64) {
	p.heard = now
	if gap := now - p.arrived; p.arrived == 0 || gap >= burst {
		if p.arrived != 0 {
			ms := gap.Milliseconds()
			if p.measured != 0 && measured != 0 {
				ms = max(ms, measured-p.measured)
			}
			p.add(ms)
		}
		p.arrived = now
	}
	p.measured = measured
}

func (p *pace) add(ms int64) {
	p.last[p.at] = uint32(min(ms, math.MaxUint32))
	p.at = (p.at + 1) % uint8(len(p.last))
	p.n = min(p.n+1, uint8(len(p.last)))
}

// every is the interval between readings: the median of the last few, which one
// pause does not move. 0: not known before the third.
func (p *pace) every() time.Duration {
	if p.n < 3 {
		return 0
	}
	sorted := p.last
	slices.Sort(sorted[:p.n])
	return time.Duration(sorted[p.n/2]) * time.Millisecond
}

// heardFrom notes an admitted reading of d. The caller holds d.mu.
func (g *Gateway) heardFrom(d *device, measured int64) {
	d.silent, d.claim = false, claim{}
	d.pace.reading(g.uptime(), measured)
	g.watch(d)
}

// silentBy is when d counts as silent if no reading comes. A board that said
// that it would sleep is given that time on top.
func (d *device) silentBy() time.Duration {
	return d.pace.heard + max(silentAfter*d.pace.every(), minSilence) + time.Duration(d.sleep)*time.Millisecond
}

// watch makes d be looked at when it should have been heard from, once its pace
// is known. The caller holds d.mu.
func (g *Gateway) watch(d *device) {
	if !d.watched && d.pace.every() != 0 {
		d.watched = true
		g.schedule.wake(d, d.silentBy())
	}
}

// silence records that a connected device has fallen silent. The caller holds
// d.mu.
func (r *round) silence(d *device) time.Duration {
	g := r.g
	shown := d.shown.Load()
	if d.silent || shown == nil || d.pace.every() == 0 {
		d.watched = false // the next reading watches again
		return never
	}
	if by := d.silentBy(); by > r.now {
		return by
	}
	event := &vaiven.Presence{
		Stamp: g.o.Stamp(), Device: d.id, Connected: true, Silent: true, Remote: address(shown.remote),
	}
	if !r.append(d, retryWait, event) {
		return r.now + retryEvery
	}
	d.silent, d.watched = true, false
	return never
}
