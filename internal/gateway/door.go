package gateway

import (
	"context"
	"crypto/rand"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vaiven"
	"vaiven/wire"
)

// statusRevoked is the protocol's close code for a connection whose right to speak was
// taken back.
const statusRevoked uint16 = 4401

const (
	// maxWaiters is how many waiting connections are known to be told when they are let
	// in; the others come again by themselves.
	maxWaiters = 1024
	// maxChanges is how many devices are looked at one by one when something about them
	// has changed; with more all are.
	maxChanges = 4096
	// adoptionFor is for how long behind its approval a board is given its token.
	adoptionFor = 10 * time.Minute
	// offerFor is how long the log may take with a token's record before another is made.
	offerFor = 10 * time.Second
	// barFor is for how long an address may not speak for a device that a person freed
	// from it, and maxBars of how many that is remembered.
	barFor  = 10 * time.Minute
	maxBars = 1024
	// lapseEvery is how often it is looked whether somebody speaks by what was good for a
	// time only.
	lapseEvery = 5 * time.Second
	// newsPerSecond is of how many boards that wait a person is told at once: one more
	// than a terminal has lines for, so that it can say that there are more.
	newsPerSecond = 8
)

// door is what the gateway knows of who waits before it, and of what changed about who
// may come in.
type door struct {
	generation atomic.Uint64 // counts the changes, from 1
	lapsing    atomic.Bool   // somebody speaks by what is good for a time only
	secret     [32]byte      // of the nonces over HTTP
	wake       chan struct{}

	mu      sync.Mutex
	changed map[vaiven.Device]struct{} // to be looked at
	all     bool                       // every device is
	waiters map[vaiven.Device][]waiter
	waiting int // entries in waiters
	offers  map[vaiven.Device]*offer
	bars    map[bar]time.Duration // until when, as uptime has it
	clear   map[vaiven.Device]struct{}
	news    perSecond
}

// waiter is a WebSocket of a board that waits to be let in.
type waiter struct {
	c     *conn
	hello bool
}

// offer is a token that was made for a board which has said HELLO. Its text is kept only
// here, until the board has used it.
type offer struct {
	text  string
	id    vaiven.TokenID
	made  time.Duration // as uptime has it
	to    *conn         // is sent it when the log has it, nil: was
	ready chan struct{} // closed then
}

// bar keeps an address from a device.
type bar struct {
	dev  vaiven.Device
	addr netip.Addr
}

func (d *door) init() {
	_, _ = rand.Read(d.secret[:]) // never fails: crypto/rand ends the program instead
	d.generation.Store(1)
	d.wake = make(chan struct{}, 1)
	d.changed, d.waiters = make(map[vaiven.Device]struct{}), make(map[vaiven.Device][]waiter)
	d.offers, d.bars, d.clear = make(map[vaiven.Device]*offer), make(map[bar]time.Duration), make(map[vaiven.Device]struct{})
}

// isNewsOfClear reports whether it was not said yet that the device's token travels in
// the clear. Only devices with a token are asked for.
func (d *door) isNewsOfClear(id vaiven.Device) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, said := d.clear[id]
	d.clear[id] = struct{}{}
	return !said
}

// AccessChanged says that something about a device's right to speak is another, "" for
// that of any. It returns at once. Whoever may speak no longer is sent away, and who
// waits and may come in now is told.
func (g *Gateway) AccessChanged(id vaiven.Device) {
	d := &g.door
	d.generation.Add(1)
	d.mu.Lock()
	if id == "" || len(d.changed) >= maxChanges {
		d.all = true
	} else {
		d.changed[id] = struct{}{}
	}
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default: // it is about to look
	}
}

// runDoor looks at the devices whose right to speak has changed.
func (g *Gateway) runDoor(ctx context.Context) {
	d := &g.door
	tick := time.NewTicker(lapseEvery)
	defer tick.Stop()
	for {
		select {
		case <-d.wake:
		case <-tick.C:
			g.endLapsed()
		case <-ctx.Done():
			return
		}
		d.mu.Lock()
		changed, all := d.changed, d.all
		d.changed, d.all = make(map[vaiven.Device]struct{}), false
		d.mu.Unlock()
		for id := range changed {
			g.reconsider(id, true)
		}
		if all {
			for _, id := range g.concerned() {
				g.reconsider(id, false)
			}
		}
	}
}

