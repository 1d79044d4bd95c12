package gateway

import (
	"fmt"
	"math/rand/v2"
	"time"

	"vaiven"
)

// words are what one message of a board says of its states.
type words struct {
	boot   vaiven.Boot
	states []vaiven.Value
	rev    uint64 // 0: none
	kind   wordKind
}

type wordKind uint8

const (
	inReading wordKind = iota
	inHello
	inReport // without REV it may be a person at the board
)

// heard is what follows from words: events to be queued behind the message's
// own, in one record with it, and what to remember once they are queued.
type heard struct {
	words
	events  []vaiven.Event
	sent    []vaiven.Key
	ended   []vaiven.Key
	local   bool
	atRev   uint64 // of the device, when the local change was made
	counted bool   // not history
}

// hear takes up what a board says of its states: which changes it confirms, and
// whether somebody at the board made one. The caller holds d.mu, queues the
// events, and then calls keep.
func (g *Gateway) hear(d *device, w words, stamp vaiven.Stamp) heard {
	h := heard{words: w}
	if len(w.states) == 0 {
		return h
	}
	b := d.back()
	if w.rev != 0 && !b.newest(w.boot, w.rev) {
		return h
	}
	h.counted = true
	want := g.desired(d)
	if w.kind == inReport && w.rev == 0 {
		g.hearLocal(d, &h, want, stamp)
	}
	rev := w.rev
	if rev > want.Rev {
		rev = 0 // of another log, or of another node that is ahead: it confirms nothing here
	}
	b.report(w.states, rev)
	if rev != 0 {
		b.confirm(d.id, &h, want, stamp)
	}
	return h
}

// newest notes the REV of a report; false means that the board reported a higher
// one in this power-up already, so that this one is history.
func (w *way) newest(boot vaiven.Boot, rev uint64) bool {
	if w.boot != boot {
		w.boot, w.rev = boot, 0
	}
	w.answers = true
	if rev < w.rev {
		return false
	}
	w.rev = rev
	return true
}

// maxReported bounds what is remembered of a board that declares ever new states
// on one connection.
const maxReported = 4 * vaiven.MaxStates

// report notes what the states are now.
func (w *way) report(states []vaiven.Value, rev uint64) {
	for _, v := range states {
		s := w.find(v.Name)
		if s == nil && len(w.reported) >= maxReported {
			continue
		}
		if s == nil {
			w.reported = append(w.reported, stated{name: v.Name})
			s = &w.reported[len(w.reported)-1]
		}
		s.num, s.rev = v.Num, rev
	}
}

// confirm ends the changes whose states the board reports under their REV or a
// later one. That the log has them sent comes first.
func (w *way) confirm(id vaiven.Device, h *heard, want vaiven.Desired, stamp vaiven.Stamp) {
	for _, p := range want.Open {
		if !w.matches(p) {
			continue
		}
		if i := indexKey(w.unsaid, p.Key); i >= 0 {
			h.sent = append(h.sent, p.Key)
			h.events = append(h.events, &vaiven.Sent{Stamp: stamp, Device: id, Key: p.Key, Rev: p.Rev})
		}
		h.ended = append(h.ended, p.Key)
		h.events = append(h.events, end(id, p, vaiven.Confirmed, "", stamp))
	}
}

// matches reports whether the board is known to have what p asks for.
func (w *way) matches(p vaiven.Pending) bool {
	for _, v := range p.States {
		if s := w.find(v.Name); s == nil || s.num != v.Num || s.rev < p.Rev {
			return false
		}
	}
	return len(p.States) > 0
}

func end(id vaiven.Device, p vaiven.Pending, how vaiven.Outcome, why string, stamp vaiven.Stamp) *vaiven.ChangeEnd {
	return &vaiven.ChangeEnd{
		Stamp: stamp, Device: id, Key: p.Key, Rev: p.Rev, Outcome: how, Reason: why, States: p.States, By: p.By, Asked: p.Asked,
	}
}

// hearLocal makes a change of what a person did at the board: a state that is
// neither what it ought to be nor what the board said last on this connection.
// The first word on a connection is only what to hold the next against.
func (g *Gateway) hearLocal(d *device, h *heard, want vaiven.Desired, stamp vaiven.Stamp) {
	var states []vaiven.Value
	for _, v := range h.states {
		s := d.way.find(v.Name)
		if s == nil || !s.based || s.base == v.Num {
			continue
		}
		if ought, ok := vaiven.Find(want.States, v.Name); !ok || ought != v.Num {
			states = append(states, v)
		}
	}
	if len(states) == 0 {
		return
	}
	key := vaiven.Key(fmt.Sprintf("%016x", rand.Uint64()))
	h.local, h.atRev = true, want.Rev
	h.events = append(h.events,
		&vaiven.Change{Stamp: stamp, Device: d.id, Key: key, States: states, By: vaiven.ByBoard},
		&vaiven.ChangeEnd{
			Stamp: stamp, Device: d.id, Key: key, Outcome: vaiven.Confirmed, States: states, By: vaiven.ByBoard, Asked: stamp.At,
		})
}

// localWait bounds how long a view that does not come is waited for.
const localWait = 5 * time.Second

// keep remembers what was queued. What the log did not take is not kept: the
// board is asked again, or says it again. The caller holds d.mu.
func (g *Gateway) keep(d *device, h heard) {
	if !h.counted {
		return
	}
	w := d.way
	for _, v := range h.states {
		if s := w.find(v.Name); s != nil && (h.kind != inReading || !s.based) {
			s.base, s.based = v.Num, true
		}
	}
	for _, k := range h.sent {
		if i := indexKey(w.unsaid, k); i >= 0 {
			w.unsaid = append(w.unsaid[:i], w.unsaid[i+1:]...)
		}
		w.sent = append(w.sent, k)
	}
	w.ended = append(w.ended, h.ended...)
	if h.local {
		w.isLocal, w.local, w.localBy = true, h.atRev, g.uptime()+localWait
		g.rounds.wake(d, w.localBy)
	}
	g.stats.Confirmed.Add(uint64(len(h.ended)))
}
