package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

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

// request is a message of a board that comes by HTTP.
type request struct {
	g         *Gateway
	from      Sender
	binary    bool
	body      []byte
	order     []vaiven.Device // as they come in the message
	presences map[vaiven.Device]*presence
	stray     *presence // for what belongs to no device, or to one too many
	unproven  bool      // there were too many devices in it without proof
	offers    []*offer  // tokens that go into the answer
	result    PostResult

	uncommitted atomic.Int64  // appends without a commit, and one while there may be more
	done        chan struct{} // closed when there are none
}

// receipt is the owner of what a request appends.
type receipt struct {
	dev     *device
	request *request
}

// Post takes one message of a board over HTTP, CBOR if binary, as a [webSocket]
// takes one: the same validation, settlement, sessions and limits. It returns when
// all that it admitted is on disk, with what the board is to be told. The address
// and the device together stand for a connection, which lasts while requests come.
//
// The error is a *vaiven.Error: too_large, or busy when the server is about to
// stop or something was not taken; or ctx's, and then the board should send
// again. The result holds what is known in either case.
func (g *Gateway) Post(ctx context.Context, from Sender, binary bool, body []byte) (PostResult, error) {
	if len(body) > g.o.MaxMessage {
		return PostResult{}, &vaiven.Error{Code: vaiven.CodeTooLarge, Hi: float64(g.o.MaxMessage), At: -1}
	}
	if !g.countRequest() {
		return PostResult{}, busy()
	}
	defer g.conns.Done()
	g.stats.Messages.Add(1)
	g.stats.Posts.Add(1)
	g.awaitPosted(ctx, from.Remote.Addr(), len(body))
	q := &request{
		g: g, from: from, binary: binary, body: body,
		presences: make(map[vaiven.Device]*presence), stray: g.newPresence(from.Remote), done: make(chan struct{}),
	}
	q.uncommitted.Store(1)
	q.stray.request = q
	// Whose the elements are decides who is waited for before the first is handled.
	q.decode(func(it *wire.Item) {
		if it.Device != "" && len(q.order) < g.o.MaxDevices && !slices.Contains(q.order, it.Device) {
			q.order = append(q.order, it.Device)
		}
	})
	q.dropUnproven()
	defer q.leavePresences()
	if err := q.enterPresences(ctx); err != nil {
		return PostResult{}, fmt.Errorf("wait for the board's other request: %w", err)
	}
	q.decode(q.handleItem)
	for _, p := range q.presences {
		if p.owing {
			p.acknowledgeRepeats()
		}
	}
	err := q.awaitCommits(ctx)
	q.awaitOffers(ctx)
	q.collectMessages()
	if err == nil && q.result.NotTaken > 0 {
		return q.result, busy()
	}
	return q.result, err
}

