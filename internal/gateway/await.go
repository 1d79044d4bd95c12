package gateway

import (
	"context"
	"errors"
	"net/netip"

	"vaiven"
)

// ErrNotPosted says that a board asks for its desired states which has not sent
// anything over HTTP from this address, or not for long: it sends a HELLO or a
// reading first.
var ErrNotPosted = errors.New("this device has posted nothing from this address: post a HELLO or a reading first")

// AwaitDesired is the long poll of a board that comes by HTTP, and has the
// desired states up to rev. It returns the desired message as soon as there are
// others or it is time to repeat them, and nil when ctx is done before. While it
// waits the board counts as connected.
//
// The error is ErrNotPosted, or a *vaiven.Error: device_in_use when another
// board speaks for the device, busy when the server is about to stop.
func (g *Gateway) AwaitDesired(ctx context.Context, remote netip.AddrPort, id vaiven.Device, rev uint64) ([]byte, error) {
	if !g.join() {
		return nil, busy()
	}
	defer g.conns.Done()
	c := g.visits.find(place{remote.Addr(), id})
	if c == nil || !c.ws.(*box).enter() {
		return nil, g.notVisiting(id)
	}
	b := c.ws.(*box)
	defer func() { b.leave(g.uptime()) }()
	for {
		news := b.news() // before looking: what changes from here on wakes
		m, err := g.look(c, id, rev)
		if m != nil || err != nil {
			return m, err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// notVisiting says why a device's desired states are not given to whoever asks.
func (g *Gateway) notVisiting(id vaiven.Device) error {
	if g.draining.Load() {
		return busy()
	}
	if d := g.present(id); d != nil {
		if c := d.conn.Load(); c != nil {
			return inUse(c)
		}
	}
	return ErrNotPosted
}

// look returns what there is to tell the board of c now, nil for nothing.
func (g *Gateway) look(c *conn, id vaiven.Device, rev uint64) ([]byte, error) {
	d := g.present(id)
	if d == nil || c.over.Load() || g.draining.Load() {
		return nil, g.notVisiting(id)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn.Load() != c {
		if now := d.conn.Load(); now != nil {
			return nil, inUse(now)
		}
		return nil, ErrNotPosted
	}
	now := g.uptime()
	want, due := g.news(d, c, now, asked{above: rev})
	if !due {
		return nil, nil
	}
	m := g.message(d, want)
	g.written(d, want, now)
	return m, nil
}
