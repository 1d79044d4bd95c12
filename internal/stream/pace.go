package stream

import "time"

// pace measures how long commits take and how many events arrive meanwhile,
// and says when it is worth to wait for more of them before the next commit. A
// commit costs the same CPU whatever it holds, so at a high rate a short wait
// saves most of it; at a low rate, or for boards that send again only after
// their acknowledgement, it would only delay that.
type pace struct {
	commit  float64 // EWMA of a commit, s
	arrived float64 // EWMA of the events that came during one
}

const (
	maxLinger  = 5 * time.Millisecond
	minArrival = 2.0 // events expected during the wait that make it worthwhile
	ewmaWeight = 0.125
)

// linger is how long to wait now: 4 times the commit time, at most 5 ms, or
// not at all.
func (p *pace) linger() time.Duration {
	d := min(4*p.commit, maxLinger.Seconds())
	if p.commit <= 0 || p.arrived/p.commit*d < minArrival {
		return 0
	}
	return time.Duration(d * float64(time.Second))
}

// committed takes in one commit, during which so many events arrived.
func (p *pace) committed(took time.Duration, arrived int) {
	t := min(took, time.Second).Seconds()
	if p.commit == 0 {
		p.commit = t
	}
	p.commit += ewmaWeight * (t - p.commit)
	p.arrived += ewmaWeight * (float64(arrived) - p.arrived)
}
