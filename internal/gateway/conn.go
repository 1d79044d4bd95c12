package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"vaiven"
	"vaiven/internal/ws"
	"vaiven/wire"
)

// conn is one WebSocket of a board, or of a concentrator that speaks for
// several; or what stands for one while a board comes by HTTP. Its fields belong
// to the goroutine that reads the socket, but for the atomic ones.
type conn struct {
	g       *Gateway
	ws      socket
	remote  netip.AddrPort
	opened  time.Duration // as uptime has it
	*speech               // nil until the first message: a silent connection costs little

	active atomic.Int32 // devices that it speaks for and whose session goes on
	busy   atomic.Bool  // a message is being handled: maybe for long, if the log is slow
	over   atomic.Bool  // it is being closed: nothing of it is taken any more
}

// speech is what a connection that has spoken remembers.
type speech struct {
	dec           wire.Decoder
	yield         func(*wire.Item) // item, bound once and not once per message
	links         []link
	index         map[vaiven.Device]int // into links, once there are many
	recent        int                   // the link of the last item
	number        uint64                // of the message being handled
	owing         bool                  // a link owes an acknowledgement
	hinted        []wire.HintKind       // already given
	withoutColumn []unlistedName        // likewise
	errors        errorBudget
}

// link is a device that a connection has spoken for.
type link struct {
	dev  *device
	boot vaiven.Boot // holds for readings that carry none
	owed bool        // an acknowledgement is to be written after this message
	bad  string      // why boot was found to be used twice: nothing of it is taken here

	message    uint64 // in which unnumbered was counted
	unnumbered int    // readings without SEQ in it
}

// ended is what happens when the socket is closed.
func (c *conn) ended(err error) {
	if c.speech != nil {
		c.detach(reason(err))
	}
	c.g.leave(c)
}

// reason puts the end of a connection into a word for the log.
func reason(err error) string {
	var ce *ws.CloseError
	switch {
	case !errors.As(err, &ce):
		return "lost"
	case ce.Local && brokenRule(ce.Code):
		return fmt.Sprintf("%d %s", ce.Code, ce.Reason)
	}
	return ""
}

// brokenRule reports whether a close code says that the board did something
// that no server takes: its author wants to see which.
func brokenRule(code uint16) bool {
	switch code {
	case ws.StatusProtocol, ws.StatusBadText, ws.StatusTooBig, ws.StatusPolicy:
		return true
	}
	return false
}

// Message handles one message; package ws calls it on the connection's
// goroutine. What it blocks on stops the reading of this socket alone.
func (c *conn) Message(op ws.Op, p []byte) {
	c.g.stats.Messages.Add(1)
	if c.speech == nil {
		c.speech = &speech{dec: wire.Decoder{Rules: &c.g.o.Rules, MaxDevices: c.g.o.MaxDevices}, yield: c.item}
	}
	c.busy.Store(true)
	c.number++
	c.dec.Decode(op == ws.Binary, p, c.yield)
	c.busy.Store(false)
	c.settle()
}

// settle acknowledges again what the message repeated.
func (c *conn) settle() {
	if !c.owing {
		return
	}
	c.owing = false
	for i := range c.links {
		if l := &c.links[i]; l.owed {
			c.acknowledge(l)
		}
	}
}

// item handles one element of a message; each stands alone.
func (c *conn) item(it *wire.Item) {
	if c.g.draining.Load() || c.over.Load() {
		return // neither taken nor acknowledged: the board keeps it and comes back
	}
	c.hint(it)
	if it.Device == "" {
		c.reject(nil, it.Err)
		return
	}
	if err := c.nothingIn(it); err != nil {
		c.refuse(it, err)
		return
	}
	l, err := c.link(it)
	if err != nil {
		err.Device, err.Boot, err.Seq = it.Device, it.Boot, it.Seq
		c.reject(nil, err)
		return
	}
	if l == nil {
		return // finished, and told so
	}
	if it.Boot != "" && it.Boot != l.boot {
		if l.owed {
			c.acknowledge(l)
		}
		l.boot, l.bad = it.Boot, ""
	}
	if err := c.admit(l, it); err != nil {
		err.Device, err.Boot, err.Seq = it.Device, l.boot, it.Seq
		c.reject(l.dev, err)
	}
}

