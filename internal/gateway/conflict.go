package gateway

import (
	"context"
	"time"

	"vaiven"
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

// contend decides whether c may speak for d, and locks d.mu if so. A board that
// reconnects with its BOOT takes over at once; otherwise the first connection is
// pinged, and only its silence frees the device. The wait blocks the newcomer's
// socket alone.
func (c *conn) contend(d *device, boot vaiven.Boot) *vaiven.Error {
	d.mu.Lock()
	first := d.conn.Load()
	if first == nil || first == c {
		return nil
	}
	if boot != "" && boot == d.boot {
		c.g.takeover(d, first, c)
		return nil
	}
	refused := time.Now().Before(d.conflict.until)
	d.mu.Unlock()
	alive := refused || first.answers()
	d.mu.Lock()
	switch now := d.conn.Load(); {
	case now == nil:
		return nil
	case alive || now != first:
		d.conflict.until = time.Now().Add(refusedFor)
		c.g.recordConflict(d, now, c)
		d.mu.Unlock()
		return &vaiven.Error{Code: vaiven.CodeDeviceInUse, Device: d.id, Got: now.remote.String(), Retry: refusedFor, At: -1}
	}
	c.g.takeover(d, first, c)
	return nil
}

// answers pings the board and reports whether anything came back in time.
func (c *conn) answers() bool {
	asked := time.Now()
	c.ws.Ping()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for time.Since(asked) < pongWait {
		<-poll.C
		if c.ws.LastSeen().After(asked) {
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
	event := &vaiven.Conflict{Stamp: g.o.Stamp(), Device: d.id, Remotes: []string{a.remote.String(), b.remote.String()}}
	ctx, cancel := context.WithTimeout(context.Background(), goneWait)
	defer cancel()
	if err := g.append(ctx, d, event); err != nil {
		d.conflict.shown = time.Time{} // the next one is recorded instead
	}
}

// lose takes a device from c; a connection that speaks for nobody else is closed.
func (c *conn) lose() {
	if c.active.Add(-1) <= 0 {
		c.ws.Close(statusInUse, "device in use elsewhere")
	}
}

// statusInUse is the protocol's close code for a device that another connection
// speaks for now.
const statusInUse uint16 = 4409
