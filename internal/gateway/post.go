package gateway

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"

	"vaiven"
	"vaiven/wire"
)

// PostResult is what became of a message that came by HTTP.
type PostResult struct {
	Readings int // taken, and on disk
	Repeats  int // SEQs that had been taken before
	Reports  int // state reports taken
	Hellos   int
	Refused  int // elements
	NotTaken int // elements that nothing was done about: the same again is no repetition

	Refusal  *vaiven.Error // of the first element that was refused; nil: none
	Messages [][]byte      // for the board, each a JSON object: WELCOME, ACK, desired states, errors, BYE
	Bye      bool          // a session of its is over: it need not come back
}

// post is a message of a board that comes by HTTP.
type post struct {
	g      *Gateway
	remote netip.AddrPort
	binary bool
	body   []byte
	order  []vaiven.Device // as they come in the message
	conns  map[vaiven.Device]*conn
	stray  *conn // for what belongs to no device, or to one too many
	result PostResult

	left atomic.Int64  // appends without a commit, and one while there may be more
	done chan struct{} // closed when there are none
}

// receipt is the owner of what a post appends.
type receipt struct {
	dev  *device
	post *post
}

// Post takes one message of a board over HTTP, CBOR if binary, as Message takes
// one over WebSocket: the same validation, settlement, sessions and limits. It
// returns when all that it admitted is on disk, with what the board is to be
// told. The address and the device together stand for a connection, which lasts
// while requests come.
//
// The error is a *vaiven.Error: too_large, or busy when the server is about to
// stop or something was not taken; or ctx's, and then the board should send
// again. The result holds what is known in either case.
func (g *Gateway) Post(ctx context.Context, remote netip.AddrPort, binary bool, body []byte) (PostResult, error) {
	if len(body) > g.o.MaxMessage {
		return PostResult{}, &vaiven.Error{Code: vaiven.CodeTooLarge, Hi: float64(g.o.MaxMessage), At: -1}
	}
	if !g.join() {
		return PostResult{}, busy()
	}
	defer g.conns.Done()
	g.stats.Messages.Add(1)
	g.stats.Posts.Add(1)
	p := &post{g: g, remote: remote, binary: binary, body: body, conns: make(map[vaiven.Device]*conn), done: make(chan struct{})}
	p.left.Store(1)
	p.stray = g.visitor(remote)
	p.stray.ws.(*box).post = p
	p.look()
	defer p.depart()
	if err := p.arrive(ctx); err != nil {
		return PostResult{}, fmt.Errorf("wait for the board's other request: %w", err)
	}
	p.decode(p.handle)
	for _, c := range p.conns {
		c.settle()
	}
	err := p.wait(ctx)
	p.answer()
	if err == nil && p.result.NotTaken > 0 {
		return p.result, busy()
	}
	return p.result, err
}

// join counts a request among what Shutdown waits for; false when it is too
// late.
func (g *Gateway) join() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.draining.Load() {
		return false
	}
	g.conns.Add(1)
	return true
}

// decode yields the message's elements. They are read twice rather than kept: a
// request may wait long for its turn, and its elements take many times the room
// of its message.
func (p *post) decode(yield func(*wire.Item)) {
	dec := wire.Decoder{Rules: &p.g.o.Rules, MaxDevices: p.g.o.MaxDevices, Declared: func(d vaiven.Device) []string {
		return p.g.visits.declared(place{p.remote.Addr(), d})
	}}
	dec.Decode(p.binary, p.body, yield)
}

// look finds out whose the elements are: that decides who is waited for before
// the first is handled.
func (p *post) look() {
	p.decode(func(it *wire.Item) {
		if it.Device != "" && len(p.order) < p.g.o.MaxDevices && !slices.Contains(p.order, it.Device) {
			p.order = append(p.order, it.Device)
		}
	})
}

// arrive takes the tokens of the devices' visits. That goes by the order of
// their ids, so that two concentrators behind one address never wait for each
// other.
func (p *post) arrive(ctx context.Context) error {
	for _, id := range slices.Sorted(slices.Values(p.order)) {
		for p.conns[id] == nil {
			c := p.g.visit(p.remote, id)
			if c == nil {
				break // too many: refused one by one
			}
			b := c.ws.(*box)
			if err := b.turn(ctx); err != nil {
				return err
			}
			if p.g.visits.find(b.at) != c || !b.enter() {
				<-b.serve // it ended meanwhile
				p.g.visits.drop(b.at, c)
				continue
			}
			_ = b.take() // what an answer did not take along that nobody waited for
			b.post, b.told = p, false
			c.number++
			p.conns[id] = c
		}
	}
	return nil
}

