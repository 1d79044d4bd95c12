package views

import (
	"time"

	"vaiven"
)

// pace is when the newest reading of a boot was taken, and how many were taken in
// the last stretches of paceWindow in which there were any: what a board can have
// taken while it was away is held against it.
type pace struct {
	taken  int64 // Unix ms, 0: not known
	window int64 // the present stretch, by its number
	count  uint32
	before [3]uint32 // in those before it, the latest first; 0: not known
}

const paceWindow = 10 * time.Second

// reading takes the newest reading of a boot.
func (p *pace) reading(r *vaiven.Reading) {
	p.taken = max(min(r.Measured, r.At), 0)
	if p.taken == 0 {
		return
	}
	if w := p.taken / paceWindow.Milliseconds(); w != p.window {
		p.before[2], p.before[1], p.before[0] = p.before[1], p.before[0], p.count
		p.window, p.count = w, 0
	}
	p.count++
}

// every is the time between readings, 0: not known yet. The slowest of the stretches
// counts: what a board had kept and sends without AGE comes all at once.
func (p *pace) every() time.Duration {
	n := min(p.before[0], p.before[1], p.before[2])
	if n == 0 {
		return 0
	}
	return min(max(paceWindow/time.Duration(n), time.Millisecond), vaiven.MaxEvery)
}
