package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"vaiven"
)

// device is the state of one device in this process.
type device struct {
	heapPlace // in the schedule

	id    vaiven.Device
	shard uint32               // which ack worker serves it
	conn  atomic.Pointer[conn] // the connection that speaks for it now
	shown atomic.Pointer[conn] // the one that the log has: something of it was taken
	told  atomic.Bool          // a board that came back after its session was shown

	// mu is held from the decision about an element until it is queued in the
	// log, so that the order of admission is the order in the log. It may be
	// held while the log's queue is full, so nothing on the way to an
	// acknowledgement, or to a goodbye, takes it.
	mu       sync.Mutex
	gone     bool        // forgotten: the gateway has, or will have, another for this id
	loaded   bool        // session was looked up in the log's views
	now      power       // the power-up whose SEQs are being settled
	others   []power     // that were left while SEQs of theirs were on their way
	asked    uint64      // a jump to this SEQ was answered: what lies behind it is not
	speaks   vaiven.Boot // of the board behind conn, "" if it has said none
	claim    claim       // a gap that was not believed
	sleep    int64       // ms, as the board behind conn said last
	greeting greeting
	way      *way // nil: nothing is known or wanted of its states
	pace     pace
	silent   bool             // and the log has it
	watched  bool             // it has a turn when it should have been heard from
	left     *vaiven.Presence // a disconnection that the log did not take yet
	rested   time.Duration    // when it lost its last connection, or was made, as uptime has it
	session  session
	conflict conflict

	dirty   int32 // belongs to its ack worker: place in its list, from 1
	waiting bool  // belongs to deliveries: it is in the queue

	brief   sync.Mutex // never held while anything is waited for
	ackBoot vaiven.Boot
	durable uint64 // every SEQ of ackBoot up to here is on disk, refused or a gap
	ceiling uint64 // not acknowledged from here on, whatever is durable: the board is inside a gap; 0: no such
	counted *conn  // whose active count d is part of
	end     ending
}

// power is how far the SEQs of one power-up were admitted.
type power struct {
	boot  vaiven.Boot
	next  uint64 // the SEQ expected next
	until uint64 // below this, next is inside what was recorded as a gap: the board came back with it
	gap   seqs   // the last that was admitted here
	taken seqs   // what was admitted here since then, or since the board came back with what lies in a gap
}

// seqs are those from..to, both included.
type seqs struct{ from, to uint64 }

func (s seqs) none() bool { return s.to == 0 || s.to < s.from }

// ending is what a board is told when its session is over.
type ending struct {
	event  *vaiven.SessionEnd // nil while the session goes on
	text   string
	onDisk bool
}

// speak makes c the connection that speaks for d. Another one loses it, and is
// closed if it speaks for nobody else. It is false, and nothing has happened,
// when d's session is over and that is on disk. The caller holds d.mu.
func (d *device) speak(c *conn) bool {
	d.brief.Lock()
	if d.end.onDisk {
		d.brief.Unlock()
		return false
	}
	first := d.counted
	if first != c {
		d.counted = c
		c.active.Add(1)
	}
	d.brief.Unlock()
	d.conn.Store(c)
	if first != nil && first != c && first.active.Add(-1) <= 0 {
		first.hangUp(statusInUse, "device in use elsewhere")
	}
	return true
}

// fallSilent takes d from its connection. The caller holds d.mu.
func (d *device) fallSilent() {
	d.conn.Store(nil)
	d.brief.Lock()
	defer d.brief.Unlock()
	d.counted = nil
}

// ends notes how d's session ends, before the end is queued: the ack worker may
// see it committed before Append returns. The zero ending takes it back.
func (d *device) ends(e ending) {
	d.brief.Lock()
	defer d.brief.Unlock()
	d.end = e
}

// ended is what to tell a board whose session is over; onDisk is false while it
// goes on, or its last reading may still be lost.
func (d *device) ended() (text string, onDisk bool) {
	d.brief.Lock()
	defer d.brief.Unlock()
	return d.end.text, d.end.onDisk
}

// finish notes that the session's end is on disk, and returns the connection
// that is to be told: none if the session was started again meanwhile.
func (d *device) finish(e *vaiven.SessionEnd) (*conn, string) {
	d.brief.Lock()
	defer d.brief.Unlock()
	if d.end.event != e {
		return nil, ""
	}
	d.end.onDisk = true
	c := d.counted
	if d.counted = nil; c != nil {
		c.active.Add(-1)
	}
	return c, d.end.text
}

// goOn forgets the end of d's session, and counts d among the devices of its
// connection c again, if it has one. The caller holds d.mu.
func (d *device) goOn(c *conn) {
	d.brief.Lock()
	defer d.brief.Unlock()
	d.end = ending{}
	if c != nil && d.counted == nil {
		d.counted = c
		c.active.Add(1)
	}
}
