package live

import (
	"sync"

	"vaiven"
)

// Max bounds a batch: it is full when it has reached either.
type Max struct {
	Events int
	Bytes  int // of JSON
}

// Batch is a number of events, copied, so that it holds nothing else in memory.
type Batch struct {
	Events []Event
	buf    []byte
}

// Event is one event of a batch.
type Event struct {
	ID       vaiven.ID
	Kind     vaiven.Kinds
	from, to int // in the batch's buffer
}

// JSON is the event's object. It is valid as long as its batch is.
func (b *Batch) JSON(e Event) []byte { return b.buf[e.from:e.to:e.to] }

func (b *Batch) add(id vaiven.ID, k vaiven.Kinds, json []byte) {
	from := len(b.buf)
	b.buf = append(b.buf, json...)
	b.Events = append(b.Events, Event{id, k, from, len(b.buf)})
}

// encode is add for an entry.
func (b *Batch) encode(k vaiven.Kinds, en vaiven.Entry, enc func([]byte, vaiven.Entry) []byte) {
	from := len(b.buf)
	b.buf = enc(b.buf, en)
	b.Events = append(b.Events, Event{en.ID, k, from, len(b.buf)})
}

func (b *Batch) full(m Max) bool { return len(b.Events) >= m.Events || len(b.buf) >= m.Bytes }

func (b *Batch) reset() { b.Events, b.buf = b.Events[:0], b.buf[:0] }

// batches are kept for those that have something to write: a follower that
// waits holds none.
var batches = sync.Pool{New: func() any { return new(Batch) }}

// maxPooled is the largest batch that is kept.
const maxPooled = 128 << 10

func takeBatch() *Batch { return batches.Get().(*Batch) }

func (b *Batch) release() {
	if cap(b.buf) <= maxPooled {
		b.reset()
		batches.Put(b)
	}
}
