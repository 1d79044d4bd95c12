package gateway

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"vaiven"
	"vaiven/internal/ws"
	"vaiven/wire"
)

// conn is one WebSocket of a board, or of a concentrator that speaks for
// several. Its fields belong to the goroutine that reads the socket.
type conn struct {
	g      *Gateway
	ws     *ws.Conn
	remote netip.AddrPort
	opened time.Time
	dec    wire.Decoder
	yield  func(*wire.Item) // item, bound once and not once per message
	links  []link
	hinted []wire.HintKind // already given
	active atomic.Int32    // devices that it speaks for and whose session goes on
	errors errorBudget
}

// link is a device that a connection has spoken for.
type link struct {
	dev  *device
	boot vaiven.Boot // holds for readings that carry none
	owed bool        // an acknowledgement is to be written after this message
	bad  string      // why boot was found to be used twice: nothing of it is taken here
}

func (c *conn) run() {
	err := c.ws.Serve(c)
	c.detach(reason(err))
	c.g.leave(c)
}

// reason puts the end of a connection into a word for the log.
func reason(err error) string {
	var ce *ws.CloseError
	if errors.As(err, &ce) {
		return ""
	}
	return "lost"
}

// Message handles one message; package ws calls it on the connection's
// goroutine. What it blocks on stops the reading of this socket alone.
func (c *conn) Message(op ws.Op, p []byte) {
	c.g.stats.Messages.Add(1)
	c.dec.Decode(op == ws.Binary, p, c.yield)
	for i := range c.links {
		if l := &c.links[i]; l.owed {
			l.owed = false
			l.dev.writeAck(c)
		}
	}
}

// item handles one element of a message; each stands alone.
func (c *conn) item(it *wire.Item) {
	if c.g.draining.Load() {
		return // neither taken nor acknowledged: the board keeps it and comes back
	}
	c.hint(it)
	if it.Device == "" {
		c.reject(nil, it.Err)
		return
	}
	l, err := c.link(it)
	if err != nil {
		c.reject(nil, err)
		return
	}
	if l == nil {
		return // finished, and told so
	}
	if it.Boot != "" && it.Boot != l.boot {
		l.boot, l.bad = it.Boot, ""
	}
	if err := c.admit(l, it); err != nil {
		err.Device, err.Boot, err.Seq = it.Device, l.boot, it.Seq
		c.reject(l.dev, err)
	}
}

// hint shows each kind of hint once per connection.
func (c *conn) hint(it *wire.Item) {
	for _, h := range it.Hints {
		if !slices.Contains(c.hinted, h.Kind) {
			c.hinted = append(c.hinted, h.Kind)
			c.g.o.Notice(Notice{Device: it.Device, Remote: c.remote.String(), Text: h.Text(c.g.o.Lang)})
		}
	}
}

// link returns the connection's link to the item's device, attaching it at its
// first item. It is nil when the device's session is over.
func (c *conn) link(it *wire.Item) (*link, *vaiven.Error) {
	at := -1
	for i := range c.links {
		if c.links[i].dev.id == it.Device {
			at = i
			break
		}
	}
	if at >= 0 && c.links[at].dev.conn.Load() == c {
		return &c.links[at], nil
	}
	if at < 0 && len(c.links) >= c.g.o.MaxDevices {
		return nil, &vaiven.Error{Code: vaiven.CodeTooManyDevices, Device: it.Device, Hi: float64(c.g.o.MaxDevices), At: -1}
	}
	dev := c.g.device(it.Device)
	ok, err := c.attach(dev, it)
	if err != nil || !ok {
		return nil, err
	}
	if at < 0 {
		c.links = append(c.links, link{dev: dev})
		at = len(c.links) - 1
	}
	return &c.links[at], nil
}

// attach makes c the connection that speaks for dev, and writes so into the
// log. It is false when dev's session is over: the board has been told.
func (c *conn) attach(dev *device, it *wire.Item) (bool, *vaiven.Error) {
	if err := c.contend(dev, it.Boot); err != nil {
		return false, err
	}
	defer dev.mu.Unlock() // contend locked it
	if !dev.loaded {
		c.g.load(dev)
	}
	if dev.session.over() {
		c.finished(dev)
		return false, nil
	}
	stamp := c.g.o.Stamp()
	events := []vaiven.Event{&vaiven.Presence{Stamp: stamp, Device: dev.id, Connected: true, Remote: c.remote.String()}}
	if s := c.g.startSession(dev, c.opened, stamp); s != nil {
		events = append(events, s)
	}
	if err := c.g.append(context.Background(), dev, events...); err != nil {
		dev.session.forgetStart(events)
		return false, asError(err)
	}
	c.g.scheduleEnd(dev)
	c.active.Add(1)
	if old := dev.conn.Swap(c); old != nil && old != c {
		old.lose()
	}
	return true, nil
}

// detach says in the log that the devices of c are gone, unless another
// connection speaks for them already.
func (c *conn) detach(why string) {
	for i := range c.links {
		dev := c.links[i].dev
		dev.mu.Lock()
		if dev.conn.CompareAndSwap(c, nil) {
			c.g.recordGone(dev, &vaiven.Presence{
				Stamp: c.g.o.Stamp(), Device: dev.id, Remote: c.remote.String(), Reason: why, Sleep: dev.sleep,
			})
		}
		dev.mu.Unlock()
	}
}

// recordGone appends a disconnection, waiting for a log that is busy; after
// goneWait the record is given up: the registry then learns it at the next
// connection. The caller holds dev.mu.
func (g *Gateway) recordGone(dev *device, p *vaiven.Presence) {
	ctx, cancel := context.WithTimeout(context.Background(), goneWait)
	defer cancel()
	if err := g.append(ctx, dev, p); err != nil {
		g.o.Logger.Warn("disconnection not recorded", "device", dev.id, "err", err)
	}
}

const goneWait = 2 * time.Second

// goodbye announces a close on purpose, then closes.
func (c *conn) goodbye(code uint16, text string, retry time.Duration) {
	c.send(wire.AppendBye(nil, text, retry))
	c.ws.Close(code, text)
}

// send queues a message for the board. A full queue drops the connection in
// package ws; what was not delivered is learned by the board from WELCOME.
func (c *conn) send(p []byte) {
	_ = c.ws.Write(ws.Text, p)
}

// asError returns err as the domain's error; whatever the log says otherwise
// means for a board: not now.
func asError(err error) *vaiven.Error {
	var e *vaiven.Error
	if errors.As(err, &e) {
		out := *e
		return &out
	}
	return &vaiven.Error{Code: vaiven.CodeBusy, Retry: busyRetry, At: -1}
}

const busyRetry = 5 * time.Second
