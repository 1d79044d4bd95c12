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
	b.answers = b.answers || w.rev != 0
	want := g.desired(d)
	took, _ := b.Take(w.boot, w.rev, want.Rev, w.states)
	if !took {
		return h
	}
	h.counted = true
	if w.kind == inReport && w.rev == 0 {
		g.hearLocal(d, &h, want, stamp)
	}
	if w.rev != 0 {
		b.confirm(d.id, &h, want, stamp)
	}
	return h
}

// confirm ends the changes whose states the board reports under their REV or a
// later one. That the log has them sent comes first.
func (w *way) confirm(id vaiven.Device, h *heard, want vaiven.Desired, stamp vaiven.Stamp) {
	for _, p := range want.Open {
		if !w.Confirms(&p) {
			continue
		}
		if i := indexKey(w.unsaid, p.Key); i >= 0 {
			h.sent = append(h.sent, p.Key)
			h.events = append(h.events, &vaiven.Sent{Stamp: stamp, Device: id, Key: p.Key, Rev: p.Rev})
		}
		h.ended = append(h.ended, p.Key)
		end := p.End(id, vaiven.Confirmed, "", stamp)
		h.events = append(h.events, &end)
	}
}

// hearLocal makes a change of what a person did at the board: a state that is
// neither what it ought to be nor what the board said last on this connection.
// The first word on a connection is only what to hold the next against.
func (g *Gateway) hearLocal(d *device, h *heard, want vaiven.Desired, stamp vaiven.Stamp) {
	var states []vaiven.Value
	for _, v := range h.states {
		base, ok := vaiven.Find(d.way.bases, v.Name)
		if !ok || base == v.Num {
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
		w.base(v, h.kind != inReading)
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
		g.schedule.wake(d, w.localBy)
	}
	g.stats.Confirmed.Add(uint64(len(h.ended)))
}
