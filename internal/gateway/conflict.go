package gateway

import (
	"time"

	"vaiven"
	"vaiven/internal/ws"
	"vaiven/wire"
)

const (
	// pongWait is how long the first connection of a device has to answer
	// before a second one takes over.
	pongWait = 3 * time.Second
	// refusedFor spares the first connection a ping per message of a newcomer
	// that was just refused.
	refusedFor = 5 * time.Second
	// conflictWindow is the stretch in which three takeovers are a conflict, and
	// how often the same conflict is recorded.
	conflictWindow = time.Minute
)

// conflict remembers how often a device's connection was contended.
type conflict struct {
	takeovers [3]time.Time // the last ones, oldest first
	until     time.Time    // newcomers are refused without asking again until then
	shown     time.Time    // when a conflict was last recorded
}

// contend decides whether c may speak for the item's device, and returns it with
// its mu held if so, and the connection that c takes it from, if any. A board
// that reconnects with its BOOT from the same address takes over at once: BOOT is no
// secret. Otherwise the first connection is pinged, and only its silence frees the
// device. One that stands for a board which comes by HTTP cannot be pinged, and
// gives way, but not to a HELLO: that would move what the device is known by. The
// wait blocks the newcomer's socket alone.
func (c *conn) contend(it *wire.Item) (*device, *conn, *vaiven.Error) {
	d := c.g.lock(it.Device, false)
	if d == nil {
		return nil, nil, busy()
	}
	first := d.holder(c)
	if _, over := d.ended(); first == nil || over || it.Boot != "" && it.Boot == d.speaks && first.remote.Addr() == c.remote.Addr() {
		return d, first, nil
	}
	_, visiting := first.ws.(*box) // it costs nothing to ask
	refused := !visiting && time.Now().Before(d.conflict.until)
	d.mu.Unlock()
	alive := refused || visiting && it.Kind == wire.Hello || first.answers(d)
	d.mu.Lock()
	now := d.holder(c)
	if !d.gone && (now == nil || now == first && !alive) {
		return d, now, nil
	}
	defer d.mu.Unlock()
	if d.gone {
		return nil, nil, busy()
	}
	if !refused {
		d.conflict.until = time.Now().Add(refusedFor)
	}
	c.g.recordConflict(d, now, c)
	return nil, nil, inUse(now)
}

// holder is the connection that c would take d from, nil for none. One that is
// being closed holds nothing, nor one of which nothing was taken. The caller holds
// d.mu.
func (d *device) holder(c *conn) *conn {
	first := d.conn.Load()
	if first == c || first != nil && (first.over.Load() || d.shown.Load() != first) {
		return nil
	}
	return first
}

// inUse tells a board that another connection speaks for its device.
func inUse(by *conn) *vaiven.Error {
	return &vaiven.Error{Code: vaiven.CodeDeviceInUse, Got: address(by.remote), Retry: refusedFor, At: -1}
}

// answers pings the board and reports whether anything came back in time. One
// whose message is being handled right now is there; it is not read from
// meanwhile, so it could not answer.
func (c *conn) answers(d *device) bool {
	socket, ok := c.ws.(*ws.Conn)
	if !ok {
		_, idle := c.ws.(*box).idle()
		return !idle
	}
	asked := time.Now()
	socket.Ping()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for time.Since(asked) < pongWait && d.conn.Load() == c {
		<-poll.C
		if c.busy.Load() || socket.LastSeen().After(asked) {
			return true
		}
	}
	return false
}

// takeover counts that newcomer replaces first. The caller holds d.mu.
func (g *Gateway) takeover(d *device, first, newcomer *conn) {
	g.stats.Takeovers.Add(1)
	t := &d.conflict.takeovers
	t[0], t[1], t[2] = t[1], t[2], time.Now()
	if t[2].Sub(t[0]) < conflictWindow {
		g.recordConflict(d, first, newcomer)
	}
}

// recordConflict writes into the log which addresses fight over d, at most once
// per conflictWindow. The caller holds d.mu.
func (g *Gateway) recordConflict(d *device, a, b *conn) {
	if time.Since(d.conflict.shown) < conflictWindow {
		return
	}
	d.conflict.shown = time.Now()
	event := &vaiven.Conflict{Stamp: g.o.Stamp(), Device: d.id, Remotes: []string{address(a.remote), address(b.remote)}}
	if !g.tryAppend(d, endWait, event) {
		d.conflict.shown = time.Time{} // the next one is recorded instead
	}
}

// statusInUse is the protocol's close code for a device that another connection
// speaks for now.
const statusInUse uint16 = 4409
