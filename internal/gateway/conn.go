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

// conn is what speaks for devices: a board, or a concentrator with several, behind
// a WebSocket ([webSocket]) or coming by HTTP ([presence]). Its fields belong to
// the goroutine that handles its messages, but for the atomic ones.
type conn struct {
	g              *Gateway
	peer           peer
	remote         netip.AddrPort
	opened         time.Duration     // as uptime has it
	shown          *vaiven.Principal // whose token its handshake or request has shown, nil: nobody's
	secure         bool              // nobody between can read it
	*protocolState                   // nil until the first message: a silent connection costs little
	request        *request          // waits for the commit of what is handled; nil: nobody does

	active  atomic.Int32 // devices that it speaks for and whose session goes on
	closing atomic.Bool  // nothing of it is taken any more
}

// peer is what a connection talks through.
type peer interface {
	// send queues a message for the board, and never waits for it. The error means
	// that it was not taken; what was in it the board learns from its next WELCOME.
	send(p []byte) error
	// deliver tells d's board its desired states, if it does not have them, or lets
	// it know that it may ask for them. The caller holds d.mu.
	deliver(d *device, now time.Duration)
	// alive reports whether the board is there, and d is to stay with it against
	// somebody who sends an item of that kind over another. It may wait for the board.
	alive(d *device, against *conn, kind wire.ItemKind) bool
	// hangUp closes behind what was sent.
	hangUp(code uint16, text string)
}

// protocolState is what a connection that has spoken remembers.
type protocolState struct {
	dec           wire.Decoder
	yield         func(*wire.Item) // handleItem, bound once and not once per message
	members       []member
	index         map[vaiven.Device]int // into members, once there are many
	recent        int                   // the member of the last item
	number        uint64                // of the message being handled
	owing         bool                  // a member owes an acknowledgement
	welcomed      bool                  // the message was answered by a WELCOME with the desired states
	hinted        []wire.HintKind       // already given
	withoutColumn []unlistedName        // likewise
	errors        errorBudget
	proofs        proofs
	waiting       []vaiven.Device // that it is known to wait for
}

// member is a device that a connection has spoken for.
type member struct {
	dev     *device
	warrant warrant     // by what it speaks for it
	boot    vaiven.Boot // holds for readings that carry none
	owed    bool        // an acknowledgement is to be written after this message
	bad     string      // why boot was found to be used twice: nothing of it is taken here

	message    uint64 // in which unnumbered was counted
	unnumbered int    // readings without SEQ in it
}

// handleItem handles one element of a message; each stands alone.
func (c *conn) handleItem(it *wire.Item) {
	if c.g.draining.Load() || c.closing.Load() {
		return // neither taken nor acknowledged: the board keeps it and comes back
	}
	if len(it.Hints) > 0 {
		c.showHints(it)
	}
	if it.Device == "" {
		c.reject(nil, it.Err)
		return
	}
	m := c.findMember(it.Device)
	w, err := c.warrantFor(m, it)
	if err != nil {
		c.refuseUnwarranted(m, it, err)
		return
	}
	if m == nil || m.dev.conn.Load() != c {
		if m = c.attachMember(m, it, w); m == nil {
			return
		}
	} else if m.warrant != w {
		m.take(c, w)
	}
	if it.Boot != "" && it.Boot != m.boot {
		if m.owed {
			c.acknowledge(m)
		}
		m.boot, m.bad = it.Boot, ""
	}
	if err := c.admitItem(m, it); err != nil {
		c.rejectItem(m.dev, it, m.boot, err)
	}
}

// rejectItem is reject for an item of a device, of this boot.
func (c *conn) rejectItem(d *device, it *wire.Item, boot vaiven.Boot, err *vaiven.Error) {
	err.Device, err.Boot, err.Seq = it.Device, boot, it.Seq
	c.reject(d, err)
}

// acknowledgeRepeats acknowledges again what the message repeated.
func (c *conn) acknowledgeRepeats() {
	c.owing = false
	for i := range c.members {
		if m := &c.members[i]; m.owed {
			c.acknowledge(m)
		}
	}
}

