package gateway

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vaiven"
	"vaiven/wire"
)

const (
	// minPresence and maxPresence bound how long a board that comes by HTTP counts as
	// connected after its last request: silentAfter of its intervals in between,
	// firstPresence while those are not known.
	minPresence   = 30 * time.Second
	maxPresence   = 5 * time.Minute
	firstPresence = time.Minute
	// outboxSize is how many messages may wait for a board. One more is refused, and
	// learned by the board from its next WELCOME.
	outboxSize = 512
)

var errOutboxFull = errors.New("outbox full")

// presence is the connection that stands for a board which comes by HTTP, and the
// peer behind it. What the board is to be told waits in the outbox until the answer
// to a request takes it along. It lasts while requests come, and speaks for one
// device.
type presence struct {
	heapSlot // in the schedule
	conn
	key presenceKey

	// token is held while a request's messages are handled: conn's fields belong to
	// whoever put it there.
	token chan struct{}

	mu       sync.Mutex
	outbox   [][]byte
	ended    bool          // for later requests; one that is under way still takes along what is there
	requests int           // under way: somebody is there
	left     time.Duration // when the last one ended, as uptime has it
	news     chan struct{} // closed when there may be news for whoever waits; nil: nobody does
	declared []string      // states that it declared in a HELLO
	dev      *device       // that it speaks for; nil: none yet
}

// presenceKey is what a board that comes by HTTP is known by: its address without
// the port, of which every request may have another, and its id.
type presenceKey struct {
	addr netip.Addr
	dev  vaiven.Device
}

// presences are those that speak for their device, or are being handled; so there
// are not more than devices and requests.
type presences struct {
	mu  sync.Mutex
	all map[presenceKey]*presence
}

// find is the presence under a key, nil if there is none.
func (ps *presences) find(key presenceKey) *presence {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.all[key]
}

// forget lets go of p.
func (ps *presences) forget(p *presence) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.all[p.key] == p {
		delete(ps.all, p.key)
		p.g.address.release(p.remote)
		p.g.schedule.remove(p)
	}
}

// presenceOf is what stands for the device at that address. It is nil when there
// are too many.
func (g *Gateway) presenceOf(remote netip.AddrPort, id vaiven.Device) *presence {
	key := presenceKey{remote.Addr(), id}
	ps := &g.presences
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p := ps.all[key]; p != nil {
		return p
	}
	if len(ps.all) >= g.o.MaxConnections || !g.address.acquire(remote) {
		return nil
	}
	p := g.newPresence(remote)
	p.key = key
	ps.all[key] = p
	return p
}

// newPresence is a presence that nobody finds.
func (g *Gateway) newPresence(remote netip.AddrPort) *presence {
	now := g.uptime()
	p := &presence{token: make(chan struct{}, 1), left: now}
	p.conn = conn{g: g, peer: p, remote: remote, opened: now, protocolState: new(protocolState)}
	return p
}

// send puts a copy of the message into the outbox.
func (p *presence) send(m []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.outbox) >= outboxSize {
		return errOutboxFull
	}
	p.outbox = append(p.outbox, slices.Clone(m))
	return nil
}

// deliver wakes the requests that wait: such a board asks by itself.
func (p *presence) deliver(*device, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wakeRequests()
}

// wakeRequests tells those that wait that there may be news. The caller holds p.mu.
func (p *presence) wakeRequests() {
	if p.news != nil {
		close(p.news)
		p.news = nil
	}
}

// alive reports whether a request is under way. It cannot be pinged, and gives way to
// its own address, but not to a HELLO: that would move what the device is known by. To
// another it does not as long as it counts as connected.
func (p *presence) alive(_ *device, against *conn, kind wire.ItemKind) bool {
	if against.remote.Addr() != p.remote.Addr() {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return kind == wire.Hello || p.requests > 0
}

// hangUp ends it for later requests.
func (p *presence) hangUp(uint16, string) {
	p.mu.Lock()
	p.ended = true
	p.wakeRequests()
	p.mu.Unlock()
	p.g.presences.forget(p)
}

// statusGone fills the place of a close code where there is no socket to close.
const statusGone = 0

// awaitToken takes the token, at once if it is free.
func (p *presence) awaitToken(ctx context.Context) error {
	select {
	case p.token <- struct{}{}:
		return nil
	default:
	}
	select {
	case p.token <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeOutbox empties the outbox.
func (p *presence) takeOutbox() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.outbox
	p.outbox = nil
	return out
}

// nextNews is closed when there may be news.
func (p *presence) nextNews() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.news == nil {
		p.news = make(chan struct{})
	}
	return p.news
}

// beginRequest counts a request, if the presence has not ended; endRequest is for
// its end, and makes sure that the end of the presence is noticed.
func (p *presence) beginRequest() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.requests++
	}
	return !p.ended
}

func (p *presence) endRequest() {
	now := p.g.uptime()
	p.mu.Lock()
	p.requests--
	p.left = now
	stays := p.dev != nil && !p.ended
	p.mu.Unlock()
	if stays {
		p.g.schedule.wake(p, now+minPresence)
	}
}

// statesDeclared are the states that the board at an address declared in a HELLO.
func (g *Gateway) statesDeclared(remote netip.AddrPort, id vaiven.Device) []string {
	p := g.presences.find(presenceKey{remote.Addr(), id})
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.declared
}

// takeTurn ends the presence of a board that was not heard of for too long.
func (p *presence) takeTurn(r *round) (next time.Duration, busy bool) {
	p.mu.Lock()
	d := p.dev
	p.mu.Unlock()
	if d == nil {
		return never, false
	}
	if !d.mu.TryLock() {
		return 0, true
	}
	defer d.mu.Unlock()
	if d.conn.Load() != &p.conn {
		return never, false
	}
	stay := firstPresence
	if every := d.pace.every(); every != 0 {
		stay = min(max(silentAfter*every, minPresence), maxPresence)
	}
	p.mu.Lock()
	last := p.left
	if p.requests > 0 {
		last = r.now
	}
	p.ended = p.ended || last <= r.now-stay
	ended := p.ended
	p.mu.Unlock()
	if !ended {
		return last + stay, false
	}
	p.close(statusGone, "")
	if !p.lose(d, "", retryWait) {
		r.stuck = true
	}
	return never, false
}

// endPresences says of all boards that come by HTTP that they are gone, once the
// requests under way have been answered.
func (g *Gateway) endPresences(ctx context.Context) {
	g.presences.mu.Lock()
	all := slices.Collect(maps.Values(g.presences.all))
	g.presences.mu.Unlock()
	for _, p := range all {
		p.close(statusGone, "")
	}
	for _, p := range all {
		if p.awaitToken(ctx) != nil {
			return // what is left is said at the next start
		}
		p.detach("")
	}
}
