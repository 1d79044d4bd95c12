package gateway

import (
	"context"
	"sync"
	"time"

	"vaiven"
	"vaiven/wire"
)

const (
	// rejectEvery is how often one kind of bad input of one device is recorded:
	// the first at once, what follows as a count.
	rejectEvery = 30 * time.Second
	// maxRejects bounds the kinds under count; what is beyond is counted without
	// a device.
	maxRejects = 4096
	// errorsPerSecond is how many error messages a connection is sent.
	errorsPerSecond = 20
)

// rejects counts refused messages until they are recorded.
type rejects struct {
	mu      sync.Mutex
	entries map[rejectKey]*rejected
}

// rejectKey names a kind of bad input: of a device, or of an address while the
// device is not known.
type rejectKey struct {
	device vaiven.Device
	from   string
	code   vaiven.Code
}

type rejected struct {
	dev      *device // nil: not known
	count    uint64  // since the last record
	recorded time.Time
	text     string
	remote   string
}

// reject tells the board and, in summary, the log what was wrong. d is nil when
// the device could not be known or does not belong to c.
func (c *conn) reject(d *device, e *vaiven.Error) {
	g := c.g
	g.stats.reject(e.Code)
	if e.Code.ForNow() && e.Retry == 0 {
		e.Retry = busyRetry
	}
	if c.errors.take(time.Now()) {
		c.send(wire.AppendError(nil, e, g.o.Lang))
	}
	key := rejectKey{device: e.Device, code: e.Code}
	if e.Device == "" {
		key.from = c.remote.Addr().String()
	}
	if event, dev := g.rejects.add(key, d, wire.Explain(e, g.o.Lang), c.remote.String(), time.Now()); event != nil {
		event.Stamp = g.o.Stamp()
		g.recordRejected(context.Background(), key, dev, event)
	}
}

// add counts one refusal; the event is not nil when it is to be recorded now.
func (r *rejects) add(key rejectKey, d *device, text, remote string, now time.Time) (*vaiven.Rejected, *device) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[key]
	if e == nil {
		if len(r.entries) >= maxRejects {
			key.device, key.from = "", "others"
			if e = r.entries[key]; e == nil {
				e = &rejected{}
				r.entries[key] = e
			}
		} else {
			e = &rejected{dev: d}
			r.entries[key] = e
		}
	}
	e.count++
	e.text, e.remote = text, remote
	if now.Sub(e.recorded) < rejectEvery {
		return nil, nil
	}
	return e.record(key, now), e.dev
}

// record empties the count into an event.
func (e *rejected) record(key rejectKey, now time.Time) *vaiven.Rejected {
	event := &vaiven.Rejected{Device: key.device, Code: key.code, Count: e.count, Text: e.text, Remote: e.remote}
	e.count, e.recorded = 0, now
	return event
}

// recordRejected appends a summary; one that the log does not take now is
// counted again.
func (g *Gateway) recordRejected(ctx context.Context, key rejectKey, d *device, event *vaiven.Rejected) {
	if d == nil {
		d = &g.nobody
	}
	if err := g.append(ctx, d, event); err != nil {
		g.rejects.mu.Lock()
		if e := g.rejects.entries[key]; e != nil {
			e.count += event.Count
		}
		g.rejects.mu.Unlock()
	}
}

// runRejects records what was counted since the first of its kind, and forgets
// kinds that have stopped.
func (g *Gateway) runRejects(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			g.flushRejects(ctx, now, rejectEvery)
		}
	}
}

func (g *Gateway) flushRejects(ctx context.Context, now time.Time, every time.Duration) {
	type due struct {
		key   rejectKey
		dev   *device
		event *vaiven.Rejected
	}
	var all []due
	g.rejects.mu.Lock()
	for key, e := range g.rejects.entries {
		switch {
		case now.Sub(e.recorded) < every:
		case e.count == 0:
			delete(g.rejects.entries, key)
		default:
			all = append(all, due{key, e.dev, e.record(key, now)})
		}
	}
	g.rejects.mu.Unlock()
	for _, d := range all {
		d.event.Stamp = g.o.Stamp()
		g.recordRejected(ctx, d.key, d.dev, d.event)
	}
}

// errorBudget bounds the error messages of one connection: a flood of bad input
// is counted, not answered message by message.
type errorBudget struct {
	second int64
	used   int
}

func (b *errorBudget) take(now time.Time) bool {
	if s := now.Unix(); s != b.second {
		b.second, b.used = s, 0
	}
	b.used++
	return b.used <= errorsPerSecond
}
