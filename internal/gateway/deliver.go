package gateway

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"vaiven"
	"vaiven/wire"
)

// Twins tells what the states of devices ought to be.
type Twins interface {
	// Desired is false for a device of which nothing was ever wanted. It must be
	// quick, and what it returns is not changed afterwards.
	Desired(d vaiven.Device) (vaiven.Desired, bool)
}

// deliveries are the devices whose desired state has changed, each once however
// often it did: there are never more than devices with a connection.
type deliveries struct {
	mu    sync.Mutex
	queue []*device
	wake  chan struct{}
}

// Deliver says that the desired state of a device has changed. It returns at
// once, whatever the board and the log are doing; what the board is told is the
// state of the moment when its turn comes. A device without a connection costs
// nothing: it is told when it comes.
func (g *Gateway) Deliver(id vaiven.Device) {
	d := g.present(id)
	if d == nil {
		return
	}
	q := &g.deliveries
	q.mu.Lock()
	if !d.waiting {
		d.waiting = true
		q.queue = append(q.queue, d)
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default: // every worker is awake or about to look
	}
}

// Connected reports whether a connection speaks for the device now, of which
// something was taken.
func (g *Gateway) Connected(id vaiven.Device) bool {
	d := g.present(id)
	return d != nil && d.shown.Load() != nil
}

// present is the device if a connection speaks for it.
func (g *Gateway) present(id vaiven.Device) *device {
	g.mu.Lock()
	d := g.devices[id]
	g.mu.Unlock()
	if d == nil {
		return nil
	}
	if c := d.conn.Load(); c == nil || c.over.Load() {
		return nil
	}
	return d
}

func (q *deliveries) next() *device {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		q.queue = nil
		return nil
	}
	d := q.queue[0]
	q.queue[0] = nil
	q.queue = q.queue[1:]
	d.waiting = false // from here on a change is news again
	return d
}

// runDeliveries is one of a few workers. It waits for a device's mu as anybody
// who queues for the log does; acknowledgements do not depend on it.
func (g *Gateway) runDeliveries(ctx context.Context) {
	for {
		for d := g.deliveries.next(); d != nil && ctx.Err() == nil; d = g.deliveries.next() {
			d.mu.Lock()
			g.bring(d, g.uptime())
			d.mu.Unlock()
		}
		select {
		case <-g.deliveries.wake:
		case <-ctx.Done():
			return
		}
	}
}

// desired is what d's states ought to be, without the changes whose end is on
// its way to the view. The caller holds d.mu.
func (g *Gateway) desired(d *device) vaiven.Desired {
	if g.o.Twins == nil {
		return vaiven.Desired{}
	}
	want, ok := g.o.Twins.Desired(d.id)
	if !ok {
		want = vaiven.Desired{}
	}
	if want.Until != 0 {
		d.back().bound(want, g.uptime(), g.o.Stamp().At)
	}
	if d.way != nil {
		d.way.prune(&want)
	}
	return want
}

// bring tells d's board its desired states, if it does not have them. A board
// that asks by itself, over HTTP, is told that it may. The caller holds d.mu.
func (g *Gateway) bring(d *device, now time.Duration) {
	c := d.conn.Load()
	if c == nil {
		return
	}
	if b, ok := c.ws.(*box); ok {
		b.poke()
		return
	}
	if want, due := g.news(d, c, now, nothingNew); due && g.sendDesired(d, c, want) == nil {
		g.written(d, want, now)
	}
}

// asked is what somebody who asks for d's desired states wants besides news.
type asked struct {
	again bool   // the same once more, as long as the board does not have it
	above uint64 // any states with a higher REV, also those that it has
}

var nothingNew = asked{above: math.MaxUint64}

// news is what to tell d's board now: it changed since it was told last, or it
// is time to repeat it, or whoever asks wants it. The caller holds d.mu.
func (g *Gateway) news(d *device, c *conn, now time.Duration, ask asked) (want vaiven.Desired, due bool) {
	if c.over.Load() || !d.greeting.done || d.session.over() {
		return want, false
	}
	want = g.desired(d)
	if want.Rev == 0 {
		return want, false
	}
	w := d.back()
	if w.behind(want, now) || g.refuseNoUp(d, want) {
		return want, false // what remains is delivered when the view has seen it
	}
	if w.settled(want) && want.Rev <= ask.above {
		w.tries, w.due = 0, 0
		return want, false
	}
	if len(want.States) == 0 || want.Until != 0 && w.until <= now {
		return want, false // too late, which the view will say
	}
	switch {
	case !w.wrote.is(want):
		w.tries = 0
	case ask.again || want.Rev > ask.above || w.due != 0 && now >= w.due:
	default:
		if w.due == 0 {
			g.remind(d, now)
		}
		return want, false
	}
	return want, true
}

