package gateway

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"vaiven"
	"vaiven/wire"
)

// statedIn is what one message of a board says of its states.
type statedIn struct {
	boot   vaiven.Boot
	states []vaiven.Value
	rev    uint64 // 0: none
	kind   statedKind
	full   bool // it confirms changes, and may be one
}

type statedKind uint8

const (
	inReading statedKind = iota
	inHello
	inReport // without REV it may be a person at the board
)

// reportEffects is what follows from what a board says of its states: events to be
// queued behind the message's own, in one record with it, and what to remember once
// they are queued.
type reportEffects struct {
	statedIn
	events    []vaiven.Event
	sent      []vaiven.Key
	confirmed []vaiven.Key
	local     bool   // somebody at the board made a change
	atRev     uint64 // of the device, when it was made
	current   bool   // not history
}

// admitReport takes what a board says of its states, with what follows from it in
// the same record.
func (c *conn) admitReport(m *member, it *wire.Item) *vaiven.Error {
	d, stamp := m.dev, c.g.o.Stamp()
	full := d.warrant.full
	rev := believed(it.Rev, full)
	said := c.g.judgeStates(d, statedIn{m.boot, it.States, rev, inReport, full}, stamp)
	r := &vaiven.Report{Stamp: stamp, Device: d.id, Boot: m.boot, Rev: rev, States: it.States}
	if err := c.append(d, c.arrivalAt(d, stamp), append([]vaiven.Event{r}, said.events...)...); err != nil {
		return asError(err)
	}
	c.g.keepEffects(d, said)
	d.greeting.done = true
	c.peer.deliver(d, c.g.uptime())
	return nil
}

// believed is the REV of a report: none of a board that may confirm nothing, so that no
// view takes it for a confirmation, or counts on behind it.
func believed(rev uint64, full bool) uint64 {
	if !full {
		return 0
	}
	return rev
}

// judgeStates takes up what a board says of its states: which changes it confirms,
// those whose states it reports under their REV or a later one, and whether somebody
// at the board made one. The caller holds d.mu, queues the events, and then calls
// keepEffects.
func (g *Gateway) judgeStates(d *device, in statedIn, stamp vaiven.Stamp) (e reportEffects) {
	e.statedIn = in
	if len(in.states) == 0 {
		return e
	}
	dl := d.delivery
	if dl == nil {
		dl = new(delivery)
		d.delivery = dl
	}
	dl.reportsRev = dl.reportsRev || in.rev != 0
	want := g.desiredOf(d)
	if e.current, _ = dl.Take(in.boot, in.rev, want.Rev, in.states); !e.current {
		return e
	}
	if in.kind == inReport && in.rev == 0 && in.full {
		d.judgeLocal(&e, want, stamp)
	}
	if in.rev == 0 {
		return e
	}
	for _, p := range want.Open {
		if !dl.Confirms(&p) {
			continue
		}
		if slices.Contains(dl.unrecorded, p.Key) { // that the log has it sent comes first
			e.sent = append(e.sent, p.Key)
			e.events = append(e.events, &vaiven.Sent{Stamp: stamp, Device: d.id, Key: p.Key, Rev: p.Rev})
		}
		e.confirmed = append(e.confirmed, p.Key)
		end := p.End(d.id, vaiven.Confirmed, "", stamp)
		e.events = append(e.events, &end)
	}
	return e
}

// judgeLocal makes a change of what a person did at the board: a state that is
// neither what it ought to be nor what the board said last on this connection.
// The first word on a connection is only what to hold the next against.
func (d *device) judgeLocal(e *reportEffects, want vaiven.Desired, stamp vaiven.Stamp) {
	var states []vaiven.Value
	for _, v := range e.states {
		base, ok := vaiven.Find(d.delivery.bases, v.Name)
		if !ok || base == v.Num {
			continue
		}
		if num, ok := vaiven.Find(want.States, v.Name); !ok || num != v.Num {
			states = append(states, v)
		}
	}
	if len(states) == 0 {
		return
	}
	key := vaiven.Key(fmt.Sprintf("%016x", rand.Uint64()))
	e.local, e.atRev = true, want.Rev
	e.events = append(e.events,
		&vaiven.Change{Stamp: stamp, Device: d.id, Key: key, States: states, By: vaiven.ByBoard},
		&vaiven.ChangeEnd{
			Stamp: stamp, Device: d.id, Key: key, Outcome: vaiven.Confirmed, States: states, By: vaiven.ByBoard, Asked: stamp.At,
		})
}

// localWait bounds how long a view that does not come is waited for.
const localWait = 5 * time.Second

// keepEffects remembers what was queued. What the log did not take is not kept: the
// board is asked again, or says it again. The caller holds d.mu.
func (g *Gateway) keepEffects(d *device, e reportEffects) {
	if !e.current {
		return
	}
	dl := d.delivery
	for _, v := range e.states {
		i := slices.IndexFunc(dl.bases, func(b vaiven.Value) bool { return b.Name == v.Name })
		switch {
		case i < 0 && len(dl.bases) < vaiven.MaxReported:
			dl.bases = append(dl.bases, v)
		case i >= 0 && e.kind != inReading:
			dl.bases[i] = v
		}
	}
	if len(e.sent) > 0 {
		dl.unrecorded = slices.DeleteFunc(dl.unrecorded, func(k vaiven.Key) bool { return slices.Contains(e.sent, k) })
		dl.recorded = append(dl.recorded, e.sent...)
	}
	dl.ended = append(dl.ended, e.confirmed...)
	if e.local {
		dl.localOpen, dl.localRev, dl.localBy = true, e.atRev, g.uptime()+localWait
		g.schedule.wake(d, dl.localBy)
	}
	g.stats.Confirmed.Add(uint64(len(e.confirmed)))
}
