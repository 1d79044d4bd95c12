//go:build suites && linux

package changes

import (
	"maps"
	"slices"
	"sync"
)

// values are states by name.
type values map[string]float64

// asked is one change as whoever asked for it knows it.
type asked struct {
	device  string
	key     string
	states  values
	toggle  []string
	answers []answer
	tries   int // requests, those without an answer included
}

// answer is what the API said: 200, 202 or 412.
type answer struct {
	status int
	rev    uint64
	phase  string
	states values
}

// deed is what a board did.
type deed string

const (
	powered  deed = "powered"  // it was switched on: all states are 0
	applied  deed = "applied"  // what the server wanted
	switched deed = "switched" // somebody pressed its own switch
	reported deed = "reported" // all its states, under a REV or none
	late     deed = "late"     // refused: its time was over
)

// did is one entry of a board's ledger.
type did struct {
	at     int64 // Unix ms
	boot   string
	what   deed
	rev    uint64
	states values
}

// ledger is the witness. Several boards and askers share it.
type ledger struct {
	mu    sync.Mutex
	asked []*asked
	did   map[string][]did
}

func newLedger() *ledger { return &ledger{did: map[string][]did{}} }

// ask notes that a change is about to be asked for.
func (l *ledger) ask(a *asked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, a)
}

// tried notes a request, and its answer if there was one.
func (l *ledger) tried(a *asked, got *answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.tries++
	if got != nil {
		a.answers = append(a.answers, *got)
	}
}

// note writes down what a board does, before it does it.
func (l *ledger) note(device string, d did) {
	d.states = maps.Clone(d.states)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.did[device] = append(l.did[device], d)
}

// history is the ledger as it is now, with the log and the devices at the end.
func (l *ledger) history(events []event, now map[string]standing) *history {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &history{events: events, did: map[string][]did{}, now: now}
	for _, a := range l.asked {
		own := *a
		own.answers = slices.Clone(a.answers)
		h.asked = append(h.asked, own)
	}
	for d, list := range l.did {
		h.did[d] = slices.Clone(list)
	}
	return h
}

// standing is a device at the end: what the API wants of it, and what the board
// is.
type standing struct {
	rev     uint64
	desired values
	open    int
	is      values
}
