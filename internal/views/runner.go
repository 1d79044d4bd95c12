package views

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

var errStopping = errors.New("the pump stops")

// decided is a record of which the decider has said what is new.
type decided struct {
	pos     uint64 // 0: none
	entries []vaiven.Entry
}

// cutRequest asks a view for its snapshot exactly behind the record pos.
type cutRequest struct {
	pos    uint64
	answer chan cutAnswer // holds one
}

// settleRequest asks a Settler to settle.
type settleRequest struct{ answer chan error } // holds one

type cutAnswer struct {
	snapshot []byte
	err      error
}

// runner moves one view along the log. The pump pushes; everything else happens
// on the goroutine of run, or in Open before there is one.
type runner struct {
	view     View
	follower bool // started at "now": not in the checkpoint
	src      Source
	now      func() time.Time
	limit    int           // records in the queue
	pause    time.Duration // behind the first attempt that fails
	stop     chan struct{} // closed by halt
	halt     func()        // ends run once its queue is empty
	wake     chan struct{} // holds one
	ended    chan struct{} // closed when run has returned
	ground   *ground       // held while a view finds where the log begins: it is not trimmed then
	started  bool          // guarded by Pump.mu
	cut      atomic.Pointer[cutRequest]
	settle   atomic.Pointer[settleRequest]

	// Of the goroutine alone.
	applied     uint64  // the last record applied
	current     decided // taken from the queue or the log, not applied yet
	unflushed   int     // records applied since the last flush
	flushFailed bool    // nothing is applied before a flush succeeds
	lost        bool    // must begin again from where the log begins
	replaying   bool    // Replayed is still to be called

	mu      sync.Mutex
	queue   []decided
	entries int
	head    uint64   // the last record that the pump has decided
	alone   *Decider // the view reads the log by itself; stands where the queue ended
	flushed uint64   // the last record that counts
	durable uint64   // what the view has of the log up to here survives anything
	err     error
	since   time.Time // since when err
	waiting []waiter
}

// ground is held by whoever needs the log's beginning to stay, one at a time.
type ground struct {
	sync.Mutex
	view atomic.Pointer[string] // that holds it, nil for none
}

// take waits for the ground, and gives it to a view.
func (g *ground) take(v View) (release func()) {
	name := v.Name()
	g.Lock()
	g.view.Store(&name)
	return func() {
		g.view.Store(nil)
		g.Unlock()
	}
}

type waiter struct {
	pos  uint64
	done chan struct{}
}

// push hands a decided record over. A view whose queue is full goes on alone behind
// it, with a copy of the decider. The pump alone calls it.
func (r *runner) push(rec decided, d *Decider) {
	r.mu.Lock()
	r.head = rec.pos
	if r.alone == nil {
		full := len(r.queue) >= r.limit || r.entries >= maxEntries
		r.queue = append(r.queue, rec)
		r.entries += len(rec.entries)
		if full {
			r.alone = d.Clone()
		}
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run works until the pump stops and the queue is empty, until ctx is done, or
// until nobody looks at the view any more.
func (r *runner) run(ctx context.Context) {
	pause, failing := r.pause, true // Open may have left an error
	for {
		idle, err := r.work(ctx)
		if err == nil && failing {
			failing, pause = false, r.pause
			r.report(nil)
		}
		switch {
		case err == nil && !idle:
		case err == nil:
			select {
			case <-r.wake:
			case <-r.stop:
				if !r.hasQueue() { // what was pushed before the stop is still to be done
					return
				}
			case <-ctx.Done():
				return
			}
		case r.stopping() || ctx.Err() != nil || r.follower && gone(err):
			return
		default:
			failing = true
			r.judge(err)
			select {
			case <-time.After(pause):
			case <-r.stop:
				return
			case <-ctx.Done():
				return
			}
			pause = min(2*pause, longPause)
		}
	}
}

func (r *runner) hasQueue() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.queue) > 0
}

func (r *runner) stopping() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// judge takes what has failed. A view that has lost what it had, or for which the log
// was trimmed too early, must begin again, and needs all that the log has from now on.
func (r *runner) judge(err error) {
	var missing *LostRecordsError
	if !r.lost && (rewinds(err) || r.trimmed() || errors.As(err, &missing) && missing.Beginning) {
		r.lost = true
		r.setDurable(0)
	}
	r.report(err)
}

// trimmed reports whether the record that the view needs next is not there any more.
// That happens on a node that is slower than Retention.Grace.
func (r *runner) trimmed() bool { return r.applied != 0 && following(r.src, r.applied) < First(r.src) }

func (r *runner) setDurable(pos uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.durable = pos
}

// work does the next piece of work: begin again, apply one record of the queue,
// catch up with the log, or flush. idle means that there was nothing else.
func (r *runner) work(ctx context.Context) (idle bool, err error) {
	if r.lost {
		if err := r.startOver(ctx); err != nil {
			return false, err
		}
	}
	if r.flushFailed {
		if err := r.flush(); err != nil {
			return false, err
		}
	}
	r.mu.Lock()
	if r.current.pos == 0 && len(r.queue) > 0 {
		r.current, r.queue[0] = r.queue[0], decided{}
		r.queue = r.queue[1:]
		r.entries -= len(r.current.entries)
		if len(r.queue) == 0 {
			r.queue = nil
		}
	}
	alone, head := r.alone, r.head
	r.mu.Unlock()
	switch {
	case r.current.pos != 0:
		return false, r.apply()
	case alone != nil && r.applied > head: // it began with another node's snapshot
		return true, nil
	case alone != nil:
		return false, r.catchUp(ctx, alone, head)
	}
	if err := r.flush(); err != nil {
		return false, err
	}
	r.answer()
	return true, nil
}

