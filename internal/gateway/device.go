package gateway

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"vaiven"
)

// device is the state of one device in this process.
type device struct {
	heapSlot // in the schedule

	id         vaiven.Device
	shard      uint32               // which ack worker serves it
	conn       atomic.Pointer[conn] // the connection that speaks for it now
	recorded   atomic.Pointer[conn] // the one that the log has: something of it was taken
	returnTold atomic.Bool          // a board that came back after its session was shown

	// mu is held from the decision about an element until it is queued in the
	// log, so that the order of admission is the order in the log. It may be
	// held while the log's queue is full, so nothing on the way to an
	// acknowledgement, or to a goodbye, takes it.
	mu         sync.Mutex
	gone       bool           // forgotten: the gateway has, or will have, another for this id
	loaded     bool           // session was looked up in the log's views
	progress   bootProgress   // of the boot whose SEQs are being settled
	otherBoots []bootProgress // that were left while SEQs of theirs were on their way
	waitFrom   uint64         // the board is to send this SEQ again: what lies behind it is not answered; 0: no such
	warrant    warrant        // by what conn speaks for it
	heard      []heardFrom    // where the last boots' readings came from
	boardBoot  vaiven.Boot    // of the board behind conn, "" if it has said none
	claim      gapClaim       // a gap that was not believed
	sleep      int64          // ms, as the board behind conn said last
	greeting   greeting
	delivery   *delivery // nil: nothing is known or wanted of its states
	pace       pace
	silent     bool             // and the log has it
	watched    bool             // it has a turn when it should have been heard from
	departure  *vaiven.Presence // a disconnection that the log did not take yet
	idleSince  time.Duration    // when it lost its last connection, or was made, as uptime has it
	session    session
	conflict   conflict

	dirty  int32 // belongs to its ack worker: place in its list, from 1
	queued bool  // belongs to changedDevices: it is in the queue

	brief    sync.Mutex // never held while anything is waited for
	ack      ackMark    // of the boot whose SEQs are being settled
	leftAcks []ackMark  // of otherBoots that have a ceiling
	activeOn *conn      // whose active count d is part of
	ending   endMark
}

// greeting is how the board behind a device's connection has begun.
type greeting struct {
	done  bool          // something of it was taken: it is known what it is
	hello bool          // it said HELLO
	up    int64         // ms since its power-up when HELLO came, -1: not said
	at    time.Duration // when HELLO came, as uptime has it
}

// endMark is what a board is told when its session is over.
type endMark struct {
	event  *vaiven.SessionEnd // nil while the session goes on
	text   string
	onDisk bool
}

const (
	// forgetAfter is how long a device without a connection is remembered: as
	// long as takeovers and conflicts count. What has to be kept then is looked at
	// again after forgetRetry.
	forgetAfter = conflictWindow
	forgetRetry = 5 * time.Second
)

