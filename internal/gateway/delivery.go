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

// delivery is what a board says of its states, and what it was told. A device gets
// one when it first has a state, or one is wanted of it; it belongs to the device's
// mu.
type delivery struct {
	// What the board has reported, on the present connection or since the last HELLO
	// on it; the boot and the REV outlive it.
	vaiven.ReportedStates
	// bases are what a change made at the board is held against: what the last report
	// or HELLO said, or the first reading.
	bases      []vaiven.Value
	reportsRev bool // it reports with REV

	told  *toldStates   // what it was told last, nil: nothing, or other than what is wanted
	tries int           // how often that was repeated
	due   time.Duration // when it is told again, as uptime has it; 0: not by itself

	localOpen bool          // a change made at the board is not in the view yet
	localRev  uint64        // REV when it was queued
	localBy   time.Duration // not waited for longer

	until     time.Duration // the earliest of deadlines, as uptime has it
	deadlines []changeDeadline

	// Of this process, as long as the view has the changes open.
	recorded   []vaiven.Key // their Sent is in the log's queue
	unrecorded []vaiven.Key // the board was told, but the log was busy
	ended      []vaiven.Key // their end is in the log's queue
}

// changeDeadline is the deadline of an open change on a clock that nobody sets.
type changeDeadline struct {
	key vaiven.Key
	at  time.Duration // as uptime has it
}

// toldStates is a desired message as far as it would be worth repeating.
type toldStates struct {
	rev    uint64
	until  int64
	states []vaiven.Value
}

// beginConnection forgets what belonged to the connection before, or to what was
// there before a HELLO. That somebody at the board made a change is not forgotten.
func (dl *delivery) beginConnection() {
	dl.Reported, dl.bases, dl.told, dl.tries, dl.due = nil, nil, nil, 0, 0
	if dl.Boot == "" {
		dl.BootRev = 0 // nothing says that it is the same boot
	}
}

// nothingLeft reports whether nothing is left to tell the board.
func (dl *delivery) nothingLeft(want vaiven.Desired) bool {
	return len(want.Open) == 0 && dl.Has(want.States)
}

// longest is more ms than any server runs, and fits in a time.Duration.
const longest = int64(1) << 40

// holdDeadlines holds the deadlines of open changes against uptime, from the first
// look at them on: a server's clock that is set back gives a board no more time than
// was asked for, one that is set forward takes from it.
func (dl *delivery) holdDeadlines(want vaiven.Desired, now time.Duration, clock int64) {
	var all []changeDeadline
	for _, p := range want.Open {
		if p.Deadline == 0 {
			continue
		}
		left := min(p.Deadline-clock, p.Deadline-p.Asked, longest)
		x := changeDeadline{p.Key, now + time.Duration(left)*time.Millisecond}
		if i := slices.IndexFunc(dl.deadlines, func(x changeDeadline) bool { return x.key == p.Key }); i >= 0 {
			x.at = min(x.at, dl.deadlines[i].at)
		}
		if all = append(all, x); len(all) == 1 || x.at < dl.until {
			dl.until = x.at
		}
	}
	dl.deadlines = all
}

// changedDevices are the devices whose desired state has changed, each once however
// often it did: there are never more than devices with a connection.
type changedDevices struct {
	mu    sync.Mutex
	queue []*device
	wake  chan struct{}
}

// Deliver says that the desired state of a device has changed. It returns at
// once, whatever the board and the log are doing; what the board is told is the
// state of the moment when its turn comes. A device without a connection costs
// nothing: it is told when it comes.
func (g *Gateway) Deliver(id vaiven.Device) {
	d := g.connectedDevice(id)
	if d == nil {
		return
	}
	q := &g.changed
	q.mu.Lock()
	if !d.queued {
		d.queued = true
		q.queue = append(q.queue, d)
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default: // every worker is awake or about to look
	}
}