// countRequest counts a request among what Shutdown waits for; false when it is
// too late.
func (g *Gateway) countRequest() bool {
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
func (q *request) decode(yield func(*wire.Item)) {
	dec := wire.Decoder{Rules: &q.g.o.Rules, MaxDevices: q.g.o.MaxDevices, Declared: func(d vaiven.Device) []string {
		return q.g.statesDeclared(q.from.Remote, d)
	}}
	dec.Decode(q.binary, q.body, yield)
}

// enterPresences takes the tokens of the devices' presences. That goes by the order
// of their ids, so that two concentrators behind one address never wait for each
// other.
func (q *request) enterPresences(ctx context.Context) error {
	for _, id := range slices.Sorted(slices.Values(q.order)) {
		for q.presences[id] == nil {
			p := q.g.presenceOf(q.from.Remote, id)
			if p == nil {
				break // too many: refused one by one
			}
			if err := p.awaitToken(ctx); err != nil {
				return err
			}
			if q.g.presences.find(p.key) != p || !p.beginRequest() {
				<-p.token // it ended meanwhile
				q.g.presences.forget(p)
				continue
			}
			_ = p.takeOutbox() // what an answer did not take along that nobody waited for
			p.request, p.welcomed = q, false
			p.shown, p.secure = q.from.By, q.from.Secure
			p.number++
			q.presences[id] = p
		}
	}
	return nil
}

// dropUnproven leaves out devices for which nothing was shown, beyond those that one
// connection may speak for, unless one in the message is a concentrator: where that has a
// token, one that was proven.
func (q *request) dropUnproven() {
	a, n := q.g.o.Access, 0
	if by := q.from.By; by != nil && by.Board != "" && a.Standing(by.Board).Concentrator {
		return
	}
	if len(q.order) <= q.g.o.MaxUnproven || slices.ContainsFunc(q.order, func(d vaiven.Device) bool {
		st := a.Standing(d)
		return st.Concentrator && (!st.Verified || q.isProven(d))
	}) {
		return
	}
	all := len(q.order)
	q.order = slices.DeleteFunc(q.order, func(d vaiven.Device) bool {
		if w, _ := q.g.judge(d, q.from.By, ""); w.trust > unproven || a.Standing(d).Verified {
			return false
		}
		n++
		return n > q.g.o.MaxUnproven
	})
	q.unproven = len(q.order) < all
}

// isProven reports whether the device's token was proven at this address, and its board has
// counted as connected since.
func (q *request) isProven(id vaiven.Device) bool {
	p, d := q.g.presences.find(presenceKey{q.from.Remote.Addr(), id}), q.g.connectedDevice(id)
	if p == nil || d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conn.Load() == &p.conn && d.warrant.trust == proven
}

// offerWait bounds how long an answer waits for the log's view to have a token that goes
// along in it; the board is given it with its next HELLO otherwise.
const offerWait = 5 * time.Second

// awaitOffers returns when the tokens that were made for boards in the message are in
// their outboxes.
func (q *request) awaitOffers(ctx context.Context) {
	if len(q.offers) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, offerWait)
	defer cancel()
	for _, o := range q.offers {
		select {
		case <-o.ready:
		case <-ctx.Done():
			return
		}
	}
}

// leavePresences gives the tokens back, and forgets the presences that brought
// nothing.
func (q *request) leavePresences() {
	for _, p := range q.presences {
		p.request, p.shown = nil, nil
		if len(p.members) > 0 && p.members[0].dev.recorded.Load() == &p.conn {
			p.mu.Lock()
			p.dev = p.members[0].dev
			p.mu.Unlock()
			p.endRequest()
		} else {
			p.endRequest()
			p.detach("")
			p.hangUp(statusGone, "")
		}
		<-p.token
	}
}

// handleItem hands an element to the presence of its device.
func (q *request) handleItem(it *wire.Item) {
	p := q.presences[it.Device]
	switch {
	case it.Device == "":
		q.stray.handleItem(it)
	case p == nil && slices.Contains(q.order, it.Device):
		q.stray.rejectItem(nil, it, it.Boot, busy())
	case p == nil && q.unproven:
		q.stray.rejectItem(nil, it, it.Boot, q.stray.tooManyUnproven())
	case p == nil:
		q.stray.rejectItem(nil, it, it.Boot, q.stray.tooManyDevices())
	case q.g.draining.Load(), p.closing.Load() && q.g.finishedDevice(it.Device) == nil:
		q.result.NotTaken++
	case p.closing.Load(): // its session ended on disk in the middle of the message: BYE says so
	default:
		if it.Kind == wire.Hello {
			p.mu.Lock()
			p.declared = it.Names
			p.mu.Unlock()
		}
		p.handleItem(it)
	}
}

// append appends events of d, whose commit the request waits for.
func (q *request) append(d *device, events []vaiven.Event) error {
	q.uncommitted.Add(1)
	if err := q.g.append(context.Background(), &receipt{d, q}, events); err != nil {
		q.noteCommit()
		return err
	}
	for _, e := range events {
		switch e.(type) {
		case *vaiven.Reading:
			q.result.Readings++
		case *vaiven.Report:
			q.result.Reports++
		case *vaiven.Hello:
			q.result.Hellos++
		}
	}
	return nil
}

