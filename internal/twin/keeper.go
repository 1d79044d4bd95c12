package twin

import (
	"container/heap"
	"context"
	"errors"
	"time"

	"vaiven"
)

const (
	maxEnds       = 256                    // ends in one append
	appendTimeout = 10 * time.Second       // of one append
	firstPause    = 100 * time.Millisecond // after one that failed
	longPause     = 5 * time.Second
	tick          = time.Second            // between two looks at the server's clock
	leapBy        = 500 * time.Millisecond // more than the two clocks drift apart in a tick
)

// Run is the keeper: it writes the ends of changes that the log decides or that
// time does. A change that was overtaken or refused, at once; a deadline that
// passed, two seconds later when the board may have the change; what a report
// has confirmed and nobody wrote down, three seconds later. Several nodes may do
// so: the log's readers take the first end of a change.
//
// Time is measured by the monotonic clock, so that setting the server's clock
// back lengthens no deadline; when that clock is set forward, or the machine has
// slept, deadlines follow it, but for the moment in which it becomes synchronised
// for the first time. After a restart it counts.
//
// Run returns nil when ctx is done. It may be started again, but once at a time.
func (t *Twin) Run(ctx context.Context) error {
	if t.o.Log == nil {
		return errors.New("twin: no log")
	}
	if !t.keeper.CompareAndSwap(false, true) {
		return errors.New("twin: the keeper is running already")
	}
	defer t.keeper.Store(false)
	t.begin()
	defer t.finish()
	k := keeper{t: t, timer: time.NewTimer(time.Hour), pause: firstPause}
	defer k.timer.Stop()
	for ctx.Err() == nil {
		next, wrote := k.round(ctx)
		if !wrote {
			k.rest(ctx, next)
		}
	}
	return nil
}

func (t *Twin) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.agenda = agenda{on: true, dirty: make(map[vaiven.Device]struct{}), tasks: make(map[ref]*task)}
	t.remindAll()
}

// finish forgets what was planned, and what was given to the log: another Run
// finds out again.
func (t *Twin) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.agenda = agenda{}
}

// keeper is one Run.
type keeper struct {
	t     *Twin
	timer *time.Timer
	last  moment // of the round before
	pause time.Duration
	ill   bool // the last append failed
}

// round writes what is due. Otherwise it returns how long there is nothing to
// do, unless the keeper is woken up.
func (k *keeper) round(ctx context.Context) (next time.Duration, wrote bool) {
	now := moment{time.Now(), k.t.o.Stamp()}
	list, next := k.collect(now)
	list = k.spare(list, now)
	if len(list) == 0 {
		return next, false
	}
	if err := k.write(ctx, list); err != nil {
		k.failed(ctx, list, err)
		return 0, true
	}
	if k.ill {
		k.t.o.Logger.Info("ends of changes are written again")
	}
	k.ill, k.pause = false, firstPause
	return 0, true
}

// entry is an end that is due.
type entry struct {
	task *task
	end  vaiven.ChangeEnd
	sent bool // as far as the log says
}

// collect takes what is due off the agenda.
func (k *keeper) collect(now moment) (list []entry, next time.Duration) {
	t := k.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.replaying {
		return nil, time.Hour // Replayed wakes it up
	}
	if k.leapt(now) {
		t.agenda.leap(now)
	}
	k.last = now
	t.plan(now)
	for len(t.agenda.due) > 0 && len(list) < maxEnds {
		first := t.agenda.due[0]
		if wait := first.at.Sub(now.mono); wait > 0 {
			if t.agenda.timed() {
				wait = min(wait, tick)
			}
			return list, wait
		}
		heap.Pop(&t.agenda.due)
		if e, ok := t.due(first); ok {
			list = append(list, e)
		}
	}
	return list, time.Hour
}

// leapt reports whether the server's clock has gone further than time has since
// the last round.
func (k *keeper) leapt(now moment) bool {
	if k.last.mono.IsZero() || !k.last.stamp.Synced && now.stamp.Synced {
		return false
	}
	wall := time.Duration(now.stamp.At-k.last.stamp.At) * time.Millisecond
	return wall-now.mono.Sub(k.last.mono) > leapBy
}

// due words the end that a task stands for. t.mu is held.
func (t *Twin) due(k *task) (entry, bool) {
	d := t.devices[k.device]
	if d == nil {
		return entry{}, false
	}
	c := d.Unended(k.key)
	if c == nil {
		return entry{}, false
	}
	how := c.Outcome
	switch k.duty {
	case confirm:
		how = vaiven.Confirmed
	case expire:
		how = vaiven.Expired
	}
	return entry{task: k, end: c.End(k.device, how, c.Reason, vaiven.Stamp{}), sent: c.Sent != 0}, true
}

// spare gives those more time whose deadline has passed while the board may
// have the change: it was sent, or is perhaps being sent now.
func (k *keeper) spare(list []entry, now moment) []entry {
	n := 0
	for _, e := range list {
		if e.task.duty == expire && (e.sent || k.t.o.Connected(e.task.device)) && k.extend(e.task, now) {
			continue
		}
		list[n] = e
		n++
	}
	return list[:n]
}

// extend puts a task back on the agenda, with grace.
func (k *keeper) extend(task *task, now moment) bool {
	k.t.mu.Lock()
	defer k.t.mu.Unlock()
	if !task.extend(now) {
		return false
	}
	k.t.restore(task)
	return true
}

// restore puts a task back, if its change is still there. t.mu is held.
func (t *Twin) restore(k *task) {
	if t.agenda.tasks[k.ref] == k {
		t.agenda.put(k, true)
		t.remind(k.device) // what came meanwhile
	}
}

func (k *keeper) write(ctx context.Context, list []entry) error {
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	stamp := k.t.o.Stamp()
	events := make([]vaiven.Event, len(list))
	for i := range list {
		list[i].end.Stamp = stamp
		events[i] = &list[i].end
	}
	return k.t.o.Log.Append(ctx, events, nil)
}

// failed puts everything back, and waits before the next attempt.
func (k *keeper) failed(ctx context.Context, list []entry, err error) {
	k.t.mu.Lock()
	for _, e := range list {
		k.t.restore(e.task)
	}
	k.t.mu.Unlock()
	if !k.ill && ctx.Err() == nil {
		k.t.o.Logger.Warn("ends of changes wait for the log", "err", err)
	}
	k.ill = true
	pause := time.NewTimer(k.pause)
	defer pause.Stop()
	k.pause = min(2*k.pause, longPause)
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}

func (k *keeper) rest(ctx context.Context, d time.Duration) {
	k.timer.Reset(d)
	select {
	case <-k.t.wake:
	case <-k.timer.C:
	case <-ctx.Done():
	}
}
