package stream

import (
	"sync"
	"time"
)

// pace measures how long commits take and how fast events arrive, and says
// when it is worth to wait for more of them before the next commit. A commit
// costs the same CPU whatever it holds, so at a high rate a short wait saves
// most of it; at a low rate it would only delay the acknowledgement.
type pace struct {
	mu     sync.Mutex
	commit float64 // EWMA of a commit, s
	rate   float64 // EWMA of arrivals, events/s
	last   time.Time
}

const (
	maxLinger  = 5 * time.Millisecond
	minArrival = 2.0 // events expected during the wait that make it worthwhile
	ewmaWeight = 0.125
)

// linger is how long to wait now: 4 times the commit time, at most 5 ms, or
// not at all.
func (p *pace) linger() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := min(time.Duration(4*p.commit*float64(time.Second)), maxLinger)
	if p.rate*d.Seconds() < minArrival {
		return 0
	}
	return d
}

// committed takes in one commit of so many events, that ended now.
func (p *pace) committed(events int, took time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last.IsZero() {
		p.commit, p.last = took.Seconds(), now
		return
	}
	p.commit += ewmaWeight * (min(took, time.Second).Seconds() - p.commit)
	if since := now.Sub(p.last).Seconds(); since > 0 {
		p.rate += ewmaWeight * (float64(events)/since - p.rate)
	}
	p.last = now
}
