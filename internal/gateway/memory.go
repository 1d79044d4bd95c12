package gateway

import (
	"math/rand/v2"
	"time"

	"vaiven"
)

const (
	// forgetAfter is how long a device without a connection is remembered: as
	// long as takeovers and conflicts count. What has to be kept then is looked at
	// again after forgetRetry.
	forgetAfter = conflictWindow
	forgetRetry = 5 * time.Second
)

// lock returns the state of id with its mu held. It is made at its first
// appearance in this process, unless there are too many: then it is nil. What
// is known of a device that was forgotten comes back from the log's views.
func (g *Gateway) lock(id vaiven.Device, always bool) *device {
	for {
		d := g.device(id, always)
		if d == nil {
			return nil
		}
		d.mu.Lock()
		if !d.gone {
			return d
		}
		d.mu.Unlock()
	}
}

func (g *Gateway) device(id vaiven.Device, always bool) *device {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := g.devices[id]
	if d == nil {
		if len(g.devices) >= g.o.MaxKnown && !always {
			return nil
		}
		d = &device{id: id, shard: rand.Uint32(), rested: g.uptime()}
		g.devices[id] = d
		g.schedule.wake(d, d.rested+forgetAfter)
	}
	return d
}

// rest notes that d has no connection. The caller holds d.mu.
func (g *Gateway) rest(d *device) {
	d.rested = g.uptime()
	g.schedule.wake(d, d.rested+forgetAfter)
}

// rest forgets a device that has had no connection for so long, and records a
// disconnection that the log did not take when it happened. The caller holds d.mu.
func (r *round) rest(d *device) time.Duration {
	if d.left != nil && !r.g.recordLeft(d, retryWait) {
		return r.now + retryEvery
	}
	s := &d.session
	switch by := d.rested + forgetAfter; {
	case by > r.now:
		return by
	case s.active && !s.ended && s.ends != 0 || r.g.forget(d):
		return never // one with a deadline is looked at then
	}
	return r.now + forgetRetry
}

// forget drops d from memory if the log's views know all that it knows. The
// caller holds d.mu.
func (g *Gateway) forget(d *device) bool {
	if d.left != nil || !g.setAside(d) || len(d.others) > 0 || !g.sessionKnown(d) {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.devices, d.id)
	d.gone = true
	return true
}

// sessionKnown reports whether d's session would come back as it is.
func (g *Gateway) sessionKnown(d *device) bool {
	s := &d.session
	if g.o.Limit.none() || !d.loaded {
		return true
	}
	v, ok := g.o.Sessions.Session(d.id)
	if !s.active {
		return !ok || v.Reason == vaiven.EndRenewed
	}
	return ok && v.Start == s.begun && v.Count == s.n && v.Ended == s.ended && v.Reason == s.reason
}