// endLapsed sends those away who speak by what was good for a time only.
func (g *Gateway) endLapsed() {
	if !g.door.lapsing.Swap(false) { // whoever still does sets it again
		return
	}
	for _, id := range g.concerned() {
		g.reconsider(id, false)
	}
}

// concerned are the devices for which somebody speaks, or waits.
func (g *Gateway) concerned() (ids []vaiven.Device) {
	g.mu.Lock()
	for id, dev := range g.devices {
		if dev.conn.Load() != nil {
			ids = append(ids, id)
		}
	}
	g.mu.Unlock()
	d := &g.door
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.AppendSeq(ids, maps.Keys(d.waiters))
}

// reconsider does what follows when a device's right to speak has changed; own: its own,
// and not that of all.
func (g *Gateway) reconsider(id vaiven.Device, own bool) {
	st, keys := g.o.Access.Standing(id), g.o.Access.Keys(id)
	g.tellOffer(id, st, keys)
	g.sendAway(id, own && st == (vaiven.Standing{}))
	if !g.o.Access.Admits(id) {
		return
	}
	d := &g.door
	d.mu.Lock()
	waiters := d.waiters[id]
	delete(d.waiters, id)
	d.waiting -= len(waiters)
	d.mu.Unlock()
	for _, w := range waiters {
		if w.hello && !w.c.closing.Load() && g.mayHaveToken(w.c, st, keys) {
			g.offerToken(w.c, id, keys, &g.nobody)
			return
		}
	}
	if own && len(keys) == 0 {
		g.offerConnected(id, st)
	}
}

// offerConnected gives a board its token that a person approved while it was connected. One
// that comes by HTTP is given it with its next HELLO.
func (g *Gateway) offerConnected(id vaiven.Device, st vaiven.Standing) {
	d := g.connectedDevice(id)
	if d == nil {
		return
	}
	d.mu.Lock()
	c := d.conn.Load()
	greeted := c != nil && d.greeting.hello && d.warrant.trust == unproven
	d.mu.Unlock()
	if !greeted || !g.mayHaveToken(c, st, nil) {
		return
	}
	if _, posts := c.peer.(*presence); !posts {
		g.offerToken(c, id, nil, &g.nobody)
	}
}

// sendAway closes the connection that speaks for a device by what is good no longer, or
// whatever it has shown if all was taken back that the device was given.
func (g *Gateway) sendAway(id vaiven.Device, whatever bool) {
	d := g.connectedDevice(id)
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.conn.Load()
	if c == nil {
		return
	}
	now, err := g.judge(id, d.warrant.by, d.warrant.proof)
	if err == nil && now.trust >= d.warrant.trust && !whatever {
		return
	}
	c.lose(d, "revoked", retryWait)
	c.close(statusRevoked, "revoked")
}

// wait keeps a WebSocket in mind whose board waits to be let in.
func (d *door) wait(c *conn, id vaiven.Device, hello bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.waiters[id]
	if i := slices.IndexFunc(list, func(w waiter) bool { return w.c == c }); i >= 0 {
		list[i].hello = list[i].hello || hello
		return
	}
	if d.waiting < maxWaiters {
		d.waiters[id] = append(list, waiter{c, hello})
		d.waiting++
	}
}

// leave forgets a WebSocket that waited for these devices.
func (d *door) leave(c *conn, ids []vaiven.Device) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		before := len(d.waiters[id])
		left := slices.DeleteFunc(d.waiters[id], func(w waiter) bool { return w.c == c })
		d.waiting -= before - len(left)
		if d.waiters[id] = left; len(left) == 0 {
			delete(d.waiters, id)
		}
	}
	for _, o := range d.offers {
		if o.to == c {
			o.to = nil
		}
	}
}

// mayHaveToken reports whether c may be given a token for a device by adoption: a person
// let it in, nobody has used a token of its, and none was handed to a person. Only the
// address that was waiting gets it, for a while, over TLS too: that shows the board whose
// server it is, and the server nothing of the board. Whoever else says HELLO would have
// the device for good, and its board would be kept out.
func (g *Gateway) mayHaveToken(c *conn, st vaiven.Standing, keys []vaiven.Granted) bool {
	if !st.Approved || st.Verified || slices.ContainsFunc(keys, func(k vaiven.Granted) bool { return k.By != vaiven.ByAdoption }) {
		return false
	}
	at := time.Duration(g.o.Stamp().At-st.At) * time.Millisecond
	return st.Remote == c.remote.Addr().String() && at.Abs() < adoptionFor // also where a clock was ahead
}

