package twin

import (
	"container/heap"
	"context"
	"errors"
	"slices"
	"time"

	"vaiven"
)

// How long the keeper gives others.
const (
	// grace is how long after its deadline a change may still be confirmed, when
	// the board may have it: the report may be on its way.
	grace = 2 * time.Second
	// lag is how long a node that saw the board's report may take to write that
	// it confirms a change.
	lag = 3 * time.Second
)

const (
	maxEnds       = 256                    // ends in one append
	appendTimeout = 10 * time.Second       // of one append
	firstPause    = 100 * time.Millisecond // after one that failed
	longPause     = 5 * time.Second
	tick          = time.Second            // between two looks at the server's clock
	leapBy        = 500 * time.Millisecond // more than the two clocks drift apart in a tick
)

// duty is what the keeper has to do about a change.
type duty uint8

const (
	settle  duty = iota // its end is decided
	confirm             // the board has done it, and nobody wrote so
	expire              // its deadline
)

// task is one change on the agenda, from when there is something to do about it
// until it has an end.
type task struct {
	ref
	duty  duty
	at    time.Time // by the monotonic clock
	wall  int64     // the same by the server's clock, Unix ms UTC; 0: does not depend on it
	grace bool      // the deadline has passed, and grace was given
	index int       // in agenda.due; handed: its end was given to the log
}

const handed = -1

// agenda is what the keeper has to do, and when: one task at most for each
// change without an end. Twin.mu guards it.
type agenda struct {
	on    bool                       // the keeper is there
	dirty map[vaiven.Device]struct{} // devices with something new
	tasks map[ref]*task
	due   taskHeap
}

// taskHeap has the next task first; its methods are for package heap.
type taskHeap []*task

