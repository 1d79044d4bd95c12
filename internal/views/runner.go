package views

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"vaiven"
)

// Bounds of a view's queue. Full means: the view reads the log by itself from
// there on, until it has caught up.
const (
	maxQueued  = 1024    // records
	maxEntries = 1 << 15 // events in them
)

// flushAfter is how many records a busy view is given between two flushes.
const flushAfter = 64

// Pauses between attempts of a view that fails.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 10 * time.Second
)

var (
	errIdle     = errors.New("nothing to do")
	errStopping = errors.New("the pump stops")
)

// item is a decided record.
type item struct {
	pos     uint64
	entries []vaiven.Entry
}

// mark asks a view for its snapshot exactly behind the record pos.
type mark struct {
	pos  uint64
	done chan cut // holds one
}

type cut struct {
	data []byte
	err  error
}

// runner moves one view along the log. The pump pushes; everything else happens
// on the goroutine of run, or in Open before there is one.
type runner struct {
	view     View
	follower bool // started at "now": not in the checkpoint
	src      Source
	now      func() time.Time
	limit    int           // records in the queue
	stop     chan struct{} // closed by halt
	halt     func()        // ends run once its queue is empty
	wake     chan struct{} // holds one
	ended    chan struct{} // closed when run has returned
	started  bool          // guarded by Pump.mu
	mark     atomic.Pointer[mark]

	// Of the goroutine alone.
	at        uint64 // the last record applied
	cur       *item  // decided, not applied yet
	unflushed int
	failed    bool // the last flush failed: nothing is applied before one succeeds
	over      bool // must begin again from the log's first record
	fresh     bool // Replayed is still to be called

	mu      sync.Mutex
	queue   []item
	entries int
	ahead   uint64   // the last record that the pump has decided
	catch   *Decider // behind: reads the log by itself; stands where the queue ended
	pos     uint64   // applied and flushed
	err     error
	since   time.Time // since when err
	waiting []waiter
}

type waiter struct {
	pos  uint64
	done chan struct{}
}

// push hands over a decided record; the pump alone calls it.
func (r *runner) push(it item) {
	r.mu.Lock()
	r.ahead = it.pos
	if r.catch == nil {
		r.queue = append(r.queue, it)
		r.entries += len(it.entries)
	}
	r.mu.Unlock()
	r.nudge()
}

// nudge wakes a view that rests.
func (r *runner) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// overflow is called before each decision: a view whose queue is full goes on
// alone from here, with a copy of the decider.
func (r *runner) overflow(d *Decider) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.catch == nil && (len(r.queue) >= r.limit || r.entries >= maxEntries) {
		r.catch = d.Clone()
	}
}

func (r *runner) pop() *item {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return nil
	}
	it := r.queue[0]
	r.queue[0] = item{}
	r.queue = r.queue[1:]
	r.entries -= len(it.entries)
	if len(r.queue) == 0 {
		r.queue = nil
	}
	return &it
}

// run works until the pump stops and the queue is empty, until ctx is done, or
// until nobody looks at the view any more.
func (r *runner) run(ctx context.Context) {
	pause := firstPause
	ill := true // Open may have left an error
	for {
		err := r.step(ctx)
		if ill && (err == nil || errors.Is(err, errIdle)) {
			ill, pause = false, firstPause
			r.report(nil)
		}
		switch {
		case err == nil:
		case errors.Is(err, errIdle):
			if !r.rest(ctx) {
				return
			}
		case r.stopping() || ctx.Err() != nil:
			return
		case r.follower && gone(err):
			return
		default:
			ill = true
			r.over = r.over || rewinds(err)
			r.report(err)
			if !r.sleep(ctx, pause) {
				return
			}
			pause = min(2*pause, longPause)
		}
	}
}

// rest waits for work; false means that the pump stops.
func (r *runner) rest(ctx context.Context) bool {
	select {
	case <-r.wake:
		return true
	default:
	}
	select {
	case <-r.wake:
		return true
	case <-r.stop:
		// What was pushed before the stop is still to be done.
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.queue) > 0
	case <-ctx.Done():
		return false
	}
}

func (r *runner) sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.stop:
		return false
	case <-ctx.Done():
		return false
	}
}

