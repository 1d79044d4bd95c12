package gateway

import (
	"context"
	"math"
	"sync"
	"time"
)

// roundEvery is how often devices are looked at that something may have to be
// done about without their board having said anything: it fell silent, was not
// heard over HTTP any more, or did not confirm what it was told.
const roundEvery = time.Second

// never is when a device needs no turn.
const never = time.Duration(math.MaxInt64)

// rounds are the devices that get a turn at a moment, each once. A round reads
// the moments, which lie side by side, and looks at no device before its own:
// at 100,000 devices it takes a fraction of a millisecond.
type rounds struct {
	one sync.Mutex // held by a round: there is one at a time

	mu   sync.Mutex
	list []turn
}

type turn struct {
	at  time.Duration // as uptime has it
	dev *device
}

// uptime is how long the gateway has existed: a clock that nobody sets.
func (g *Gateway) uptime() time.Duration { return time.Since(g.born) }

// wake gives d a turn at that moment, or earlier if it had one.
func (r *rounds) wake(d *device, at time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d.turn == 0 {
		r.list = append(r.list, turn{at, d})
		d.turn = int32(len(r.list))
		return
	}
	t := &r.list[d.turn-1]
	t.at = min(t.at, at)
}

// due returns the devices whose turn it is. They stay in the list, without a
// moment, until rest takes them out or wake gives them another.
func (r *rounds) due(now time.Duration) (devices []*device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.list {
		if t := &r.list[i]; t.at <= now {
			t.at = never
			devices = append(devices, t.dev)
		}
	}
	return devices
}

// rest takes d out, unless somebody woke it meanwhile.
func (r *rounds) rest(d *device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := int(d.turn) - 1
	if i < 0 || r.list[i].at != never {
		return
	}
	last := len(r.list) - 1
	r.list[i] = r.list[last]
	r.list[i].dev.turn = int32(i + 1)
	r.list[last] = turn{}
	r.list = r.list[:last]
	d.turn = 0
}

func (g *Gateway) runRounds(ctx context.Context) {
	tick := time.NewTicker(roundEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.round(g.uptime())
		}
	}
}

// round gives the devices that are due their turn. One that is busy with its
// board gets it in the next.
func (g *Gateway) round(now time.Duration) {
	g.rounds.one.Lock()
	defer g.rounds.one.Unlock()
	r := round{g: g, now: now}
	for _, d := range g.rounds.due(now) {
		if !d.mu.TryLock() {
			g.rounds.wake(d, now+roundEvery)
			continue
		}
		if next := r.turn(d); next != never {
			g.rounds.wake(d, next)
		} else {
			g.rounds.rest(d)
		}
		d.mu.Unlock()
	}
}

// round is one of them.
type round struct {
	g     *Gateway
	now   time.Duration
	stuck bool // the log is busy: it is not asked again for every device
}

// turn does what is due about d, and returns when it is to be looked at again.
// The caller holds d.mu.
func (r *round) turn(d *device) time.Duration {
	gone := r.visit(d)
	if d.conn.Load() == nil || d.session.over() {
		d.watched = false
		return never
	}
	return min(gone, r.silence(d), r.delivery(d))
}

// delivery tells the board again what it has not confirmed.
func (r *round) delivery(d *device) time.Duration {
	g, w := r.g, d.way
	if w == nil || w.due == 0 && len(w.unsaid) == 0 && !w.isLocal {
		return never
	}
	if len(w.unsaid) > 0 {
		r.stuck = r.stuck || !g.say(d, g.desired(d))
	}
	if w.due > r.now || w.isLocal && w.localBy > r.now {
		return max(w.due, w.localBy)
	}
	g.bring(d, r.now)
	switch {
	case len(w.unsaid) > 0:
		return r.now + roundEvery
	case w.due == 0:
		return never
	}
	return max(w.due, r.now+roundEvery)
}
