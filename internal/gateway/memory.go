package gateway

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"vaiven"
)

const (
	// tidyEvery is how often devices at rest are looked at.
	tidyEvery = 5 * time.Second
	// forgetAfter is how long a device without a connection is remembered: as
	// long as takeovers and conflicts count.
	forgetAfter = conflictWindow
	// retryWait is how long tidy waits for a busy log.
	retryWait = 50 * time.Millisecond
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
		d = &device{id: id, shard: rand.Uint32(), rested: time.Now()}
		g.devices[id] = d
		g.atRest[d] = struct{}{}
	}
	return d
}

// rest notes that d has no connection. The caller holds d.mu.
func (g *Gateway) rest(d *device) {
	d.rested = time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.atRest[d] = struct{}{}
}

func (g *Gateway) runTidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			g.tidy(now, forgetAfter)
		}
	}
}

// tidy forgets the devices that have been at rest for so long, and records
// disconnections that the log did not take when they happened. What must be
// kept is looked at again the next time.
func (g *Gateway) tidy(now time.Time, after time.Duration) {
	g.mu.Lock()
	list := slices.Collect(maps.Keys(g.atRest))
	g.mu.Unlock()
	stuck := false
	for _, d := range list {
		if !d.mu.TryLock() {
			continue // somebody needs it
		}
		if d.left != nil && !stuck {
			stuck = !g.recordLeft(d, retryWait)
		}
		awake := d.conn.Load() != nil // it is noted again when it leaves
		if awake || now.Sub(d.rested) >= after && g.forget(d) {
			g.mu.Lock()
			delete(g.atRest, d)
			g.mu.Unlock()
		}
		d.mu.Unlock()
	}
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

// sessionKnown reports whether d's session would come back as it is. One with a
// deadline stays, since the deadline's entry names the device.
func (g *Gateway) sessionKnown(d *device) bool {
	s := &d.session
	if g.o.Limit.none() || !d.loaded {
		return true
	}
	if s.active && !s.ended && !s.ends.IsZero() {
		return false
	}
	v, ok := g.o.Sessions.Session(d.id)
	if !s.active {
		return !ok || v.Reason == vaiven.EndRenewed
	}
	return ok && v.Start == s.begun && v.Count == s.n && v.Ended == s.ended && v.Reason == s.reason
}