func (r *runner) stopping() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// step does the next piece of work: begin again, apply one record, catch up, or
// flush. errIdle means that there is none.
func (r *runner) step(ctx context.Context) error {
	if r.over {
		if err := r.startOver(); err != nil {
			return err
		}
	}
	if r.failed {
		if err := r.flush(); err != nil {
			return err
		}
	}
	if r.cur == nil {
		r.cur = r.pop()
	}
	if r.cur != nil {
		return r.apply()
	}
	if d, to := r.behind(); d != nil {
		return r.catchUp(ctx, d, to)
	}
	if err := r.flush(); err != nil {
		return err
	}
	r.cutHere()
	return errIdle
}

// startOver makes the view's state that of an empty log.
func (r *runner) startOver() error {
	if res, ok := r.view.(Restorer); ok {
		if err := res.Restore(nil); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	r.at, r.cur, r.unflushed, r.failed, r.over, r.fresh = 0, nil, 0, false, false, true
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue, r.entries, r.pos = nil, 0, 0
	r.catch = NewDecider(r.src.ID())
	return nil
}

// apply gives the view the current record; after an error it stays current.
func (r *runner) apply() error {
	r.cutHere()
	if len(r.cur.entries) > 0 {
		if err := r.view.Apply(r.cur.pos, r.cur.entries); err != nil {
			return err
		}
	}
	r.at, r.cur = r.cur.pos, nil
	r.unflushed++
	if r.unflushed >= flushAfter {
		return r.flush()
	}
	return nil
}

// flush makes everything applied count.
func (r *runner) flush() error {
	if f, ok := r.view.(Flusher); ok && r.unflushed > 0 {
		if err := f.Flush(); err != nil {
			r.failed = true
			return err
		}
	}
	r.unflushed, r.failed = 0, false
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pos = r.at
	n := 0
	for _, w := range r.waiting {
		if w.pos > r.pos {
			r.waiting[n] = w
			n++
			continue
		}
		close(w.done)
	}
	r.waiting = r.waiting[:n]
	return nil
}

// behind returns the decider of a view that reads the log by itself, and how
// far it has to read now.
func (r *runner) behind() (*Decider, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.catch, r.ahead
}

// catchUp reads the log up to to, and joins the others again when nothing has
// come since.
func (r *runner) catchUp(ctx context.Context, d *Decider, to uint64) error {
	if r.at < to {
		from := r.at + 1
		if r.at == 0 {
			from = First(r.src)
		}
		err := r.src.Read(ctx, from, to, func(rec vaiven.Record) error {
			if r.stopping() {
				return errStopping
			}
			entries, err := d.Decide(rec)
			if err != nil {
				return err
			}
			r.cur = &item{rec.Seq, entries}
			return r.apply()
		})
		if err != nil {
			return err
		}
		if r.at < to {
			return fmt.Errorf("catch up: the log ends at record %d, before %d", r.at, to)
		}
	}
	return r.rejoin()
}

// rejoin ends catching up: with Replayed after a Restore, and, when the pump
// has not moved on meanwhile, with the queue.
func (r *runner) rejoin() error {
	if err := r.flush(); err != nil {
		return err
	}
	r.cutHere()
	if r.fresh {
		if v, ok := r.view.(Replayed); ok {
			if err := v.Replayed(); err != nil {
				return err
			}
		}
		r.fresh = false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == r.ahead {
		r.catch = nil
	}
	return nil
}

// cutHere answers a mark that stands exactly behind the last applied record.
func (r *runner) cutHere() {
	m := r.mark.Load()
	if m == nil || m.pos != r.at || !r.mark.CompareAndSwap(m, nil) {
		return
	}
	data, err := r.snapshot()
	m.done <- cut{data, err}
}

func (r *runner) snapshot() ([]byte, error) {
	if err := r.flush(); err != nil {
		return nil, err
	}
	return r.view.Snapshot()
}

func (r *runner) report(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && r.err == nil || err == nil && r.err != nil {
		r.since = r.now()
	}
	r.err = err
}

// reach returns a channel that is closed when the view has applied pos.
func (r *runner) reach(pos uint64) <-chan struct{} {
	done := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pos >= pos {
		close(done)
		return done
	}
	r.waiting = append(r.waiting, waiter{pos, done})
	return done
}