// runDeliveries is one of a few workers. It waits for a device's mu as anybody
// who queues for the log does; acknowledgements do not depend on it.
func (g *Gateway) runDeliveries(ctx context.Context) {
	q := &g.changed
	for ctx.Err() == nil {
		q.mu.Lock()
		if len(q.queue) == 0 {
			q.queue = nil
			q.mu.Unlock()
			select {
			case <-q.wake:
			case <-ctx.Done():
			}
			continue
		}
		d := q.queue[0]
		q.queue[0] = nil
		q.queue = q.queue[1:]
		d.queued = false // from here on a change is news again
		q.mu.Unlock()
		d.mu.Lock()
		if c := d.conn.Load(); c != nil {
			c.peer.deliver(d, g.uptime())
		}
		d.mu.Unlock()
	}
}

// desiredOf is what d's states ought to be, without the changes whose end is on
// its way to the view. If something ever was wanted, d has a delivery then. The
// caller holds d.mu.
func (g *Gateway) desiredOf(d *device) vaiven.Desired {
	if g.o.Twins == nil {
		return vaiven.Desired{}
	}
	want, ok := g.o.Twins.Desired(d.id)
	if !ok {
		want = vaiven.Desired{}
	}
	dl := d.delivery
	if dl == nil {
		if want.Rev == 0 {
			return want
		}
		dl = new(delivery)
		d.delivery = dl
	}
	if want.Until != 0 {
		dl.holdDeadlines(want, g.uptime(), g.o.Stamp().At)
	}
	closed := func(k vaiven.Key) bool { // by the view: what is known of it is needed no longer
		return !slices.ContainsFunc(want.Open, func(p vaiven.Pending) bool { return p.Key == k })
	}
	dl.recorded = slices.DeleteFunc(dl.recorded, closed)
	dl.unrecorded = slices.DeleteFunc(dl.unrecorded, closed)
	dl.ended = slices.DeleteFunc(dl.ended, closed)
	if len(dl.ended) > 0 {
		want.Open = slices.DeleteFunc(slices.Clone(want.Open), func(p vaiven.Pending) bool { return slices.Contains(dl.ended, p.Key) })
	}
	return want
}

// desiredAsk is what somebody who asks for d's desired states wants besides news.
type desiredAsk struct {
	again bool   // the same once more, as long as the board does not have it
	above uint64 // any states with a higher REV, also those that it has
}

var nothingNew = desiredAsk{above: math.MaxUint64}

// dueDesired is what to tell d's board now: it changed since it was told last, or it
// is time to repeat it, or whoever asks wants it. The caller holds d.mu.
func (g *Gateway) dueDesired(d *device, c *conn, now time.Duration, ask desiredAsk) (want vaiven.Desired, due bool) {
	if c.closing.Load() || !d.greeting.done || d.session.ended {
		return want, false
	}
	want = g.desiredOf(d)
	if want.Rev == 0 {
		return want, false
	}
	dl := d.delivery
	// Until the view has seen a change made at the board, it wants what the person
	// there has just undone.
	dl.localOpen = dl.localOpen && want.Rev == dl.localRev && now < dl.localBy
	if dl.localOpen || d.greeting.up < 0 && g.refuseDeadlines(d, want) {
		return want, false // what remains is delivered when the view has seen it
	}
	if want.Rev <= ask.above && dl.nothingLeft(want) {
		dl.tries, dl.due = 0, 0
		return want, false
	}
	if len(want.States) == 0 || want.Until != 0 && dl.until <= now {
		return want, false // too late, which the view will say
	}
	t := dl.told
	switch {
	case t == nil || t.rev != want.Rev || t.until != want.Until || !slices.Equal(t.states, want.States):
		dl.told, dl.tries = nil, 0
	case ask.again || want.Rev > ask.above || dl.due != 0 && now >= dl.due:
	default:
		if dl.due == 0 {
			g.scheduleRepeat(d, now)
		}
		return want, false
	}
	return want, true
}

// desiredMessage is the desired message. UNTIL is on the board's own clock, and a
// little early rather than late: UP was true before the HELLO arrived, and
// broken milliseconds are cut. The caller holds d.mu.
func (g *Gateway) desiredMessage(d *device, want vaiven.Desired) []byte {
	m := wire.Desired{Device: d.id, States: want.States, Rev: want.Rev}
	if want.Until != 0 {
		m.HasUntil, m.Until = true, d.greeting.up+(d.delivery.until-d.greeting.at).Milliseconds()-1
	}
	return wire.AppendDesired(nil, m)
}