func (h taskHeap) Len() int           { return len(h) }
func (h taskHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h taskHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push adds a *task at the end.
func (h *taskHeap) Push(x any) {
	k, _ := x.(*task)
	k.index = len(*h)
	*h = append(*h, k)
}

// Pop removes the task at the end.
func (h *taskHeap) Pop() any {
	old := *h
	k := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	k.index = handed
	return k
}

// moment is now, by both clocks.
type moment struct {
	mono  time.Time
	stamp vaiven.Stamp
}

// forever is longer than any server runs, in ms, and fits in a time.Duration.
const forever = int64(100*365*24*time.Hour) / int64(time.Millisecond)

// after is when the server's clock will say wall, at most most ms from now: a
// clock that was set back must not give a change more time than was asked for.
func (m moment) after(wall, most int64) time.Time {
	ms := min(wall-m.stamp.At, most, forever)
	return m.mono.Add(time.Duration(max(0, ms)) * time.Millisecond)
}

// leapt reports whether the server's clock has gone further than time has since the
// last moment.
func (m moment) leapt(last moment) bool {
	if last.mono.IsZero() || !last.stamp.Synced && m.stamp.Synced {
		return false
	}
	wall := time.Duration(m.stamp.At-last.stamp.At) * time.Millisecond
	return wall-m.mono.Sub(last.mono) > leapBy
}

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
	t.mu.Lock()
	t.agenda = agenda{on: true, dirty: make(map[vaiven.Device]struct{}), tasks: make(map[ref]*task)}
	t.remindKeeperOfAll()
	t.mu.Unlock()
	defer func() { // what was given to the log included: another Run finds out again
		t.mu.Lock()
		defer t.mu.Unlock()
		t.agenda = agenda{}
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var last moment
	pause, failing := firstPause, false
	for ctx.Err() == nil {
		now := moment{time.Now(), t.o.Stamp()}
		ends, wait := t.collectEnds(now, now.leapt(last))
		last = now
		if len(ends) > 0 {
			ends = t.giveGrace(ends, now)
		}
		if len(ends) == 0 {
			timer.Reset(wait)
			select {
			case <-t.wake:
			case <-timer.C:
			case <-ctx.Done():
			}
			continue
		}
		if err := t.writeEnds(ctx, ends); err != nil {
			if !failing && ctx.Err() == nil {
				t.o.Logger.Warn("ends of changes wait for the log", "err", err)
			}
			failing = true
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			pause = min(2*pause, longPause)
			continue
		}
		if failing {
			t.o.Logger.Info("ends of changes are written again")
		}
		pause, failing = firstPause, false
	}
	return nil
}

// dueEnd is an end that is due.
type dueEnd struct {
	task *task
	end  vaiven.ChangeEnd
	sent bool // as far as the log says
}

// collectEnds takes what is due off the agenda, and words the ends. When nothing is,
// wait is how long there is nothing to do, unless the keeper is woken up. leapt says
// that the server's clock was set forward, or that the machine has slept.
func (t *Twin) collectEnds(now moment, leapt bool) (ends []dueEnd, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.replaying {
		return nil, time.Hour // Replayed wakes it up
	}
	if leapt {
		for _, k := range t.agenda.due {
			if at := now.after(k.wall, forever); k.wall != 0 && at.Before(k.at) {
				k.at = at
			}
		}
		heap.Init(&t.agenda.due)
	}
	t.planDirty(now)
	for len(t.agenda.due) > 0 && len(ends) < maxEnds {
		k := t.agenda.due[0]
		if wait := k.at.Sub(now.mono); wait > 0 {
			if slices.ContainsFunc(t.agenda.due, func(k *task) bool { return k.wall != 0 }) {
				wait = min(wait, tick)
			}
			return ends, wait
		}
		heap.Pop(&t.agenda.due)
		d := t.devices[k.device]
		if d == nil {
			continue
		}
		c := d.Unended(k.key)
		if c == nil {
			continue
		}
		how := c.Outcome
		switch k.duty {
		case confirm:
			how = vaiven.Confirmed
		case expire:
			how = vaiven.Expired
		}
		ends = append(ends, dueEnd{k, c.End(k.device, how, c.Reason, vaiven.Stamp{}), c.Sent != 0})
	}
	return ends, time.Hour
}

// planDirty brings the agenda up to date about what is new. t.mu is held.
func (t *Twin) planDirty(now moment) {
	for id := range t.agenda.dirty {
		d := t.devices[id]
		if d == nil {
			continue
		}
		for i := range d.Owed {
			t.agenda.plan(id, &d.Owed[i], settle, now)
		}
		for i := range d.Open {
			switch c := &d.Open[i]; {
			case c.Matched != 0:
				t.agenda.plan(id, c, confirm, now)
			case c.Deadline != 0:
				t.agenda.plan(id, c, expire, now)
			}
		}
	}
	clear(t.agenda.dirty)
}

// plan sees to it that the change has its task, unless its end was given to the log
// already.
func (a *agenda) plan(id vaiven.Device, c *vaiven.Pending, what duty, now moment) {
	r := ref{id, c.Key}
	k := a.tasks[r]
	fresh := k == nil
	if !fresh && (k.duty == what || k.index == handed) {
		return
	}
	if fresh {
		k = &task{ref: r}
		a.tasks[r] = k
	}
	k.duty, k.wall = what, 0
	switch what {
	case settle:
		k.at = now.mono
	case confirm:
		k.at = now.after(c.Matched+lag.Milliseconds(), lag.Milliseconds())
	case expire:
		k.at = now.after(c.Deadline, c.Deadline-c.Asked)
		k.wall = c.Deadline
	}
	if fresh {
		heap.Push(&a.due, k)
	} else {
		heap.Fix(&a.due, k.index)
	}
}

// giveGrace puts those back on the agenda, once, whose deadline has passed while the
// board may have the change: it was sent, or is perhaps being sent now.
func (t *Twin) giveGrace(ends []dueEnd, now moment) []dueEnd {
	return slices.DeleteFunc(ends, func(e dueEnd) bool {
		k := e.task
		if k.duty != expire || k.grace || !e.sent && !t.o.Connected(k.device) {
			return false
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		k.grace, k.wall = true, k.wall+grace.Milliseconds()
		k.at = now.after(k.wall, grace.Milliseconds())
		t.putBack(k)
		return true
	})
}

// writeEnds gives ends to the log. After an error they are on the agenda again.
func (t *Twin) writeEnds(ctx context.Context, ends []dueEnd) error {
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	stamp := t.o.Stamp()
	events := make([]vaiven.Event, len(ends))
	for i := range ends {
		ends[i].end.Stamp = stamp
		events[i] = &ends[i].end
	}
	err := t.o.Log.Append(ctx, events, nil)
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, e := range ends {
			t.putBack(e.task)
		}
	}
	return err
}

// putBack puts a task on the agenda again, if its change is still there. t.mu is held.
func (t *Twin) putBack(k *task) {
	if t.agenda.tasks[k.ref] == k {
		heap.Push(&t.agenda.due, k)
		t.remindKeeper(k.device) // of what came meanwhile
	}
}

func (a *agenda) clear() {
	a.due = nil
	clear(a.dirty)
	clear(a.tasks)
}

// remindKeeper tells the keeper that something about the device is new. t.mu is held.
func (t *Twin) remindKeeper(id vaiven.Device) {
	if !t.agenda.on || t.replaying {
		return
	}
	t.agenda.dirty[id] = struct{}{}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// remindKeeperOfAll makes the keeper look at everything. t.mu is held.
func (t *Twin) remindKeeperOfAll() {
	for id, d := range t.devices {
		if len(d.Open)+len(d.Owed) > 0 {
			t.remindKeeper(id)
		}
	}
}
