package client

import (
	"time"

	"vaiven"
)

// slot is a reading that is not settled yet. Its SEQ is its place in the ring.
type slot struct {
	values  []vaiven.Value
	taken   time.Time
	sent    time.Time // zero: never given to a socket
	sends   int
	refused vaiven.Code
}

// ring holds the readings head, head+1 ... in order of SEQ. It grows up to
// its capacity, so that a thousand idle devices cost little. What happens when
// it is full is its user's decision.
type ring struct {
	head  uint64 // SEQ of the oldest
	n     int
	max   int
	slots []slot // the oldest is at slots[first]
	first int
}

func newRing(max int, head uint64) ring { return ring{head: head, max: max} }

// next is the SEQ that the next reading will get.
func (r *ring) next() uint64 { return r.head + uint64(r.n) }

func (r *ring) full() bool { return r.n >= r.max }

// at returns the slot of a SEQ that is held.
func (r *ring) at(seq uint64) *slot {
	return &r.slots[(r.first+int(seq-r.head))%len(r.slots)]
}

// holds reports whether seq is in the ring.
func (r *ring) holds(seq uint64) bool { return seq >= r.head && seq < r.next() }

// push appends a reading and returns its SEQ. The ring must not be full.
func (r *ring) push(s slot) uint64 {
	if r.n == len(r.slots) {
		r.grow()
	}
	seq := r.next()
	r.n++
	*r.at(seq) = s
	return seq
}

func (r *ring) grow() {
	bigger := make([]slot, min(r.max, max(8, 2*len(r.slots))))
	for i := range r.n {
		bigger[i] = r.slots[(r.first+i)%len(r.slots)]
	}
	r.slots, r.first = bigger, 0
}

// pop removes the oldest reading. The ring must not be empty.
func (r *ring) pop() slot {
	s := r.slots[r.first]
	r.slots[r.first] = slot{}
	r.first = (r.first + 1) % len(r.slots)
	r.head++
	r.n--
	return s
}