// offerToken makes a token for the device's board behind c, which is told when the log
// and its view have it: if we die before, the next HELLO gets another.
func (g *Gateway) offerToken(c *conn, id vaiven.Device, keys []vaiven.Granted, owner *device) {
	d := &g.door
	now := g.uptime()
	d.mu.Lock()
	o := d.offers[id]
	known := o != nil && slices.ContainsFunc(keys, func(k vaiven.Granted) bool { return k.Token == o.id })
	if !known && o != nil && now < o.made+offerFor { // on its way
		o.to = c
	}
	var record *vaiven.Granted
	if o == nil || !known && now >= o.made+offerFor {
		o = &offer{made: now, to: c, ready: make(chan struct{})}
		if o.text, record = g.o.Access.BoardToken(id); record == nil {
			d.mu.Unlock()
			return
		}
		o.id = record.Token
		d.offers[id] = o
	}
	d.mu.Unlock()
	if c.request != nil {
		c.request.offers = append(c.request.offers, o)
	}
	switch {
	case known:
		_ = c.peer.send(wire.AppendToken(nil, id, o.text))
	case record != nil && !g.appendSoon(owner, record):
		d.drop(id, o) // its next HELLO asks again
	}
}

// appendSoon is append for what is asked for again if the log is busy.
func (g *Gateway) appendSoon(owner *device, record vaiven.Event) bool {
	ctx, cancel := context.WithTimeout(context.Background(), endWait)
	defer cancel()
	return g.append(ctx, owner, []vaiven.Event{record}) == nil
}

// drop forgets an offer.
func (d *door) drop(id vaiven.Device, o *offer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.offers[id] == o {
		delete(d.offers, id)
		o.finish()
	}
}

// finish tells who waits for the offer that there is nothing to wait for.
func (o *offer) finish() {
	select {
	case <-o.ready:
	default:
		close(o.ready)
	}
}

// tellOffer sends a token that was offered, once the view has it.
func (g *Gateway) tellOffer(id vaiven.Device, st vaiven.Standing, keys []vaiven.Granted) {
	d := &g.door
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.offers[id]
	switch {
	case o == nil:
	case st.Verified || !st.Approved:
		delete(d.offers, id)
		o.finish()
	case slices.ContainsFunc(keys, func(k vaiven.Granted) bool { return k.Token == o.id }):
		if o.to != nil && !o.to.closing.Load() {
			_ = o.to.peer.send(wire.AppendToken(nil, id, o.text)) // queues
		}
		o.to = nil
		o.finish()
	}
}

// Free takes a device from the connection that speaks for it, which is closed, and keeps
// its address from it for ten minutes unless it proves a token. It returns the address,
// false when nobody speaks for the device.
func (g *Gateway) Free(id vaiven.Device) (remote string, ok bool) {
	dev := g.connectedDevice(id)
	if dev == nil {
		return "", false
	}
	dev.mu.Lock()
	defer dev.mu.Unlock()
	c := dev.conn.Load()
	if c == nil {
		return "", false
	}
	g.door.barFrom(bar{id, c.remote.Addr()}, g.uptime())
	c.lose(dev, "freed", endWait)
	c.close(statusInUse, "freed by a person")
	return address(c.remote), true
}

func (d *door) barFrom(b bar, now time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.bars) >= maxBars {
		oldest := b
		for old, until := range d.bars {
			if until <= now {
				delete(d.bars, old)
			} else if o, is := d.bars[oldest]; !is || until < o {
				oldest = old
			}
		}
		if len(d.bars) >= maxBars {
			delete(d.bars, oldest)
		}
	}
	d.bars[b] = now + barFor
	d.generation.Add(1)
}

// bars reports whether an address is kept from a device.
func (d *door) isBarred(b bar, now time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bars[b] > now
}

// allowNews reports whether a person is told of another board that waits.
func (d *door) allowNews(now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.news.allowSecond(now, newsPerSecond)
}