// sendDesired writes d's desired states to a WebSocket. The caller holds d.mu.
func (g *Gateway) sendDesired(d *device, c *conn, want vaiven.Desired) error {
	on := g.o.LedText[0] != "" && g.o.LedText[1] != "" && !d.greeting.hello
	led, ok := vaiven.Find(want.States, "LED")
	if !on || !ok {
		return c.trySend(g.message(d, want))
	}
	word := g.o.LedText[0]
	if led == 0 {
		word = g.o.LedText[1]
	}
	if err := c.trySend([]byte(word)); err != nil || len(want.States) == 1 {
		return err
	}
	want.States = slices.DeleteFunc(slices.Clone(want.States), func(v vaiven.Value) bool { return v.Name == "LED" })
	return c.trySend(g.message(d, want))
}

// message is the desired message. UNTIL is on the board's own clock, and a
// little early rather than late: UP was true before the HELLO arrived, and
// broken milliseconds are cut. The caller holds d.mu.
func (g *Gateway) message(d *device, want vaiven.Desired) []byte {
	m := wire.Desired{Device: d.id, States: want.States, Rev: want.Rev}
	if want.Until != 0 {
		m.HasUntil, m.Until = true, d.greeting.up+(d.way.until-d.greeting.at).Milliseconds()-1
	}
	return wire.AppendDesired(nil, m)
}

// written notes that d's board was sent want: in the log, for each change once,
// and when it is to be repeated. The caller holds d.mu.
func (g *Gateway) written(d *device, want vaiven.Desired, now time.Duration) {
	w := d.way
	if w.wrote.is(want) {
		w.tries++
		g.stats.Resent.Add(1)
	} else {
		w.wrote = wrotten(want)
		g.stats.Delivered.Add(1)
	}
	for _, p := range want.Open {
		if p.Sent == 0 && indexKey(w.sent, p.Key) < 0 && indexKey(w.unsaid, p.Key) < 0 {
			w.unsaid = append(w.unsaid, p.Key)
		}
	}
	w.due = 0
	_ = g.say(d, want) // the next round says it otherwise
	if !w.settled(want) {
		g.remind(d, now)
	}
}

// say records what was sent and is not in the log yet; false means that the log
// is busy. The caller holds d.mu.
func (g *Gateway) say(d *device, want vaiven.Desired) bool {
	w := d.way
	stamp := g.o.Stamp()
	var events []vaiven.Event
	for _, p := range want.Open {
		if indexKey(w.unsaid, p.Key) >= 0 {
			events = append(events, &vaiven.Sent{Stamp: stamp, Device: d.id, Key: p.Key, Rev: p.Rev})
		}
	}
	if len(events) == 0 {
		return true
	}
	if !g.queue(d, events) {
		return false
	}
	w.sent, w.unsaid = append(w.sent, w.unsaid...), nil
	return true
}

// queue appends what nobody waits for; false means that the log is busy, and
// the next round tries again. The caller holds d.mu.
func (g *Gateway) queue(d *device, events []vaiven.Event) bool {
	if !g.tryAppend(d, retryWait, events...) {
		g.schedule.wake(d, g.uptime()+retryEvery)
		return false
	}
	return true
}

// refuseNoUp ends the pending changes that have a deadline, if the board has not
// said an UP to hold them against; true means that there were some. The caller
// holds d.mu.
func (g *Gateway) refuseNoUp(d *device, want vaiven.Desired) bool {
	if d.greeting.up >= 0 {
		return false
	}
	var events []vaiven.Event
	var keys []vaiven.Key
	for _, p := range want.Open {
		if p.Deadline != 0 {
			end := p.End(d.id, vaiven.Refused, vaiven.RefusedNoUp, g.o.Stamp())
			events = append(events, &end)
			keys = append(keys, p.Key)
		}
	}
	if len(events) > 0 && g.queue(d, events) {
		d.way.ended = append(d.way.ended, keys...)
	}
	return len(events) > 0 || want.Until != 0
}

// firstRepeat and maxRepeat bound how often a board is told again what it does
// not confirm: after 5, 10, 20, 40 and then every 60 seconds.
const (
	firstRepeat = 5 * time.Second
	maxRepeat   = time.Minute
)

// remind makes d's board be told again in a while, if it is one that reports.
// The caller holds d.mu.
func (g *Gateway) remind(d *device, now time.Duration) {
	w := d.way
	if !d.greeting.hello && !w.answers {
		return
	}
	w.due = now + min(firstRepeat<<min(w.tries, 4), maxRepeat)
	g.schedule.wake(d, w.due)
}

func indexKey(keys []vaiven.Key, k vaiven.Key) int { return slices.Index(keys, k) }

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
		return r.now + retryEvery
	case w.due == 0:
		return never
	}
	return max(w.due, r.now+retryEvery)
}