// lockDevice returns the state of id with its mu held. It is made at its first
// appearance in this process, unless there are too many: then it is nil. What
// is known of a device that was forgotten comes back from the log's views.
func (g *Gateway) lockDevice(id vaiven.Device, always bool) *device {
	for {
		g.mu.Lock()
		d := g.devices[id]
		if d == nil && (always || len(g.devices) < g.o.MaxKnown) {
			d = &device{id: id, shard: rand.Uint32(), idleSince: g.uptime()}
			g.devices[id] = d
			g.schedule.wake(d, d.idleSince+forgetAfter)
		}
		g.mu.Unlock()
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

// connectedDevice is the device if a connection speaks for it, which is not being
// closed.
func (g *Gateway) connectedDevice(id vaiven.Device) *device {
	g.mu.Lock()
	d := g.devices[id]
	g.mu.Unlock()
	if d == nil {
		return nil
	}
	if c := d.conn.Load(); c == nil || c.closing.Load() {
		return nil
	}
	return d
}

// Connected reports whether a connection speaks for the device now, of which
// something was taken.
func (g *Gateway) Connected(id vaiven.Device) bool {
	d := g.connectedDevice(id)
	return d != nil && d.recorded.Load() != nil
}

// holder is the connection that c would take d from, nil for none. One that is
// being closed holds nothing, nor one of which nothing was taken. The caller holds
// d.mu.
func (d *device) holder(c *conn) *conn {
	first := d.conn.Load()
	if first == c || first != nil && (first.closing.Load() || d.recorded.Load() != first) {
		return nil
	}
	return first
}

// assignTo makes c the connection that speaks for d. Another one loses it, and is
// closed if it speaks for nobody else. It is false, and nothing has happened,
// when d's session is over and that is on disk. The caller holds d.mu.
func (d *device) assignTo(c *conn) bool {
	d.brief.Lock()
	if d.ending.onDisk {
		d.brief.Unlock()
		return false
	}
	first := d.activeOn
	if first != c {
		d.activeOn = c
		c.active.Add(1)
	}
	d.brief.Unlock()
	d.conn.Store(c)
	if first != nil && first != c && first.active.Add(-1) <= 0 {
		first.close(statusInUse, "device in use elsewhere")
	}
	return true
}

// unassign takes d from its connection. The caller holds d.mu.
func (d *device) unassign() {
	d.conn.Store(nil)
	d.brief.Lock()
	defer d.brief.Unlock()
	d.activeOn = nil
}

// markEnd notes how d's session ends, before the end is queued: the ack worker may
// see it committed before Append returns. The zero mark takes it back.
func (d *device) markEnd(e endMark) {
	d.brief.Lock()
	defer d.brief.Unlock()
	d.ending = e
}

// sessionOver is what to tell a board whose session is over; onDisk is false while
// it goes on, or its last reading may still be lost.
func (d *device) sessionOver() (text string, onDisk bool) {
	d.brief.Lock()
	defer d.brief.Unlock()
	return d.ending.text, d.ending.onDisk
}

// confirmEnd notes that the session's end is on disk, and returns the connection
// that is to be told: none if the session was started again meanwhile.
func (d *device) confirmEnd(e *vaiven.SessionEnd) (*conn, string) {
	d.brief.Lock()
	defer d.brief.Unlock()
	if d.ending.event != e {
		return nil, ""
	}
	d.ending.onDisk = true
	c := d.activeOn
	if d.activeOn = nil; c != nil {
		c.active.Add(-1)
	}
	return c, d.ending.text
}

// clearEnd forgets the end of d's session, and counts d among the devices of its
// connection c again, if it has one. The caller holds d.mu.
func (d *device) clearEnd(c *conn) {
	d.brief.Lock()
	defer d.brief.Unlock()
	d.ending = endMark{}
	if c != nil && d.activeOn == nil {
		d.activeOn = c
		c.active.Add(1)
	}
}

// recordDeparture appends d's disconnection, if the log does not have it. What a
// busy log does not take is recorded later, and false. The caller holds d.mu.
func (g *Gateway) recordDeparture(d *device, wait time.Duration) bool {
	if d.departure != nil && g.tryAppend(d, wait, d.departure) {
		d.departure = nil
	}
	return d.departure == nil
}

// forget lets go of a device that has had no connection for so long, if the log's
// views know all that it knows. The caller holds d.mu.
func (r *round) forget(d *device) time.Duration {
	g, s := r.g, &d.session
	if d.departure != nil {
		if r.stuck = r.stuck || !g.recordDeparture(d, retryWait); r.stuck {
			return r.now + retryEvery
		}
	}
	by := d.idleSince + forgetAfter
	switch {
	case by > r.now:
		return by
	case s.active && !s.ended && s.ends != 0:
		return never // it is looked at again when that has come
	case !g.setBootAside(d) || len(d.otherBoots) > 0 || !g.knownSession(d):
		return r.now + forgetRetry
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.devices, d.id)
	d.gone = true
	return never
}