// startOver makes the view's state that of where the log begins; it reads the log
// alone from there. One that only shows the log to somebody goes on at its end.
func (r *runner) startOver(ctx context.Context) error {
	if r.follower {
		r.skip()
		return nil
	}
	defer r.ground.take(r.view)() // from the look at the base until the view's position says that it needs it
	r.setDurable(0)
	base, err := loadBase(ctx, r.src)
	if err != nil {
		return err
	}
	if err := base.restoreBase(r.view); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := sayMissed(ctx, r.src, r.view, base.pos); err != nil {
		return err
	}
	r.applied, r.current, r.unflushed, r.flushFailed, r.lost, r.replaying = base.pos, decided{}, 0, false, false, true
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue, r.entries, r.flushed, r.durable = nil, 0, base.pos, base.pos
	r.alone = base.decider
	return nil
}

// skip leaves out what a follower has not seen and the log does not have any more.
func (r *runner) skip() {
	r.current, r.lost = decided{}, false
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue, r.entries, r.alone = nil, 0, nil
	r.applied, r.flushed = r.head, r.head
}

// apply gives the view the current record; after an error it stays current.
func (r *runner) apply() error {
	r.answer()
	if len(r.current.entries) > 0 {
		if err := r.view.Apply(r.current.pos, r.current.entries); err != nil {
			return err
		}
	}
	r.applied, r.current = r.current.pos, decided{}
	if r.unflushed++; r.unflushed >= flushAfter {
		return r.flush()
	}
	return nil
}

// flush makes everything applied count.
func (r *runner) flush() error {
	if f, ok := r.view.(Flusher); ok && r.unflushed > 0 {
		if err := f.Flush(); err != nil {
			r.flushFailed = true
			return err
		}
	}
	r.unflushed, r.flushFailed = 0, false
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushed = r.applied
	r.waiting = slices.DeleteFunc(r.waiting, func(w waiter) bool {
		if w.pos > r.flushed {
			return false
		}
		close(w.done)
		return true
	})
	return nil
}

// catchUp reads the log up to the record head, and takes records from the queue
// again when none has come since. Behind a Restore it calls Replayed.
func (r *runner) catchUp(ctx context.Context, d *Decider, head uint64) error {
	if r.applied < head {
		err := r.src.Read(ctx, following(r.src, r.applied), head, func(rec vaiven.Record) error {
			if r.stopping() {
				return errStopping
			}
			entries, err := d.Decide(rec)
			if err != nil {
				return err
			}
			r.current = decided{rec.Seq, entries}
			return r.apply()
		})
		if err != nil {
			return err
		}
		if r.applied < head {
			return fmt.Errorf("catch up: the log ends at record %d, before %d", r.applied, head)
		}
	}
	if err := r.flush(); err != nil {
		return err
	}
	r.answer()
	if err := r.replayed(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.applied == r.head {
		r.alone = nil
	}
	return nil
}

// replayed tells the view that it has reached the log's end after a Restore.
func (r *runner) replayed() error {
	if v, ok := r.view.(Replayed); ok && r.replaying {
		if err := v.Replayed(); err != nil {
			return err
		}
	}
	r.replaying = false
	return nil
}

// answer does what the pump has asked for between two records.
func (r *runner) answer() {
	if s := r.settle.Swap(nil); s != nil {
		if v, ok := r.view.(Settler); ok && !r.lost {
			s.answer <- v.Settle(r.applied)
		} else {
			s.answer <- nil // it begins again, and needs the log
		}
	}
	if c := r.cut.Load(); c != nil {
		r.answerCut(c)
	}
}

// answerCut takes the snapshot that is asked for, when the last applied record is
// the one that it is to stand behind, and the pump still waits for it.
func (r *runner) answerCut(c *cutRequest) {
	if c.pos != r.applied || !r.cut.CompareAndSwap(c, nil) {
		return
	}
	data, err := r.snapshot()
	switch {
	case err == nil:
		r.setDurable(r.applied)
	case rewinds(err):
		r.setDurable(0)
	}
	c.answer <- cutAnswer{data, err}
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
	if (err == nil) != (r.err == nil) {
		r.since = r.now()
	}
	r.err = err
}

// reach returns a channel that is closed when the view has applied pos.
func (r *runner) reach(pos uint64) <-chan struct{} {
	done := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flushed >= pos {
		close(done)
		return done
	}
	r.waiting = append(r.waiting, waiter{pos, done})
	return done
}

func (r *runner) status(head uint64) Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{Name: r.view.Name(), Follower: r.follower, Position: r.flushed, Behind: r.alone != nil, Err: r.err, Since: r.since}
	if head > r.flushed {
		s.Lag = head - r.flushed
	}
	return s
}
