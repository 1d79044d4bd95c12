package live

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

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

// ringPosition tells where a cursor stands.
type ringPosition int

const (
	inRing     ringPosition = iota
	beforeRing              // the log has what is missing
	ringEmpty               // nothing was handed over yet
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

// rouse wakes who waits, though nothing came.
func (r *ring) rouse() {
	r.mu.Lock()
	defer r.mu.Unlock()
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
func (r *ring) read(cursor *vaiven.ID, f *event.Filter, m Max, b *Batch) (where ringPosition, wake <-chan struct{}) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if !r.started {
		return ringEmpty, r.wake
	}
	if cursor.Before(r.base) {
		return beforeRing, nil
	}
	for i := r.find(*cursor); i < r.n; i++ {
		s := r.at(i)
		*cursor = s.id
		if !f.Passes(s.kind, s.device) {
			continue
		}
		b.add(s.id, s.kind, s.json, &f.View)
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

// add copies an event, as far as v shows it.
func (b *Batch) add(id vaiven.ID, k vaiven.Kinds, json []byte, v *event.View) {
	from := len(b.buf)
	b.buf = v.Trim(append(b.buf, json...), from)
	b.Events = append(b.Events, Event{id, k, from, len(b.buf)})
}

// encode is add for an entry.
func (b *Batch) encode(k vaiven.Kinds, en vaiven.Entry, enc func([]byte, vaiven.Entry) []byte, v *event.View) {
	from := len(b.buf)
	b.buf = v.Trim(enc(b.buf, en), from)
	b.Events = append(b.Events, Event{en.ID, k, from, len(b.buf)})
}

func (b *Batch) full(m Max) bool { return len(b.Events) >= m.Events || len(b.buf) >= m.Bytes }

func (b *Batch) reset() { b.Events, b.buf = b.Events[:0], b.buf[:0] }

// batchPool keeps batches for those that have something to write: a follower that
// waits holds none.
var batchPool = sync.Pool{New: func() any { return new(Batch) }}

// maxPooled is the largest batch that is kept.
const maxPooled = 128 << 10

func getBatch() *Batch { return batchPool.Get().(*Batch) }

func (b *Batch) release() {
	if cap(b.buf) <= maxPooled {
		b.reset()
		batchPool.Put(b)
	}
}

var (
	// ErrBusy: too many followers read the log already; come again later.
	ErrBusy = errors.New("live: too many readers of the log")
	// errEnough ends a reading of the log.
	errEnough = errors.New("live: enough")
)

// Next fills b with what stands behind after and passes the filter, from the
// ring or from the log; when there is nothing yet it waits, wait at most, and
// then leaves b empty. next is how far it has looked, past what the filter held
// back; it is right even with an error, which is ctx's, that the feed is closed,
// ErrBusy, or the log's own.
func (f *Feed) Next(ctx context.Context, after vaiven.ID, flt *event.Filter, m Max, wait time.Duration, b *Batch) (next vaiven.ID, err error) {
	next = after
	b.reset()
	began, limit := time.Now(), time.NewTimer(wait)
	defer limit.Stop()
	for {
		wake, err := f.step(ctx, &next, flt, m, b)
		if err != nil || len(b.Events) > 0 {
			return next, err
		}
		if wake == nil { // the log has more
			if wait <= time.Since(began) {
				return next, nil
			}
			continue
		}
		select {
		case <-wake:
		case <-limit.C:
			return next, nil
		case <-ctx.Done():
			return next, context.Cause(ctx)
		case <-f.ctx.Done():
			return next, errShutdown
		}
	}
}

// step fills b with what is there now, and moves the cursor on. A wake that is
// not nil says that there is no more, and is closed when that changes.
func (f *Feed) step(ctx context.Context, cursor *vaiven.ID, flt *event.Filter, m Max, b *Batch) (wake <-chan struct{}, err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	where, wake := f.ring.read(cursor, flt, m, b)
	switch {
	case where == inRing:
		return wake, nil
	case where == ringEmpty && !cursor.Before(endOf(f.o.History.Position())):
		return wake, nil
	}
	return nil, f.readLog(ctx, cursor, flt, m, b)
}

// Bounds of one reading of the log.
const (
	maxScan      = 1 << 16   // events looked at: then somebody else's turn comes
	historyBytes = 32 << 20  // of pages, for all followers together
	minPage      = 32 << 10  // of one follower
	maxPage      = 256 << 10 // of one follower
)

// pageBytes is how much one follower reads from the log at once: a reading costs
// something to begin, and what it yields is held until it is written.
func (f *Feed) pageBytes() int {
	_, n := f.followers()
	return min(max(historyBytes/max(n, 1), minPage), maxPage)
}

// readLog reads from the log. The turn ends before anything is written to the
// follower, so that one that does not read holds up nobody.
func (f *Feed) readLog(ctx context.Context, cursor *vaiven.ID, flt *event.Filter, m Max, b *Batch) error {
	if err := f.acquireReader(ctx); err != nil {
		return err
	}
	defer func() { <-f.readers }()
	f.counts.readings.Add(1)
	m.Bytes = max(m.Bytes, f.pageBytes())
	scanned, enough := 0, false
	to := f.o.History.Position()
	err := f.o.History.History(ctx, *cursor, func(en vaiven.Entry) error {
		if enough {
			return errEnough
		}
		if !cursor.Before(en.ID) {
			return nil
		}
		*cursor = en.ID
		if k := vaiven.KindOf(en.Event); flt.Passes(k, en.Event.Of()) {
			b.encode(k, en, f.o.Encode, &flt.View)
		}
		scanned++
		if enough = scanned >= maxScan || b.full(m); enough {
			return errEnough
		}
		return nil
	})
	if enough {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("live: read the log behind %s: %w", *cursor, err)
	}
	if cursor.Before(endOf(to)) {
		*cursor = endOf(to)
	}
	return nil
}

// acquireReader waits for a place among those that read the log.
func (f *Feed) acquireReader(ctx context.Context) error {
	select {
	case f.readers <- struct{}{}:
		return nil
	default:
	}
	f.counts.waiting.Add(1)
	defer f.counts.waiting.Add(-1)
	limit := time.NewTimer(f.o.ReaderWait)
	defer limit.Stop()
	select {
	case f.readers <- struct{}{}:
		return nil
	case <-limit.C:
		return ErrBusy
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
