package live

import (
	"math"
	"sync"

	"vaiven"
	"vaiven/internal/event"
)

// slot is an encoded event in the ring.
type slot struct {
	id     vaiven.ID
	kind   vaiven.Kinds
	device vaiven.Device
	json   []byte // part of its record's buffer; never written again
}

// ring holds the newest events. Every event behind base, as far as the pump has
// handed them over, is in it.
type ring struct {
	maxEvents, maxBytes int

	mu      sync.RWMutex
	started bool // something was handed over; base means nothing before
	base    vaiven.ID
	slots   []slot // a circle; grows up to maxEvents
	first   int    // the oldest
	n       int
	bytes   int           // of JSON
	wake    chan struct{} // closed and replaced when something comes
}

// place tells where a cursor stands.
type place int

const (
	inRing place = iota
	before       // of the ring: the log has what is missing
	unborn       // nothing was handed over yet
)

// endOf is the id behind every event of a record.
func endOf(record uint64) vaiven.ID {
	return vaiven.ID{Record: record, Index: math.MaxUint32}
}

// add takes the events of the record pos and wakes who waits. What is not
// behind the newest was added before.
func (r *ring) add(pos uint64, slots []slot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		r.started = true
		r.base = endOf(pos - 1)
	}
	head := r.head()
	for _, s := range slots {
		if head.Before(s.id) {
			r.push(s)
		}
	}
	close(r.wake)
	r.wake = make(chan struct{})
}

// push appends one event and drops the oldest as the bounds want it; one event
// always stays.
func (r *ring) push(s slot) {
	for r.n > 0 && (r.n == r.maxEvents || r.bytes+len(s.json) > r.maxBytes) {
		old := &r.slots[r.first]
		r.base, r.bytes = old.id, r.bytes-len(old.json)
		*old = slot{}
		r.first = (r.first + 1) % len(r.slots)
		r.n--
	}
	if r.n == len(r.slots) {
		r.grow()
	}
	r.slots[(r.first+r.n)%len(r.slots)] = s
	r.n++
	r.bytes += len(s.json)
}

func (r *ring) grow() {
	slots := make([]slot, min(max(2*len(r.slots), 64), r.maxEvents))
	for i := range r.n {
		slots[i] = *r.at(i)
	}
	r.slots, r.first = slots, 0
}

func (r *ring) at(i int) *slot { return &r.slots[(r.first+i)%len(r.slots)] }

// head is the newest event's id, or base; r.mu is held.
func (r *ring) head() vaiven.ID {
	if r.n == 0 {
		return r.base
	}
	return r.at(r.n - 1).id
}

// newest is head for those who do not hold the lock; ok: there is one.
func (r *ring) newest() (id vaiven.ID, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.head(), r.started
}

// read copies what passes the filter behind *cursor into b, as far as b takes
// it, and moves *cursor over all that it looked at. When nothing is left, wake
// is closed as soon as there is more; otherwise it is nil. A cursor before the
// ring stays where it is.
func (r *ring) read(cursor *vaiven.ID, f *event.Filter, m Max, b *Batch) (where place, wake <-chan struct{}) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if !r.started {
		return unborn, r.wake
	}
	if cursor.Before(r.base) {
		return before, nil
	}
	for i := r.find(*cursor); i < r.n; i++ {
		s := r.at(i)
		*cursor = s.id
		if !f.Passes(s.kind, s.device) {
			continue
		}
		b.add(s.id, s.kind, s.json)
		if b.full(m) && i < r.n-1 {
			return inRing, nil
		}
	}
	if h := r.head(); h.Record == cursor.Record && h.Before(*cursor) {
		*cursor = h // says the same, and is an id that was seen before
	}
	return inRing, r.wake
}

// find returns the place of the first event behind an id.
func (r *ring) find(id vaiven.ID) int {
	lo, hi := 0, r.n
	for lo < hi {
		mid := (lo + hi) / 2
		if id.Before(r.at(mid).id) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// size returns how much the ring holds.
func (r *ring) size() (events, bytes int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.n, r.bytes
}
