package gateway

import (
	"container/list"
	"fmt"
	"sync"

	"vaiven"
	"vaiven/wire"
)

// Devices tells which devices the log knows. It may be behind the log.
type Devices interface {
	Known(d vaiven.Device) bool
	// Unverified is how many of them nobody approved.
	Unverified() int
}

// newcomers are the devices that the log took in and its views do not know yet.
type newcomers struct {
	mu   sync.Mutex
	came map[vaiven.Device]struct{} // at most as many as may be unverified
}

// admitNewcomer decides whether the log takes a device in that it does not know: as many
// as Bounds.Unverified, whatever ids are made up, and of one address no more than
// Bounds.Newcomers. Nothing is kept of one that is refused. The caller holds d.mu.
func (c *conn) admitNewcomer(d *device) *vaiven.Error {
	g := c.g
	if g.o.Devices == nil || g.approved(d.id) || g.o.Devices.Known(d.id) {
		return nil
	}
	n := &g.newcomers
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.came[d.id]; ok {
		return nil
	}
	if g.full() {
		for id := range n.came {
			if g.o.Devices.Known(id) {
				delete(n.came, id)
			}
		}
	}
	if g.full() {
		return g.noRoom()
	}
	from, now := c.remote.Addr(), g.uptime()
	if wait := g.budgets.takeNewcomer(from, now); wait > 0 {
		return &vaiven.Error{Code: vaiven.CodeTooFast, Reason: wire.ReasonNewcomers, At: -1, Retry: max(wait, busyRetry)}
	}
	if n.came == nil {
		n.came = make(map[vaiven.Device]struct{})
	}
	n.came[d.id] = struct{}{}
	g.budgets.noteNewcomer(from, now)
	return nil
}

// full reports whether no device is taken in that nobody approved. The caller holds
// newcomers.mu.
func (g *Gateway) full() bool {
	return g.o.Devices.Unverified()+len(g.newcomers.came) >= g.o.Bounds.Unverified
}

// fullRetry is when a board that found no room may ask again.
const fullRetry = maxRetry

// noRoom tells a board that the log takes in no more devices, and who brought most.
func (g *Gateway) noRoom() *vaiven.Error {
	e := &vaiven.Error{Code: vaiven.CodeNotApproved, Reason: wire.ReasonFull, Hi: float64(g.o.Bounds.Unverified), At: -1, Retry: fullRetry}
	e.Got = g.broughtMost()
	return e
}

// broughtMost says in words which address brought most devices since the start.
func (g *Gateway) broughtMost() string {
	most, n := g.budgets.broughtMost()
	if n == 0 {
		return g.o.Lang.Say("all of before", "todas de antes")
	}
	who := most.String()
	if !most.IsValid() {
		who = g.o.Lang.Say("many addresses", "muchas direcciones")
	}
	return fmt.Sprintf(g.o.Lang.Say("%d from %s", "%d de %s"), n, who)
}

// Full says why no new board is taken in, nil while one is: there are as many devices that
// nobody approved as there may be.
func (g *Gateway) Full() *vaiven.Error {
	if g.o.Devices == nil {
		return nil
	}
	g.newcomers.mu.Lock()
	defer g.newcomers.mu.Unlock()
	if g.o.Devices.Unverified() < g.o.Bounds.Unverified {
		return nil
	}
	return g.noRoom()
}

// maxUntaken is how many devices are remembered of which nothing was taken.
const maxUntaken = 4096

// untaken are the devices of which nothing was taken yet, the oldest first: ids that
// strangers make up do not push out others.
type untaken struct {
	mu  sync.Mutex
	all list.List // of *device
}

func (u *untaken) add(d *device) {
	u.mu.Lock()
	defer u.mu.Unlock()
	d.untakenAt = u.all.PushBack(d)
}

// remove is for a device of which something was taken, or that is forgotten.
func (u *untaken) remove(d *device) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if d.untakenAt != nil {
		u.all.Remove(d.untakenAt)
		d.untakenAt = nil
	}
}

// oldest is the device of which nothing was taken for longest, if there are too many; it
// is put behind the others, so that the next call returns another.
func (u *untaken) oldest() *device {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all.Len() < maxUntaken {
		return nil
	}
	first := u.all.Front()
	u.all.MoveToBack(first)
	return first.Value.(*device)
}

// makeRoomForIDs forgets devices of which nothing was taken, if there are too many. Their
// boards, should there be any, begin anew with their next message. One that is busy is left.
func (g *Gateway) makeRoomForIDs() {
	for range 4 {
		d := g.untaken.oldest()
		if d == nil {
			return
		}
		if !d.mu.TryLock() {
			continue
		}
		g.forgetUntaken(d)
		d.mu.Unlock()
	}
}

// forgetUntaken lets go of a device, if nothing of it was taken meanwhile. The caller
// holds d.mu.
func (g *Gateway) forgetUntaken(d *device) {
	if d.gone || d.recorded.Load() != nil || d.departure != nil || d.session.active {
		g.untaken.remove(d)
		return
	}
	d.brief.Lock()
	c := d.activeOn
	d.brief.Unlock()
	d.unassign()
	if c != nil {
		c.active.Add(-1)
	}
	g.schedule.remove(d)
	g.drop(d)
}

// drop takes d out of the table. The caller holds d.mu.
func (g *Gateway) drop(d *device) {
	g.untaken.remove(d)
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.devices, d.id)
	d.gone = true
}
