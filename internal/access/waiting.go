package access

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vaiven"
)

// Bounds of the boards that wait. Who came longest ago makes room, first of those of an
// address that has more than its share.
const (
	maxWaiting        = 256
	maxWaitingAddress = 16
	waitingFor        = 10 * time.Minute // after its last message
)

// waiting are the boards that wait to be let in, of this process: each id at each
// address once.
type waiting struct {
	mu  sync.Mutex
	all []vaiven.Waiting // oldest first, by the last message
}

// note takes a message of a board that waits, and reports whether the board is news.
func (w *waiting) note(d vaiven.Device, from netip.Addr, hello bool, fw string, now int64) (fresh bool) {
	remote := from.String()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = slices.DeleteFunc(w.all, func(b vaiven.Waiting) bool { return b.Last < now-waitingFor.Milliseconds() })
	b := vaiven.Waiting{Device: d, Remote: remote, Since: now}
	i := slices.IndexFunc(w.all, func(b vaiven.Waiting) bool { return b.Device == d && b.Remote == remote })
	if fresh = i < 0; !fresh {
		b = w.all[i]
		w.all = slices.Delete(w.all, i, i+1)
	}
	b.Last, b.Count, b.Hello, b.FW = now, b.Count+1, b.Hello || hello, cmp.Or(fw, b.FW)
	if fresh {
		w.makeRoom(remote)
	}
	w.all = append(w.all, b)
	return fresh
}

func (w *waiting) makeRoom(remote string) {
	of := func(b vaiven.Waiting) bool { return b.Remote == remote }
	n := 0
	for _, b := range w.all {
		if of(b) {
			n++
		}
	}
	switch {
	case n >= maxWaitingAddress:
		i := slices.IndexFunc(w.all, of)
		w.all = slices.Delete(w.all, i, i+1)
	case len(w.all) >= maxWaiting:
		w.all = slices.Delete(w.all, 0, 1)
	}
}

func (w *waiting) remove(d vaiven.Device) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = slices.DeleteFunc(w.all, func(b vaiven.Waiting) bool { return b.Device == d })
}

func (w *waiting) list(now int64) []vaiven.Waiting {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(w.all), func(b vaiven.Waiting) bool { return b.Last < now-waitingFor.Milliseconds() })
	slices.SortStableFunc(list, func(a, b vaiven.Waiting) int { return cmp.Compare(a.Since, b.Since) })
	return list
}

// Wait notes that a message of a device was refused because nobody let it in, and
// reports whether it is the first of that board.
func (c *Control) Wait(d vaiven.Device, from netip.Addr, hello bool, fw string) (fresh bool) {
	return c.waiting.note(d, from, hello, fw, c.now())
}

// Waiting are the boards that wait to be let in at this node, who came first first. One
// that was let in meanwhile, at another node or by an open door, waits no more.
func (c *Control) Waiting() []vaiven.Waiting {
	return slices.DeleteFunc(c.waiting.list(c.now()), func(b vaiven.Waiting) bool { return c.Trust(b.Device) != vaiven.TrustUnapproved })
}