// showHints shows each kind of hint once per connection; names that have no column
// are told with the reading.
func (c *conn) showHints(it *wire.Item) {
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

// tell queues a notice about a board of c.
func (c *conn) tell(d vaiven.Device, text string) {
	c.g.tell(Notice{Device: d, Remote: address(c.remote), Text: text})
}

// manyMembers is from how many devices on a connection are looked up in a map.
const manyMembers = 8

// findMember returns the member of the device, nil if c has not spoken for it.
func (c *conn) findMember(d vaiven.Device) *member {
	if c.recent < len(c.members) && c.members[c.recent].dev.id == d {
		return &c.members[c.recent]
	}
	if c.index != nil {
		at, ok := c.index[d]
		if !ok {
			return nil
		}
		c.recent = at
		return &c.members[at]
	}
	for i := range c.members {
		if c.members[i].dev.id == d {
			c.recent = i
			return &c.members[i]
		}
	}
	return nil
}

// addMember makes room for a device of which c has not spoken yet.
func (c *conn) addMember(d *device, w warrant) *member {
	c.members = append(c.members, member{dev: d, warrant: w})
	if c.index == nil && len(c.members) > manyMembers {
		c.index = make(map[vaiven.Device]int, 4*manyMembers)
		for i := range c.members {
			c.index[c.members[i].dev.id] = i
		}
	} else if c.index != nil {
		c.index[d.id] = len(c.members) - 1
	}
	return &c.members[len(c.members)-1]
}

// attachMember makes c speak for the item's device at its first item; m is what c
// has of it from before, nil for nothing. The result is nil when c does not speak
// for it, and the board was told why.
func (c *conn) attachMember(m *member, it *wire.Item, w warrant) *member {
	boot := it.Boot
	if boot == "" && m != nil {
		boot = m.boot
	}
	var err *vaiven.Error
	switch {
	case it.Kind == wire.Invalid && (it.Seq == 0 || !it.Err.Code.Settles()):
		err = it.Err
	case (it.Kind == wire.Invalid || it.Kind == wire.Reading) && it.Seq != 0 && boot == "":
		err = noBoot()
	}
	if err != nil {
		// Nothing of it is taken and no SEQ is settled by it, whoever sent it: it
		// takes nobody's connection and makes no device. A board that has finished is
		// told that instead.
		if d := c.g.finishedDevice(it.Device); d != nil {
			c.turnAwayFinished(d)
		} else {
			c.rejectItem(nil, it, it.Boot, err)
		}
		return nil
	}
	if m == nil && len(c.members) >= c.g.o.MaxDevices {
		c.rejectItem(nil, it, it.Boot, c.tooManyDevices())
		return nil
	}
	if m == nil && w.trust == unproven && !c.mayAddUnproven() {
		c.rejectItem(nil, it, it.Boot, c.tooManyUnproven())
		return nil
	}
	d, err := c.takeDevice(it, w)
	switch {
	case err != nil:
		c.rejectItem(nil, it, it.Boot, err)
		return nil
	case d == nil:
		return nil
	case m == nil:
		return c.addMember(d, w)
	}
	m.dev, m.warrant = d, w // another than before if that was forgotten meanwhile
	return m
}

func (c *conn) tooManyDevices() *vaiven.Error {
	return &vaiven.Error{Code: vaiven.CodeTooManyDevices, Hi: float64(c.g.o.MaxDevices), At: -1}
}

// takeDevice makes c the connection that speaks for the item's device; the log
// learns of it with the first thing that is taken. Without an error the device is
// nil if its session is over: the board has been told. A session whose end is not on
// disk yet is not announced as over: c waits for that with whoever was there before.
func (c *conn) takeDevice(it *wire.Item, w warrant) (*device, *vaiven.Error) {
	d, first, err := c.contend(it, w)
	if err != nil {
		return nil, err
	}
	g := c.g
	if w.asked != 0 && w.asked != g.door.generation.Load() { // it may have been taken back
		d.mu.Unlock() // contend locked it
		return nil, busy()
	}
	d.warrant = w
	g.loadSession(d)
	if d.session.ended {
		taken := d.assignTo(c)
		d.mu.Unlock() // contend locked it
		if !taken {
			c.turnAwayFinished(d)
			return nil, nil
		}
		return d, nil
	}
	defer d.mu.Unlock()
	if first != nil {
		g.stats.Takeovers.Add(1)
		t := &d.conflict.takeovers
		t[0], t[1], t[2] = t[1], t[2], time.Now()
		if t[2].Sub(t[0]) < conflictWindow {
			g.recordConflict(d, first, c)
		}
	}
	g.scheduleEnd(d)
	d.boardBoot, d.sleep, d.waitFrom = it.Boot, 0, 0
	d.silent, d.greeting, d.pace.heard = false, greeting{up: -1}, g.uptime()
	if d.delivery != nil {
		d.delivery.beginConnection()
	}
	d.assignTo(c)
	if !d.watched {
		g.watchSilence(d)
	}
	return d, nil
}

const (
	// refusedFor is when a newcomer that was refused should come again, and for how
	// long a board that answered is not asked again for another newcomer.
	refusedFor = 5 * time.Second
	// conflictWindow is the stretch in which three takeovers are a conflict, and
	// how often the same conflict is recorded.
	conflictWindow = time.Minute
)

// conflict remembers how often a device's connection was contended.
type conflict struct {
	takeovers [3]time.Time // the last ones, oldest first
	shown     time.Time    // when a conflict was last recorded
}

// contend decides whether c may speak for the item's device, and returns it with
// its mu held if so, and the connection that c takes it from, if any. A board that
// reconnects with its BOOT from the same address takes over at once: BOOT is no
// secret. So does one that proves its token from one that has not. Otherwise the first
// connection is asked, and only its silence frees the device. The wait blocks the
// newcomer's peer alone.
func (c *conn) contend(it *wire.Item, w warrant) (*device, *conn, *vaiven.Error) {
	d := c.g.lockDevice(it.Device, false)
	if d == nil {
		return nil, nil, busy()
	}
	first := d.holder(c)
	_, over := d.sessionOver()
	same := it.Boot != "" && it.Boot == d.boardBoot && first != nil && first.remote.Addr() == c.remote.Addr()
	if first == nil || over || same && w.trust >= d.warrant.trust || w.trust == proven && d.warrant.trust < proven {
		return d, first, nil
	}
	d.mu.Unlock()
	alive := first.peer.alive(d, c, it.Kind)
	d.mu.Lock()
	now := d.holder(c)
	if !d.gone && (now == nil || now == first && !alive) {
		return d, now, nil
	}
	defer d.mu.Unlock()
	if d.gone {
		return nil, nil, busy()
	}
	c.g.recordConflict(d, now, c)
	return nil, nil, inUse(now)
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

// arrival is what the log learns with the first thing of a connection that it
// takes: that the board is there, and that its session begins. What is refused is
// no board's arrival.
type arrival struct {
	events  []vaiven.Event // none: the log has it
	session bool           // a session begins with it
}

// arrivalAt is c's arrival at d. The caller holds d.mu, and appends it.
func (c *conn) arrivalAt(d *device, stamp vaiven.Stamp) (a arrival) {
	if d.recorded.Load() == c {
		return arrival{}
	}
	a.events = []vaiven.Event{&vaiven.Presence{Stamp: stamp, Device: d.id, Connected: true, Remote: address(c.remote)}}
	if start := c.g.startSession(d, c.opened, stamp); start != nil {
		a.events, a.session = append(a.events, start), true
	}
	return a
}

// append queues events of d behind the arrival, in one record: a board of which
// nothing is taken in the end has not arrived. A request waits for the commit. The
// caller holds d.mu.
func (c *conn) append(d *device, a arrival, events ...vaiven.Event) error {
	if a.events != nil {
		events = append(a.events, events...)
	}
	m := c.findMember(d.id)
	use := c.firstUse(m)
	if use != nil {
		events = append([]vaiven.Event{use}, events...)
	}
	var err error
	if c.request != nil {
		err = c.request.append(d, events)
	} else {
		err = c.g.append(context.Background(), d, events)
	}
	if err == nil && use != nil {
		m.warrant.first = ""
	}
	switch {
	case err != nil && a.session:
		d.session = session{from: d.session.from} // it has not begun
	case err == nil && a.events != nil:
		d.recorded.Store(c)
		d.departure = nil
		c.g.scheduleEnd(d)
	}
	return err
}

// turnAwayFinished tells a board that came back after the end of its session, at
// the price of one message.
func (c *conn) turnAwayFinished(d *device) {
	text, _ := d.sessionOver()
	c.g.stats.Finished.Add(1)
	if !d.returnTold.Swap(true) {
		c.tell(d.id, text+c.g.o.Lang.Say(
			": came back after its session ended; `vaiven session new "+string(d.id)+"` starts another",
			": volvió después de terminar su sesión; `vaiven session new "+string(d.id)+"` empieza otra"))
	}
	c.closeIfFinished(text)
}

// closeIfFinished says goodbye for good when c speaks for no device that goes on.
func (c *conn) closeIfFinished(text string) {
	if c.active.Load() <= 0 {
		c.sayGoodbye(ws.StatusNormal, text, 0)
	}
}

// sayGoodbye announces a close on purpose, then closes.
func (c *conn) sayGoodbye(code uint16, text string, retry time.Duration) {
	_ = c.peer.send(wire.AppendBye(nil, text, retry))
	c.close(code, text)
}

// close hangs up: nothing more of c is taken.
func (c *conn) close(code uint16, text string) {
	c.closing.Store(true)
	c.peer.hangUp(code, text)
}

// detach says in the log that the devices of c are gone, unless another
// connection speaks for them already.
func (c *conn) detach(why string) {
	wait := endWait
	for i := range c.members {
		d := c.members[i].dev
		d.mu.Lock()
		if d.conn.Load() == c && !c.lose(d, why, wait) {
			wait = retryWait // a concentrator's other devices do not wait as long again
		}
		d.mu.Unlock()
	}
}

// lose takes d from c; false means that the log did not take that yet. The caller
// holds d.mu.
func (c *conn) lose(d *device, why string, wait time.Duration) bool {
	d.unassign()
	d.idleSince = c.g.uptime()
	c.g.schedule.wake(d, d.idleSince+forgetAfter)
	if from := d.recorded.Swap(nil); from != nil {
		d.departure = &vaiven.Presence{Stamp: c.g.o.Stamp(), Device: d.id, Remote: address(from.remote), Reason: why, Sleep: d.sleep}
	}
	return c.g.recordDeparture(d, wait)
}

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

// inUse tells a board that another connection speaks for its device.
func inUse(by *conn) *vaiven.Error {
	return &vaiven.Error{Code: vaiven.CodeDeviceInUse, Got: address(by.remote), Retry: refusedFor, At: -1}
}

// statusInUse is the protocol's close code for a device that another connection
// speaks for now.
const statusInUse uint16 = 4409
