package gateway

import (
	"cmp"
	"context"
	"net/netip"
	"time"

	"vaiven"
	"vaiven/internal/limit"
	"vaiven/wire"
)

// Bounds are how much a board may send that nobody vouches for. What comes over the
// loopback is of this machine, or of a proxy that stands for everybody: it counts for its
// connection and its device, and for no address.
type Bounds struct {
	// Connection and Address are bytes of messages a second, and 64 more for each, of one WebSocket and of all of
	// one address (IPv6: of one /64). Beyond them a socket is not read for a while, so that
	// nothing is refused and nothing lost. One that sends slowly does not wait for others of
	// its address. One with a negative PerSecond bounds nothing. Zero: 256 KiB and 1 MiB at once; 2 MiB and 16 MiB at once.
	Connection, Address limit.Rate

	// Day is how many bytes the log takes of one device in a day, 8 times as many of one
	// address, and DayInAll of all together; approved devices count for their own alone.
	// Zero: 256 MiB, and no bound of all. Negative: none.
	Day, DayInAll int64

	// Unverified is how many devices that nobody approved the log takes in. Zero: 2000.
	Unverified int
	// Newcomers are the ids that an address may bring and the log does not know. Zero: 512
	// at once, and one a second.
	Newcomers limit.Rate
}

// dayOfAddress is how many times the day of a device an address has.
const dayOfAddress = 8

// unhurried is how slowly a connection sends that waits for no other of its address: a
// board with ten readings a second sends a quarter.
var unhurried = limit.Rate{PerSecond: 4 << 10, Burst: 64 << 10}

func (b Bounds) withDefaults() Bounds {
	b.Connection = cmp.Or(b.Connection, limit.Rate{PerSecond: 256 << 10, Burst: 1 << 20})
	b.Address = cmp.Or(b.Address, limit.Rate{PerSecond: 2 << 20, Burst: 16 << 20})
	b.Day = cmp.Or(b.Day, 256<<20)
	b.Unverified = cmp.Or(b.Unverified, 2000)
	b.Newcomers = cmp.Or(b.Newcomers, limit.Rate{PerSecond: 1, Burst: 512})
	return b
}

// daily is a bucket that holds a day's worth; 0 bounds nothing.
func daily(bytes int64) limit.Rate {
	return limit.Rate{PerSecond: float64(bytes) / vaiven.Day.Seconds(), Burst: float64(bytes)}
}

// approved reports whether a person let the device in: then its part of every bound is
// reserved for it.
func (g *Gateway) approved(d vaiven.Device) bool { return g.o.Access.Standing(d).Approved }

// keepPlace is for something of d that was taken: c does not give way to newcomers from
// here on.
func (c *conn) keepPlace(d *device) {
	c.g.untaken.remove(d)
	w, ok := c.peer.(*webSocket)
	if !ok {
		return // a request keeps its place by itself while it lasts
	}
	place := limit.Of(w.socket.Socket())
	if c.g.approved(d.id) {
		place.Trust()
	} else {
		place.Heard()
	}
}

// admitEvents decides whether events of d may be queued, and waits for d's share of what
// waits for the disk. The caller holds d.mu.
func (c *conn) admitEvents(d *device, a arrival, events []vaiven.Event) *vaiven.Error {
	if a.events != nil {
		if err := c.admitNewcomer(d); err != nil {
			return err
		}
	}
	if err := c.chargeDay(d, events); err != nil {
		return err
	}
	c.g.awaitShare(d)
	return nil
}

// messageCost is what a message counts for beside its bytes: one of two bytes is work, too.
const messageCost = 64

// maxPause is the longest that a socket is not read at a time for having sent too much.
const maxPause = 10 * time.Second

// pacing is what a WebSocket's messages were counted against.
type pacing struct {
	connection, unhurried limit.Bucket
}

// awaitPace counts a message of n bytes, and waits while c, or its address, has sent too
// much: meanwhile its socket is not read.
func (w *webSocket) awaitPace(n int) {
	g, now := w.g, w.g.uptime()
	p := &w.pacing
	wait := p.connection.Spend(g.o.Bounds.Connection, float64(n), now)
	hurried := p.unhurried.Spend(unhurried, float64(n), now) > 0
	if owed := g.budgets.spendBytes(w.remote.Addr(), n, now); hurried {
		wait = max(wait, owed)
	}
	g.pause(context.Background(), wait)
}

// smallPost is what a message over HTTP may have that waits for no other of its address.
const smallPost = 2 << 10

// awaitPosted is awaitPace for a message that came by HTTP.
func (g *Gateway) awaitPosted(ctx context.Context, from netip.Addr, n int) {
	if owed := g.budgets.spendBytes(from, n, g.uptime()); n > smallPost {
		g.pause(ctx, owed)
	}
}

// pause waits as long, maxPause at most, unless the server ends.
func (g *Gateway) pause(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	g.stats.Paused.Add(1)
	timer := time.NewTimer(min(wait, maxPause))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-g.leaving:
	case <-ctx.Done():
	}
}

// chargeDay counts what is to be written of d against its day, its address's and that of
// all; the error says that one of them is used up. The caller holds d.mu.
func (c *conn) chargeDay(d *device, events []vaiven.Event) *vaiven.Error {
	g, n := c.g, 0
	for _, ev := range events {
		n += weight(ev)
	}
	now, bounds := g.uptime(), &g.o.Bounds
	approved := g.approved(d.id)
	wait := d.day.Take(daily(bounds.Day), float64(n), now)
	if wait == 0 && !approved {
		wait = g.budgets.takeDay(c.remote.Addr(), n, now)
	}
	if wait == 0 {
		return nil
	}
	g.stats.OverDay.Add(1)
	return &vaiven.Error{
		Code: vaiven.CodeTooFast, Reason: wire.ReasonDay, Hi: float64(bounds.Day >> 20), At: -1, Retry: min(max(wait, busyRetry), maxRetry),
	}
}

// maxRetry is the longest that a board is told to wait for room.
const maxRetry = time.Minute

// weight is about how many bytes an event takes, in the log and in what is made of it.
func weight(ev vaiven.Event) int {
	const event, value = 64, 16
	switch e := ev.(type) {
	case *vaiven.Reading:
		return event + value*(len(e.Values)+len(e.States))
	case *vaiven.Report:
		return event + value*len(e.States)
	case *vaiven.Hello:
		n := event + len(e.FW) + value*len(e.States)
		for _, name := range e.Names {
			n += len(name)
		}
		return n
	}
	return event
}
