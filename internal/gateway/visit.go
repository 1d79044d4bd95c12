package gateway

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vaiven"
)

const (
	// minVisit and maxVisit bound how long a board that comes by HTTP counts as
	// connected after its last request: silentAfter of its intervals in between,
	// firstVisit while those are not known.
	minVisit   = 30 * time.Second
	maxVisit   = 5 * time.Minute
	firstVisit = time.Minute
)

// visits are the connections that stand for boards which come by HTTP, one for
// each address and device. They hold one that speaks for its device, or is being
// handled; so there are not more than devices and requests.
type visits struct {
	mu    sync.Mutex
	conns map[place]*conn
}

// find is the visit at a place, nil if there is none.
func (v *visits) find(at place) *conn {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.conns[at]
}

// declared are the states that the board at a place declared in a HELLO.
func (v *visits) declared(at place) []string {
	if c := v.find(at); c != nil {
		return c.ws.(*box).declared()
	}
	return nil
}

// visit is the connection that stands for the device at that address. It is nil
// when there are too many.
func (g *Gateway) visit(remote netip.AddrPort, id vaiven.Device) *conn {
	at := place{remote.Addr(), id}
	v := &g.visits
	v.mu.Lock()
	defer v.mu.Unlock()
	if c := v.conns[at]; c != nil {
		return c
	}
	if len(v.conns) >= g.o.MaxConnections || !g.address.take(remote) {
		return nil
	}
	c := g.visitor(remote)
	c.ws.(*box).at = at
	v.conns[at] = c
	return c
}

// visitor is a connection that writes into a box.
func (g *Gateway) visitor(remote netip.AddrPort) *conn {
	now := g.uptime()
	b := &box{serve: make(chan struct{}, 1), left: now}
	return &conn{g: g, ws: b, remote: remote, opened: now, speech: new(speech)}
}

// drop forgets the visit.
func (v *visits) drop(at place, c *conn) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.conns[at] == c {
		delete(v.conns, at)
		c.g.address.release(c.remote)
	}
}

// expect makes sure that the end of a visit is noticed. The caller holds d.mu.
func (g *Gateway) expect(d *device, c *conn) {
	if _, ok := c.ws.(*box); ok {
		g.schedule.wake(d, g.uptime()+minVisit)
	}
}

// visit ends that of a board which was not heard of for too long.
func (r *round) visit(d *device) time.Duration {
	c := d.conn.Load()
	if c == nil {
		return never
	}
	b, ok := c.ws.(*box)
	if !ok {
		return never
	}
	stay := firstVisit
	if every := d.pace.every(); every != 0 {
		stay = min(max(silentAfter*every, minVisit), maxVisit)
	}
	if !b.expire(r.now - stay) {
		since, idle := b.idle()
		if !idle {
			since = r.now
		}
		return since + stay
	}
	c.hangUp(statusGone, "")
	if !c.lose(d, "", retryWait) {
		r.stuck = true
	}
	return never
}

// statusGone fills the place of a close code where there is no socket to close.
const statusGone = 0

// endVisits says of all visitors that they are gone, once the requests under way
// have been answered.
func (g *Gateway) endVisits(ctx context.Context) {
	g.visits.mu.Lock()
	all := slices.Collect(maps.Values(g.visits.conns))
	g.visits.mu.Unlock()
	for _, c := range all {
		c.hangUp(statusGone, "")
	}
	for _, c := range all {
		if c.ws.(*box).turn(ctx) != nil {
			return // what is left is said at the next start
		}
		c.detach("")
	}
}
