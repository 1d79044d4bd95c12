package twin

import (
	"container/heap"
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
	on    bool // the keeper is there
	dirty map[vaiven.Device]struct{}
	tasks map[ref]*task
	due   tasks
}

// tasks are a heap, the next one first.
type tasks []*task

func (h tasks) Len() int           { return len(h) }
func (h tasks) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h tasks) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push and Pop are for package heap.
func (h *tasks) Push(x any) {
	t, _ := x.(*task)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *tasks) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = handed
	return t
}

// drop forgets the task of a change, if it has one.
func (a *agenda) drop(r ref) {
	if t := a.tasks[r]; t != nil && t.index != handed {
		heap.Remove(&a.due, t.index)
	}
	delete(a.tasks, r)
}

func (a *agenda) clear() {
	a.due = nil
	clear(a.dirty)
	clear(a.tasks)
}

// put sets or moves a task, unless its end was given to the log already.
func (a *agenda) put(t *task, fresh bool) {
	switch {
	case fresh:
		heap.Push(&a.due, t)
	case t.index != handed:
		heap.Fix(&a.due, t.index)
	}
}

// remind tells the keeper that something about the device is new. t.mu is held.
func (t *Twin) remind(id vaiven.Device) {
	if !t.agenda.on || t.replaying {
		return
	}
	t.agenda.dirty[id] = struct{}{}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// remindAll makes the keeper look at everything. t.mu is held.
func (t *Twin) remindAll() {
	for id, d := range t.devices {
		if len(d.Open)+len(d.Owed) > 0 {
			t.remind(id)
		}
	}
}

// moment is now, by both clocks.
type moment struct {
	mono  time.Time
	stamp vaiven.Stamp
}

// after is when the server's clock will say wall, at most most ms from now: a
// clock that was set back must not give a change more time than was asked for.
func (m moment) after(wall, most int64) time.Time {
	ms := min(wall-m.stamp.At, most, forever)
	return m.mono.Add(time.Duration(max(0, ms)) * time.Millisecond)
}

// forever is longer than any server runs, in ms, and fits in a time.Duration.
const forever = int64(100*365*24*time.Hour) / int64(time.Millisecond)

// plan brings the agenda up to date about what is new. t.mu is held.
func (t *Twin) plan(now moment) {
	for id := range t.agenda.dirty {
		d := t.devices[id]
		if d == nil {
			continue
		}
		for i := range d.Owed {
			t.agenda.schedule(id, &d.Owed[i], settle, now)
		}
		for i := range d.Open {
			switch c := &d.Open[i]; {
			case c.Matched != 0:
				t.agenda.schedule(id, c, confirm, now)
			case c.Deadline != 0:
				t.agenda.schedule(id, c, expire, now)
			}
		}
	}
	clear(t.agenda.dirty)
}

// schedule sees to it that the change has its task.
func (a *agenda) schedule(id vaiven.Device, c *vaiven.Pending, what duty, now moment) {
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
	a.put(k, fresh)
}

// extend gives a change that the board may have a little more time. It is
// false when it had that. t.mu is held.
func (k *task) extend(now moment) bool {
	if k.grace {
		return false
	}
	k.grace, k.wall = true, k.wall+grace.Milliseconds()
	k.at = now.after(k.wall, grace.Milliseconds())
	return true
}

// leap moves what hangs on the server's clock, after that was set forward or
// the machine has slept.
func (a *agenda) leap(now moment) {
	for _, k := range a.due {
		if k.wall == 0 {
			continue
		}
		if at := now.after(k.wall, forever); at.Before(k.at) {
			k.at = at
		}
	}
	heap.Init(&a.due)
}

// timed reports whether anything hangs on the server's clock.
func (a *agenda) timed() bool {
	for _, k := range a.due {
		if k.wall != 0 {
			return true
		}
	}
	return false
}