// noteDelivered notes that d's board was told want: in the log, for each change
// once, and when it is to be repeated. The caller holds d.mu.
func (g *Gateway) noteDelivered(d *device, want vaiven.Desired, now time.Duration) {
	dl := d.delivery
	if dl.told != nil { // the same, as dueDesired found
		dl.tries++
		g.stats.Resent.Add(1)
	} else {
		dl.told = &toldStates{want.Rev, want.Until, slices.Clone(want.States)}
		g.stats.Delivered.Add(1)
	}
	for _, p := range want.Open {
		if p.Sent == 0 && !slices.Contains(dl.recorded, p.Key) && !slices.Contains(dl.unrecorded, p.Key) {
			dl.unrecorded = append(dl.unrecorded, p.Key)
		}
	}
	dl.due = 0
	_ = g.recordSent(d, want) // the device's next turn says it otherwise
	if !dl.nothingLeft(want) {
		g.scheduleRepeat(d, now)
	}
}

// recordSent records what the board was told and is not in the log yet; false means
// that the log is busy. The caller holds d.mu.
func (g *Gateway) recordSent(d *device, want vaiven.Desired) bool {
	dl := d.delivery
	stamp := g.o.Stamp()
	var events []vaiven.Event
	for _, p := range want.Open {
		if slices.Contains(dl.unrecorded, p.Key) {
			events = append(events, &vaiven.Sent{Stamp: stamp, Device: d.id, Key: p.Key, Rev: p.Rev})
		}
	}
	if len(events) == 0 {
		return true
	}
	if !g.tryAppend(d, retryWait, events...) {
		return false
	}
	dl.recorded, dl.unrecorded = append(dl.recorded, dl.unrecorded...), nil
	return true
}

// refuseDeadlines ends the open changes that have a deadline, of a board that has
// not said an UP to hold them against; true means that there were some. The caller
// holds d.mu.
func (g *Gateway) refuseDeadlines(d *device, want vaiven.Desired) bool {
	var events []vaiven.Event
	var keys []vaiven.Key
	for _, p := range want.Open {
		if p.Deadline != 0 {
			end := p.End(d.id, vaiven.Refused, vaiven.RefusedNoUp, g.o.Stamp())
			events = append(events, &end)
			keys = append(keys, p.Key)
		}
	}
	if len(events) > 0 && g.tryAppend(d, retryWait, events...) {
		d.delivery.ended = append(d.delivery.ended, keys...)
	}
	return len(events) > 0 || want.Until != 0
}

// firstRepeat and maxRepeat bound how often a board is told again what it does
// not confirm: after 5, 10, 20, 40 and then every 60 seconds.
const (
	firstRepeat = 5 * time.Second
	maxRepeat   = time.Minute
)

// scheduleRepeat makes d's board be told again in a while, if it is one that
// reports. The caller holds d.mu.
func (g *Gateway) scheduleRepeat(d *device, now time.Duration) {
	dl := d.delivery
	if d.greeting.hello || dl.reportsRev {
		dl.due = now + min(firstRepeat<<min(dl.tries, 4), maxRepeat)
		g.schedule.wake(d, dl.due)
	}
}

// repeatDesired tells the board again what it has not confirmed. The caller holds
// d.mu.
func (r *round) repeatDesired(d *device) time.Duration {
	dl := d.delivery
	if dl == nil || dl.due == 0 && len(dl.unrecorded) == 0 && !dl.localOpen {
		return never
	}
	if len(dl.unrecorded) > 0 {
		r.stuck = r.stuck || !r.g.recordSent(d, r.g.desiredOf(d))
	}
	if dl.due > r.now || dl.localOpen && dl.localBy > r.now {
		return max(dl.due, dl.localBy)
	}
	d.conn.Load().peer.deliver(d, r.now)
	switch {
	case len(dl.unrecorded) > 0:
		return r.now + retryEvery
	case dl.due == 0:
		return never
	}
	return max(dl.due, r.now+retryEvery)
}