// depart gives the tokens back, and forgets the visits that brought nothing.
func (p *post) depart() {
	for _, c := range p.conns {
		b := c.ws.(*box)
		b.post = nil
		b.leave(p.g.uptime())
		if len(c.links) == 0 || c.links[0].dev.shown.Load() != c {
			c.detach("")
			p.g.visits.drop(b.at, c)
			b.Kill()
		}
		<-b.serve
	}
}

func (p *post) handle(it *wire.Item) {
	c := p.conns[it.Device]
	switch {
	case it.Device == "":
		p.stray.item(it)
	case c == nil && slices.Contains(p.order, it.Device):
		p.turnAway(it, busy())
	case c == nil:
		p.turnAway(it, &vaiven.Error{Code: vaiven.CodeTooManyDevices, Hi: float64(p.g.o.MaxDevices), At: -1})
	case p.g.draining.Load(), c.over.Load() && p.g.over(it.Device) == nil:
		p.result.NotTaken++
	case c.over.Load(): // its session ended on disk in the middle of the message: BYE says so
	default:
		if it.Kind == wire.Hello {
			c.ws.(*box).declare(it.Names)
		}
		c.item(it)
	}
}

func (p *post) turnAway(it *wire.Item, err *vaiven.Error) {
	err.Device, err.Boot, err.Seq = it.Device, it.Boot, it.Seq
	p.stray.reject(nil, err)
}

// wait returns when everything that was admitted is on disk.
func (p *post) wait(ctx context.Context) error {
	p.committed()
	select {
	case <-p.done:
		return nil
	case <-p.g.killed:
		return busy()
	case <-ctx.Done():
		return fmt.Errorf("wait for the commit: %w", ctx.Err())
	}
}

// committed takes one off what is waited for.
func (p *post) committed() {
	if p.left.Add(-1) == 0 {
		close(p.done)
	}
}

// answer collects what the boards are to be told, the desired states included as
// long as a board does not have them: an answer may be lost on its way, and
// there is no connection that would show it.
func (p *post) answer() {
	r := &p.result
	r.Messages = append(r.Messages, p.stray.ws.(*box).take()...)
	for _, id := range p.order {
		c := p.conns[id]
		if c == nil {
			continue
		}
		c.offer()
		r.Messages = append(r.Messages, c.ws.(*box).take()...)
		r.Bye = r.Bye || c.over.Load()
	}
}

// offer puts the desired states of c's device into its box, unless WELCOME has
// brought them.
func (c *conn) offer() {
	if len(c.links) == 0 || c.ws.(*box).told {
		return
	}
	d := c.links[0].dev
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn.Load() != c {
		return
	}
	ask, now := nothingNew, c.g.uptime()
	ask.again = true
	if want, due := c.g.news(d, c, now, ask); due && c.trySend(c.g.message(d, want)) == nil {
		c.g.written(d, want, now)
	}
}

// hasTold notes that the desired states are in the answer.
func (c *conn) hasTold() {
	if b, ok := c.ws.(*box); ok {
		b.told = true
	}
}

// request is the post that c is handled for, nil for a WebSocket.
func (c *conn) request() *post {
	if b, ok := c.ws.(*box); ok {
		return b.post
	}
	return nil
}

// append is Gateway.append for what c was sent: a request waits for its commit.
func (c *conn) append(d *device, events ...vaiven.Event) error {
	p := c.request()
	if p == nil {
		return c.g.append(context.Background(), d, events...)
	}
	p.left.Add(1)
	if err := c.g.appendAs(context.Background(), &receipt{d, p}, events); err != nil {
		p.committed()
		return err
	}
	p.count(events)
	return nil
}

func (p *post) count(events []vaiven.Event) {
	for _, e := range events {
		switch e.(type) {
		case *vaiven.Reading:
			p.result.Readings++
		case *vaiven.Report:
			p.result.Reports++
		case *vaiven.Hello:
			p.result.Hellos++
		}
	}
}

func (p *post) refused(e *vaiven.Error) {
	p.result.Refused++
	if p.result.Refusal == nil {
		p.result.Refusal = e
	}
}
