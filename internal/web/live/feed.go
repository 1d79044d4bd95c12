package live

import (
	"context"
	"errors"
	"sync"

	"vaiven"
)

// errShutdown is why followers end when the feed is closed.
var errShutdown = errors.New("live: the server is shutting down")

// Feed is the view of the log that followers read. It is handed what comes
// from some record on; everything before it asks the log for.
type Feed struct {
	o       Options
	ring    ring
	scratch []byte        // of Apply
	readers chan struct{} // holds one for each follower that reads the log
	counts  counts

	ctx  context.Context // done when the feed is closed
	stop context.CancelCauseFunc

	door   sync.Mutex
	closed bool
	inside [transports]int // followers
	all    sync.WaitGroup  // the same
}

// New returns a feed that nobody follows yet.
func New(o Options) (*Feed, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Feed{o: o, readers: make(chan struct{}, o.Readers)}
	f.ring = ring{maxEvents: o.MaxEvents, maxBytes: o.MaxBytes, wake: make(chan struct{})}
	f.ctx, f.stop = context.WithCancelCause(context.Background())
	return f, nil
}

// Name is "live".
func (f *Feed) Name() string { return "live" }

// Apply encodes a record's events into the ring and wakes the followers. It
// waits for none of them, and never fails.
func (f *Feed) Apply(pos uint64, entries []vaiven.Entry) error {
	slots := make([]slot, len(entries))
	ends := make([]int, len(entries))
	f.scratch = f.scratch[:0]
	for i, en := range entries {
		f.scratch = f.o.Encode(f.scratch, en)
		ends[i] = len(f.scratch)
		slots[i] = slot{id: en.ID, kind: vaiven.KindOf(en.Event), device: en.Event.Of()}
	}
	buf := append([]byte(nil), f.scratch...)
	from := 0
	for i, to := range ends {
		slots[i].json = buf[from:to:to]
		from = to
	}
	if cap(f.scratch) > maxScratch {
		f.scratch = nil
	}
	f.ring.add(pos, slots)
	return nil
}

// maxScratch is how much room Apply keeps between two records.
const maxScratch = 1 << 20

// Snapshot is empty: what followers need after a restart stands in the log.
func (f *Feed) Snapshot() ([]byte, error) { return nil, nil }

// Now is the id behind which a follower begins that asks for what comes from
// now on.
func (f *Feed) Now() vaiven.ID {
	if id, ok := f.ring.newest(); ok {
		return id
	}
	return endOf(f.o.History.Position())
}

// Close tells every follower where to resume, ends them all within a second,
// and waits for that. Whoever comes later is answered 503. Safe twice.
func (f *Feed) Close() error {
	f.door.Lock()
	f.closed = true
	f.door.Unlock()
	f.stop(errShutdown)
	f.all.Wait()
	return nil
}

// join counts a follower in; ok is false when there is no room, or the feed is
// closed. Who joined owes a leave.
func (f *Feed) join(t Transport) (ok, closed bool) {
	f.door.Lock()
	defer f.door.Unlock()
	n := 0
	for _, c := range f.inside {
		n += c
	}
	if f.closed || n >= f.o.MaxFollowers {
		return false, f.closed
	}
	f.inside[t]++
	f.all.Add(1)
	return true, false
}

func (f *Feed) leave(t Transport) {
	f.door.Lock()
	f.inside[t]--
	f.door.Unlock()
	f.all.Done()
}

// followers is how many there are.
func (f *Feed) followers() (by [transports]int, all int) {
	f.door.Lock()
	defer f.door.Unlock()
	for _, n := range f.inside {
		all += n
	}
	return f.inside, all
}
