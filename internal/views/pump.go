package views

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vaiven"
)

// Options of a Pump.
type Options struct {
	Source Source // the log; required
	Views  []View // each with a name of its own

	// Dir is the folder of the checkpoint; "" keeps none, and every start
	// replays the whole log.
	Dir string
	// Every is the time between checkpoints, 10 min by default, unless many events came
	// meanwhile: a checkpoint of a few boards is some thirty blocks written to the disk,
	// and only saves the next start some reading. It grows by itself so that writing
	// them takes at most a fiftieth of the time.
	Every time.Duration
	// Queue is how many records wait for a view before it goes on alone; 1024 by
	// default.
	Queue int
	// Retention says what the log keeps, when Source is a Keeper; by default all.
	Retention Retention
	// StopTimeout bounds how long Run waits for the views when it ends; 10 s by
	// default.
	StopTimeout time.Duration
	// HoldTimeout bounds how long Hold waits for a trim that is under way; 1 min by
	// default.
	HoldTimeout time.Duration

	Notify   func(Notice)             // told what a person should know; may be nil
	Progress func(done, total uint64) // records replayed at the start; may be nil
	Now      func() time.Time         // time.Now by default
	Logger   *slog.Logger             // silent by default
}

func (o Options) withDefaults() Options {
	o.Every = cmp.Or(max(o.Every, 0), 10*time.Minute)
	o.Queue = cmp.Or(max(o.Queue, 0), maxQueued)
	o.Retention = o.Retention.withDefaults()
	o.StopTimeout = cmp.Or(max(o.StopTimeout, 0), 10*time.Second)
	o.HoldTimeout = cmp.Or(max(o.HoldTimeout, 0), time.Minute)
	if o.Notify == nil {
		o.Notify = func(Notice) {}
	}
	if o.Progress == nil {
		o.Progress = func(uint64, uint64) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Pump moves the views along the log.
type Pump struct {
	opts   Options
	stop   chan struct{}    // closed when no record will come any more
	keeper Keeper           // nil: the log keeps no snapshots, and all its records
	rooms  chan roomRequest // to the goroutine that writes checkpoints
	ground ground           // see runner.ground
	kept   kept             // of that goroutine

	snapshots atomic.Int64 // in kept

	holding  sync.Mutex    // guards holders and trimming; nothing is waited for under it
	holders  int           // so many need the log untrimmed
	trimming chan struct{} // closed when the trim that is under way has ended; nil: none is

	mu      sync.RWMutex // written by whoever decides, one record at a time
	decider *Decider
	runners []*runner
	running context.Context // of the runners, nil before Run and after it
	done    bool            // Run has ended
	saved   uint64          // position of the last checkpoint
	counted uint64          // events up to there

	work sync.WaitGroup // runners and the checkpointer
	once sync.Once
}

// Settled returns what is durable of a boot's SEQs, as far as the pump has
// read; it may be behind the log, never ahead of it.
func (p *Pump) Settled(d vaiven.Device, b vaiven.Boot) vaiven.Settled {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.decider.Settled(d, b)
}

// Missing returns a stretch of SEQs that is in a gap, as far as the pump has read;
// see Decider.Missing.
func (p *Pump) Missing(d vaiven.Device, b vaiven.Boot, from uint64) (first, last uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.decider.Missing(d, b, from)
}

// Repeat tells whether values are those stored under a SEQ; see
// Decider.Repeat.
func (p *Pump) Repeat(d vaiven.Device, b vaiven.Boot, seq uint64, values []vaiven.Value) (same, known bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.decider.Repeat(d, b, seq, values)
}

// Stats returns what the pump has counted since the log's first record.
func (p *Pump) Stats() Stats {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.decider.Stats()
}

// Disorder is how far an event's time is behind that of an earlier one in the log, at
// most: where a clock was set back, or readings were imported.
func (p *Pump) Disorder() time.Duration {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return time.Duration(p.decider.time.disorder) * time.Millisecond
}

// Position returns the last record that was decided, and the one that the last
// checkpoint stands behind.
func (p *Pump) Position() (decided, checkpoint uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.decider.Position(), p.saved
}

// Silence returns how long ago something was that came at the time at (Unix ms), in the
// record pos, 0 when that is not known: by the log's own time, at its newest record. It is
// never more than what is sure, and 0 while the clock is not known to be right.
func (p *Pump) Silence(pos uint64, at int64) time.Duration {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.decider.time.silence(pos, at)
}

// Status is how a view is doing.
type Status struct {
	Name     string
	Follower bool   // added by Follow: it shows the log to somebody, and keeps nothing
	Position uint64 // the last record that counts
	Lag      uint64 // records that the pump has decided, and the view has not applied
	Behind   bool   // reads the log by itself, since its queue was full or it began again
	Err      error  // why it does not move, nil when it does
	Since    time.Time
}

// Status returns how each view is doing, the followers included.
func (p *Pump) Status() []Status {
	p.mu.RLock()
	defer p.mu.RUnlock()
	list := make([]Status, 0, len(p.runners))
	for _, r := range p.runners {
		list = append(list, r.status(p.decider.Position()))
	}
	return list
}

// Run follows the log until ctx is done, and then returns nil once every view
// has worked off its queue. It returns an error when the log cannot be read,
// or lacks a record: then the process must end. It may be called once.
func (p *Pump) Run(ctx context.Context) error {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	p.mu.Lock()
	if p.running != nil || p.done {
		p.mu.Unlock()
		return errors.New("pump: Run was called before")
	}
	p.running = hard
	for _, r := range p.runners {
		p.startRunner(r)
	}
	from := following(p.opts.Source, p.decider.Position())
	p.mu.Unlock()
	p.work.Go(func() { p.writeCheckpoints(hard) })

	// The story of a record: it is decided once, in log order, and handed on to
	// the queue of each view.
	err := p.opts.Source.Read(ctx, from, 0, func(rec vaiven.Record) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		entries, err := p.decider.Decide(rec)
		if err != nil {
			return err
		}
		for _, r := range p.runners {
			r.push(decided{rec.Seq, entries}, p.decider)
		}
		return nil
	})
	if ctx.Err() != nil {
		err = nil
	} else if err == nil {
		err = errors.New("the log ended")
	}
	p.mu.Lock()
	p.done = true
	for _, r := range p.runners {
		r.halt()
	}
	p.mu.Unlock()
	close(p.stop)
	if stuck := p.waitForEnd(cancel); stuck != nil {
		return errors.Join(err, stuck)
	}
	if err != nil {
		return fmt.Errorf("pump: %w", err)
	}
	return nil
}

// startRunner runs a view; p.mu is held.
func (p *Pump) startRunner(r *runner) {
	ctx := p.running
	r.started = true
	p.work.Go(func() {
		defer close(r.ended)
		r.run(ctx)
		if !r.stopping() && ctx.Err() == nil {
			p.remove(r)
		}
	})
}

// waitForEnd waits for all goroutines, a bounded time: a view that hangs in a system
// call cannot be stopped, only left behind.
func (p *Pump) waitForEnd(cancel context.CancelFunc) error {
	all := make(chan struct{})
	go func() {
		p.work.Wait()
		close(all)
	}()
	select {
	case <-all:
		return nil
	case <-time.After(p.opts.StopTimeout):
	}
	cancel() // lets go those that wait, and leaves those that hang
	select {
	case <-all:
		return nil
	case <-time.After(time.Second):
	}
	var names []string
	for _, s := range p.Status() {
		if s.Lag > 0 {
			names = append(names, s.Name)
		}
	}
	return fmt.Errorf("pump: views that do not stop: %s", strings.Join(names, ", "))
}

// Follow adds a view that is handed what comes from now on, and is not in the
// checkpoint. The returned function ends it, and waits until its Apply has
// returned, for Options.StopTimeout at most: one that hangs is left behind. It
// may be called twice. A follower whose error says that it is Gone ends by
// itself.
func (p *Pump) Follow(v View) (stop func()) {
	p.mu.Lock()
	r := p.newRunner(v)
	r.follower = true
	r.applied = p.decider.Position()
	r.flushed, r.head = r.applied, r.applied
	p.runners = append(p.runners, r)
	if p.running != nil && !p.done {
		p.startRunner(r)
	}
	p.mu.Unlock()
	return sync.OnceFunc(func() {
		if started := p.remove(r); !started {
			close(r.ended)
		}
		r.halt()
		select {
		case <-r.ended:
		case <-time.After(p.opts.StopTimeout):
			p.opts.Logger.Warn("a view that hangs is left behind", "view", r.view.Name())
		}
	})
}

// remove takes a view out of those that are handed records.
func (p *Pump) remove(r *runner) (started bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runners = slices.DeleteFunc(slices.Clone(p.runners), func(other *runner) bool { return other == r })
	return r.started
}

// Wait returns when every view has applied the record pos, but for followers
// that end before. The error is ctx's, or says that Run has ended too early.
func (p *Pump) Wait(ctx context.Context, pos uint64) error {
	p.mu.RLock()
	runners := slices.Clone(p.runners)
	p.mu.RUnlock()
	for _, r := range runners {
		select {
		case <-r.reach(pos):
		case <-r.ended:
			if !r.follower && r.status(pos).Lag > 0 {
				return fmt.Errorf("wait for view %s: it has ended at record %d, before %d", r.view.Name(), r.status(pos).Position, pos)
			}
		case <-ctx.Done():
			return fmt.Errorf("wait for view %s: %w", r.view.Name(), ctx.Err())
		}
	}
	return nil
}

func (p *Pump) newRunner(v View) *runner {
	r := &runner{
		view: v, src: p.opts.Source, now: p.opts.Now, limit: p.opts.Queue, pause: firstPause, ground: &p.ground,
		stop: make(chan struct{}), wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	r.halt = sync.OnceFunc(func() { close(r.stop) })
	return r
}

// Close writes a last checkpoint, when every view stands at the same place, and
// is safe to call twice. Run must have returned before, or never been called.
// It does not close the views.
func (p *Pump) Close() error {
	var err error
	p.once.Do(func() { err = p.lastCheckpoint() })
	return err
}