// noteRefusal counts an element that was refused.
func (q *request) noteRefusal(e *vaiven.Error) {
	q.result.Refused++
	if q.result.Refusal == nil {
		q.result.Refusal = e
	}
}

// awaitCommits returns when everything that was admitted is on disk.
func (q *request) awaitCommits(ctx context.Context) error {
	q.noteCommit()
	select {
	case <-q.done:
		return nil
	case <-q.g.killed:
		return busy()
	case <-ctx.Done():
		return fmt.Errorf("wait for the commit: %w", ctx.Err())
	}
}

// noteCommit takes one off what is waited for.
func (q *request) noteCommit() {
	if q.uncommitted.Add(-1) == 0 {
		close(q.done)
	}
}

// collectMessages collects what the boards are to be told, the desired states
// included as long as a board does not have them: an answer may be lost on its way,
// and there is no connection that would show it.
func (q *request) collectMessages() {
	r := &q.result
	r.Messages = append(r.Messages, q.stray.takeOutbox()...)
	for _, id := range q.order {
		p := q.presences[id]
		if p == nil {
			continue
		}
		if len(p.members) > 0 && !p.welcomed {
			p.offerDesired(p.members[0].dev)
		}
		r.Messages = append(r.Messages, p.takeOutbox()...)
		r.Bye = r.Bye || p.closing.Load()
	}
}

// offerDesired puts d's desired states into the outbox.
func (p *presence) offerDesired(d *device) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn.Load() != &p.conn {
		return
	}
	ask, now := nothingNew, p.g.uptime()
	ask.again = true
	if want, due := p.g.dueDesired(d, &p.conn, now, ask); due && p.send(p.g.desiredMessage(d, want)) == nil {
		p.g.noteDelivered(d, want, now)
	}
}

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
// board speaks for the device, not_authorised and the like when who asks has not shown
// what it takes, busy when the server is about to stop.
func (g *Gateway) AwaitDesired(ctx context.Context, from Sender, id vaiven.Device, rev uint64) ([]byte, error) {
	if !g.countRequest() {
		return nil, busy()
	}
	defer g.conns.Done()
	p := g.presences.find(presenceKey{from.Remote.Addr(), id})
	if p == nil || !p.beginRequest() {
		return nil, g.notPosted(id)
	}
	defer p.endRequest()
	for {
		news := p.nextNews() // before looking: what changes from here on wakes
		m, err := p.newsFor(from.By, id, rev)
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

// notPosted says why a device's desired states are not given to whoever asks.
func (g *Gateway) notPosted(id vaiven.Device) error {
	if g.draining.Load() {
		return busy()
	}
	if d := g.connectedDevice(id); d != nil {
		if c := d.conn.Load(); c != nil {
			return inUse(c)
		}
	}
	return ErrNotPosted
}

// newsFor returns what there is to tell the board now, nil for nothing.
func (p *presence) newsFor(by *vaiven.Principal, id vaiven.Device, rev uint64) ([]byte, error) {
	g := p.g
	d := g.connectedDevice(id)
	if d == nil || p.closing.Load() || g.draining.Load() {
		return nil, g.notPosted(id)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch c := d.conn.Load(); {
	case c == nil:
		return nil, ErrNotPosted
	case c != &p.conn:
		return nil, inUse(c)
	}
	if _, err := g.judge(id, by, d.warrant.proof); err != nil {
		return nil, err
	}
	now := g.uptime()
	want, due := g.dueDesired(d, &p.conn, now, desiredAsk{above: rev})
	if !due {
		return nil, nil
	}
	m := g.desiredMessage(d, want)
	g.noteDelivered(d, want, now)
	return m, nil
}
