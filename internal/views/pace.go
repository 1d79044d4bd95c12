package views

import (
	"time"

	"vaiven"
)

// pace is when the newest reading of a boot was taken, and how fast they follow:
// what a board can have taken while it was away is held against it.
type pace struct {
	taken int64  // Unix ms, 0: not known
	mean  uint32 // in 1/256 ms, of the last few
	n     uint8  // intervals that mean is made of, paceOver at most
}

const (
	pacePart  = 256
	paceOver  = 8 // readings that the mean forgets
	paceKnown = 3 // intervals before it counts
)

// reading takes the newest reading of a boot, which is so many SEQs behind the one
// that was the newest before.
func (p *pace) reading(r *vaiven.Reading, seqs uint64) {
	last := p.taken
	p.taken = max(min(r.Measured, r.At), 0)
	if last == 0 || p.taken < last {
		return // not known, or a clock was set back
	}
	every := min(p.taken-last, vaiven.MaxGap*vaiven.MaxEvery.Milliseconds()) * pacePart / int64(min(seqs, vaiven.MaxGap))
	every = min(every, vaiven.MaxEvery.Milliseconds()*pacePart)
	p.n = min(p.n+1, paceOver)
	p.mean = uint32(int64(p.mean) + (every-int64(p.mean))/int64(p.n))
}

// every is the time between readings, at least a ms; 0: not known yet.
func (p *pace) every() time.Duration {
	if p.n < paceKnown {
		return 0
	}
	return max(time.Duration(p.mean)*time.Millisecond/pacePart, time.Millisecond)
}
