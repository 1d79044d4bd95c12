package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"vaiven"
	"vaiven/wire"
)

const (
	// rejectEvery is how often one kind of bad input of one device is recorded:
	// the first at once, what follows as a count.
	rejectEvery = 30 * time.Second
	// summaryEvery is how often it is looked whether there is something to record.
	summaryEvery = time.Second
	// maxRejects bounds the kinds under count; what is beyond is counted without
	// a device.
	maxRejects = 4096
	// recordBurst is how many kinds are recorded at once, recordRate how many a
	// second in the long run, whoever sends them: bad input under ever new names
	// must not fill the log. The others wait, counted.
	recordBurst = 256
	recordRate  = 4
)

// rejects counts refused messages until they are recorded.
type rejects struct {
	heapSlot // in the schedule

	mu      sync.Mutex
	entries map[rejectKey]*rejected
	room    float64       // records that may be written now
	filled  time.Duration // when room was added last, as uptime has it
}

// rejectKey names a kind of bad input: of a device, or of an address while the
// device is not known. With neither it stands for all that are too many.
type rejectKey struct {
	device vaiven.Device
	from   netip.Addr
	reason string // a kind of its own within code: nan is not a quoted number
	code   vaiven.Code
}

type rejected struct {
	dev      *device       // nil: not known
	count    uint64        // since the last record
	recorded time.Duration // when, as uptime has it
	last     *vaiven.Error
	remote   netip.AddrPort // of the last
}

// reject tells the board and, in summary, the log what was wrong. d is nil when
// the device could not be known or does not belong to c.
func (c *conn) reject(d *device, e *vaiven.Error) {
	g := c.g
	if c.request != nil {
		c.request.noteRefusal(e)
	}
	if e.Code.ForNow() && e.Retry == 0 {
		e.Retry = busyRetry
	}
	answer, last := c.errors.allowError(e, time.Now(), len(c.members), g.o.MaxDevices)
	if answer {
		_ = c.peer.send(wire.AppendError(nil, e, g.o.Lang))
	}
	if last && e.Code != vaiven.CodeNotApproved { // told once: what is wrong is counted from now on, and seldom answered
		many := &vaiven.Error{
			Code: vaiven.CodeTooFast, Reason: wire.ReasonErrors, Hi: deviceErrors, At: -1, Device: e.Device, Retry: errorEvery,
		}
		_ = c.peer.send(wire.AppendError(nil, many, g.o.Lang))
		c.tell(e.Device, wire.Explain(many, g.o.Lang))
	}
	g.countRefusal(d, c.remote, e)
}

// Refused counts what was refused from an address before a board was known, and
// records it as bad messages are: the first of each kind at once, then a count.
func (g *Gateway) Refused(remote netip.AddrPort, e *vaiven.Error) {
	g.countRefusal(nil, remote, e)
}

// RefusedRequest is Refused for an HTTP request.
func (g *Gateway) RefusedRequest(r *http.Request, e *vaiven.Error) { g.Refused(g.Remote(r), e) }

// countRefusal counts a refusal, and records it if it is the first of its kind.
func (g *Gateway) countRefusal(d *device, remote netip.AddrPort, e *vaiven.Error) {
	g.stats.countRejected(e.Code)
	if e.Code == vaiven.CodeNotApproved && e.Reason == "" {
		return // who waits is in the list of those, and counted there
	}
	key := rejectKey{device: e.Device, code: e.Code, reason: e.Reason}
	if key.device == "" || ofAddress(e) {
		key.device, key.from, d = "", remote.Addr(), nil
	}
	now := g.uptime()
	due, first := g.rejects.count(key, d, e, remote, now)
	if first {
		g.schedule.wake(&g.rejects, now+summaryEvery)
	}
	if due != nil {
		g.recordRejected(context.Background(), key, due)
	}
}

// ofAddress reports whether a refusal says something of who sent it, and nothing of a
// device: the ids of those that are refused are anybody's.
func ofAddress(e *vaiven.Error) bool {
	return e.Reason == wire.ReasonFull || e.Reason == wire.ReasonNewcomers
}

// count counts one refusal; due is not nil when it is to be recorded now, and first
// tells that nothing was under count before.
func (r *rejects) count(key rejectKey, d *device, err *vaiven.Error, remote netip.AddrPort, now time.Duration) (due *rejected, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[key]
	if e == nil && len(r.entries) >= maxRejects {
		key, d = rejectKey{code: key.code}, nil
		e = r.entries[key]
	}
	first = len(r.entries) == 0
	if e == nil {
		e = &rejected{dev: d, recorded: now - rejectEvery}
		r.entries[key] = e
	}
	e.count++
	e.last, e.remote = err, remote
	return r.dueRecord(e, now, rejectEvery), first
}

// dueRecord empties the entry into a copy if it is to be recorded now.
func (r *rejects) dueRecord(e *rejected, now, every time.Duration) *rejected {
	if e.count == 0 || now-e.recorded < every {
		return nil
	}
	r.room = min(r.room+(now-r.filled).Seconds()*recordRate, recordBurst)
	r.filled = now
	if every > 0 && r.room < 1 {
		return nil
	}
	r.room--
	out := *e
	e.count, e.recorded = 0, now
	return &out
}

