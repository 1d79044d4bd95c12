package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"vaiven"
)

// device is the state of one device in this process.
type device struct {
	id    vaiven.Device
	shard uint32               // which ack worker serves it
	conn  atomic.Pointer[conn] // the connection that speaks for it now

	// mu is held from the decision about an element until it is queued in the
	// log, so that the order of admission is the order in the log. It may be
	// held while the log's queue is full, so nothing on the way to an
	// acknowledgement takes it.
	mu       sync.Mutex
	loaded   bool        // session was looked up in the log's views
	boot     vaiven.Boot // the power-up whose SEQs are being settled
	next     uint64      // the SEQ expected next
	asked    uint64      // a jump to this SEQ was answered with WELCOME
	sleep    int64       // ms, from the last HELLO
	session  session
	conflict conflict

	dirty bool // belongs to its ack worker: something new is to be acknowledged

	ackMu   sync.Mutex // never held while anything is waited for
	ackBoot vaiven.Boot
	durable uint64 // every SEQ of ackBoot up to here is on disk, refused or a gap
}

// resume prepares d for SEQs of boot: what this process admitted, or what the
// log is known to hold, whichever is more. The caller holds d.mu.
func (d *device) resume(boot vaiven.Boot, top uint64) {
	if d.boot != boot {
		d.boot, d.next, d.asked = boot, top+1, 0
	}
	d.next = max(d.next, top+1)
	d.ackMu.Lock()
	defer d.ackMu.Unlock()
	if d.ackBoot != boot {
		d.ackBoot, d.durable = boot, top
	}
	d.durable = max(d.durable, top)
}

// settled notes that SEQs of boot up to seq are durable, and reports whether
// that is news for the boot being acknowledged.
func (d *device) settled(boot vaiven.Boot, seq uint64) bool {
	d.ackMu.Lock()
	defer d.ackMu.Unlock()
	if d.ackBoot != boot || seq <= d.durable {
		return false
	}
	d.durable = seq
	return true
}

// acknowledged returns what a WELCOME or ACK may say now.
func (d *device) acknowledged() (vaiven.Boot, uint64) {
	d.ackMu.Lock()
	defer d.ackMu.Unlock()
	return d.ackBoot, d.durable
}

// conflict remembers how often a device's connection was contended.
type conflict struct {
	takeovers [3]time.Time // the last ones, oldest first
	until     time.Time    // newcomers are refused without asking again until then
	shown     time.Time    // when a conflict was last recorded
}
