package gateway

import (
	"context"
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
	heapPlace // in the schedule

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
	if p := c.request(); p != nil {
		p.refused(e)
	}
	now := time.Now()
	forNow := e.Code.ForNow()
	if forNow && e.Retry == 0 {
		e.Retry = busyRetry
	}
	answer, last := c.errors.take(e, now, len(c.links), g.o.MaxDevices)
	if answer {
		c.send(wire.AppendError(nil, e, g.o.Lang))
	}
	if last {
		c.tooManyErrors(e)
	}
	g.refuse(d, c.remote, e)
}

// add counts one refusal; due is not nil when it is to be recorded now, and first
// tells that nothing was under count before.
func (r *rejects) add(key rejectKey, d *device, err *vaiven.Error, remote netip.AddrPort, now time.Duration) (due *rejected, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[key]
	if e == nil && len(r.entries) >= maxRejects {
		key, d = rejectKey{code: key.code}, nil
		e = r.entries[key]
	}
	if first = len(r.entries) == 0; e == nil {
		e = &rejected{dev: d, recorded: now - rejectEvery}
		r.entries[key] = e
	}
	e.count++
	e.last, e.remote = err, remote
	return r.due(e, now, rejectEvery), first
}

// due empties the entry into a copy if it is to be recorded now.
func (r *rejects) due(e *rejected, now, every time.Duration) *rejected {
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
// again, and false.
func (g *Gateway) recordRejected(ctx context.Context, key rejectKey, r *rejected) bool {
	owner := r.dev
	if owner == nil {
		owner = &g.nobody
	}
	event := &vaiven.Rejected{
		Stamp: g.o.Stamp(), Device: key.device, Code: key.code, Count: r.count,
		Text: wire.Explain(r.last, g.o.Lang), Remote: address(r.remote),
	}
	if err := g.append(ctx, owner, event); err != nil {
		g.rejects.mu.Lock()
		defer g.rejects.mu.Unlock()
		if e := g.rejects.entries[key]; e != nil {
			e.count += r.count
		}
		return false
	}
	return true
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
		if x := r.due(e, now, every); x != nil {
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