// nothingIn says why nothing of an item is taken and no SEQ is settled by it,
// whoever sent it; nil when a device has to be asked, or c speaks for it already.
// Such an item takes nobody's connection and makes no device.
func (c *conn) nothingIn(it *wire.Item) *vaiven.Error {
	boot := it.Boot
	if at := c.find(it.Device); at >= 0 {
		if c.links[at].dev.conn.Load() == c {
			return nil
		}
		if boot == "" {
			boot = c.links[at].boot
		}
	}
	switch {
	case it.Kind == wire.Invalid && (it.Seq == 0 || !it.Err.Code.Settles()):
		return it.Err
	case (it.Kind == wire.Invalid || it.Kind == wire.Reading) && it.Seq != 0 && boot == "":
		return noBoot()
	}
	return nil
}

// refuse answers an item of a device that c does not speak for. A board that has
// finished is told that instead.
func (c *conn) refuse(it *wire.Item, err *vaiven.Error) {
	if d := c.g.over(it.Device); d != nil {
		c.finished(d)
		return
	}
	err.Device, err.Boot, err.Seq = it.Device, it.Boot, it.Seq
	c.reject(nil, err)
}

// hint shows each kind of hint once per connection; names that have no column are
// told with the reading.
func (c *conn) hint(it *wire.Item) {
	for _, h := range it.Hints {
		if h.Kind == wire.HintName && len(c.g.o.Columns) > 0 {
			continue
		}
		if !slices.Contains(c.hinted, h.Kind) {
			c.hinted = append(c.hinted, h.Kind)
			c.tell(it.Device, h.Text(c.g.o.Lang))
		}
	}
}

// manyLinks is from how many devices on a connection are looked up in a map.
const manyLinks = 8

// find returns the place of the device's link, -1 if it has none.
func (c *conn) find(d vaiven.Device) int {
	if c.recent < len(c.links) && c.links[c.recent].dev.id == d {
		return c.recent
	}
	if c.index != nil {
		if at, ok := c.index[d]; ok {
			c.recent = at
			return at
		}
		return -1
	}
	for i := range c.links {
		if c.links[i].dev.id == d {
			c.recent = i
			return i
		}
	}
	return -1
}

// add appends a link to dev, and returns its place.
func (c *conn) add(dev *device) int {
	at := len(c.links)
	c.links = append(c.links, link{dev: dev})
	if c.index == nil && len(c.links) > manyLinks {
		c.index = make(map[vaiven.Device]int, 4*manyLinks)
		for i := range c.links {
			c.index[c.links[i].dev.id] = i
		}
	} else if c.index != nil {
		c.index[dev.id] = at
	}
	return at
}

// link returns the connection's link to the item's device, attaching it at its
// first item. It is nil when the device's session is over.
func (c *conn) link(it *wire.Item) (*link, *vaiven.Error) {
	at := c.find(it.Device)
	if at >= 0 && c.links[at].dev.conn.Load() == c {
		return &c.links[at], nil
	}
	if at < 0 && len(c.links) >= c.g.o.MaxDevices {
		return nil, &vaiven.Error{Code: vaiven.CodeTooManyDevices, Hi: float64(c.g.o.MaxDevices), At: -1}
	}
	dev, err := c.attach(it)
	if dev == nil {
		return nil, err
	}
	if at < 0 {
		at = c.add(dev)
	}
	c.links[at].dev = dev // another than before if that was forgotten meanwhile
	return &c.links[at], nil
}

// done says goodbye for good when c speaks for no device that goes on.
func (c *conn) done(text string) {
	if c.active.Load() <= 0 {
		c.goodbye(ws.StatusNormal, text, 0)
	}
}

// goodbye announces a close on purpose, then closes.
func (c *conn) goodbye(code uint16, text string, retry time.Duration) {
	c.send(wire.AppendBye(nil, text, retry))
	c.hangUp(code, text)
}

// hangUp closes: nothing more of c is taken.
func (c *conn) hangUp(code uint16, text string) {
	c.over.Store(true)
	c.ws.Close(code, text)
	if b, ok := c.ws.(*box); ok {
		c.g.visits.drop(b.at, c)
	}
}

// send queues a message for the board. A full queue drops the connection in
// package ws; what was not delivered is learned by the board from WELCOME.
func (c *conn) send(p []byte) {
	_ = c.trySend(p)
}

// trySend is send for whoever has to know whether the message was taken.
func (c *conn) trySend(p []byte) error { return c.ws.Write(ws.Text, p) }

// asError returns err as the domain's error; whatever the log says otherwise
// means for a board: not now.
func asError(err error) *vaiven.Error {
	var e *vaiven.Error
	if errors.As(err, &e) {
		out := *e
		return &out
	}
	return busy()
}

func busy() *vaiven.Error {
	return &vaiven.Error{Code: vaiven.CodeBusy, Retry: busyRetry, At: -1}
}

const busyRetry = 5 * time.Second