// recordRejected appends a summary; one that the log does not take now is counted
// again.
func (g *Gateway) recordRejected(ctx context.Context, key rejectKey, r *rejected) {
	owner := r.dev
	if owner == nil {
		owner = &g.nobody
	}
	event := &vaiven.Rejected{
		Stamp: g.o.Stamp(), Device: key.device, Code: key.code, Count: r.count,
		Text: wire.Explain(r.last, g.o.Lang), Remote: address(r.remote),
	}
	if err := g.append(ctx, owner, []vaiven.Event{event}); err != nil {
		g.rejects.mu.Lock()
		defer g.rejects.mu.Unlock()
		if e := g.rejects.entries[key]; e != nil {
			e.count += r.count
		}
	}
}

// takeTurn records what was counted since the first of its kind, and forgets kinds
// that have stopped.
func (r *rejects) takeTurn(in *round) (next time.Duration, busy bool) {
	ctx, cancel := context.WithTimeout(context.Background(), endWait)
	defer cancel()
	if in.g.recordSummaries(ctx, in.now, rejectEvery) {
		return never, false
	}
	return in.now + summaryEvery, false
}

// recordSummaries records what was counted and not recorded for so long; 0 means
// everything, whatever it takes. It reports whether nothing is left under count.
func (g *Gateway) recordSummaries(ctx context.Context, now, every time.Duration) (none bool) {
	r := &g.rejects
	due := make(map[rejectKey]*rejected)
	r.mu.Lock()
	for key, e := range r.entries {
		if x := r.dueRecord(e, now, every); x != nil {
			due[key] = x
		} else if e.count == 0 && now-e.recorded >= every {
			delete(r.entries, key)
		}
	}
	none = len(r.entries) == 0
	r.mu.Unlock()
	for key, x := range due {
		g.recordRejected(ctx, key, x)
	}
	return none
}

const (
	// errorsPerSecond is how many error messages a connection is sent, and one more
	// for each device that it speaks for. Refusals for now have a budget of their
	// own, as large as the devices that it may speak for: each of them waits to be
	// told when to come again.
	errorsPerSecond = 20
	// deviceErrors is how many error messages a device is sent on a connection one
	// after the other, and errorEvery how often another in the long run: a board that
	// answers every error with the same message is not played with for ever.
	deviceErrors = 20
	errorEvery   = busyRetry
)

// errorBudget bounds the error messages of one connection: a flood of bad input is
// counted, not answered message by message.
type errorBudget struct {
	forGood, forNow perSecond
	devices         map[vaiven.Device]*deviceBudget // as many as one connection speaks for; "" stands for the others
}

// deviceBudget bounds those of one device.
type deviceBudget struct {
	left int
	at   time.Time // when one was added last
	told bool      // that no more are sent, since the budget was full
}

// allowError reports whether e is answered, and whether it is the last for now, which
// is to be told. What settles a SEQ counts for the connection alone: it does not come
// again.
func (b *errorBudget) allowError(e *vaiven.Error, now time.Time, members, devices int) (answer, last bool) {
	if e.Reason == wire.ReasonFlood && e.Lo > 1 {
		return false, false // said of the first in the message
	}
	if e.Code.ForNow() {
		answer = b.forNow.allowSecond(now, devices)
	} else {
		answer = b.forGood.allowSecond(now, errorsPerSecond+members)
	}
	if !answer || e.Seq != 0 && e.Code.Settles() {
		return answer, false
	}
	return b.budgetOf(e.Device, now, devices).allowDevice(now)
}

// budgetOf is the device's own budget.
func (b *errorBudget) budgetOf(d vaiven.Device, now time.Time, devices int) *deviceBudget {
	if b.devices[d] == nil && len(b.devices) >= devices {
		d = ""
	}
	x := b.devices[d]
	if x == nil {
		if b.devices == nil {
			b.devices = make(map[vaiven.Device]*deviceBudget, 1)
		}
		x = &deviceBudget{left: deviceErrors, at: now}
		b.devices[d] = x
	}
	return x
}

// allowDevice reports whether the device is sent another error, and whether it is the
// last for now.
func (x *deviceBudget) allowDevice(now time.Time) (answer, last bool) {
	if n := now.Sub(x.at) / errorEvery; n > 0 {
		x.left = min(x.left+int(min(n, deviceErrors)), deviceErrors)
		x.at = x.at.Add(n * errorEvery)
	}
	if x.left == 0 {
		return false, false
	}
	if x.left == deviceErrors {
		x.told = false
	}
	x.left--
	last = x.left == 0 && !x.told
	x.told = x.told || last
	return true, last
}

// perSecond bounds what is sent within a second of the clock.
type perSecond struct {
	second int64
	used   int
}

func (b *perSecond) allowSecond(now time.Time, limit int) bool {
	if s := now.Unix(); s != b.second {
		b.second, b.used = s, 0
	}
	b.used++
	return b.used <= limit
}
