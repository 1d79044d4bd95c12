package gateway

import (
	"slices"
	"time"

	"vaiven"
)

// way is the way back to a board: what it says of its states, and what it was
// told. A device gets one when it first has a state, or one is wanted of it; it
// belongs to the device's mu.
type way struct {
	// What the board has reported, on the present connection or since the last HELLO
	// on it; the boot and the REV outlive it.
	vaiven.ReportedStates
	// bases are what a change made at the board is held against: what the last report
	// or HELLO said, or the first reading.
	bases []vaiven.Value

	wrote   *wrote        // what was written to it last, nil: nothing
	tries   int           // how often that was repeated
	due     time.Duration // when it is written again, as uptime has it; 0: not by itself
	local   uint64        // a change made at the board, queued when REV was this, is not in the view yet
	isLocal bool
	localBy time.Duration // not waited for longer

	answers bool // it reports with REV

	until  time.Duration // the earliest of limits, as uptime has it
	limits []limit

	// Of this process, as long as the view has the changes open.
	sent   []vaiven.Key // their Sent is in the log's queue
	unsaid []vaiven.Key // written to a socket, but the log was busy
	ended  []vaiven.Key // their end is in the log's queue
}

// limit is the deadline of an open change on a clock that nobody sets.
type limit struct {
	key vaiven.Key
	by  time.Duration // as uptime has it
}

// wrote is a desired message as far as it would be worth repeating.
type wrote struct {
	rev    uint64
	until  int64
	states []vaiven.Value
}

func wrotten(w vaiven.Desired) *wrote { return &wrote{w.Rev, w.Until, slices.Clone(w.States)} }

// is reports whether want would be the same message again.
func (w *wrote) is(want vaiven.Desired) bool {
	return w != nil && w.rev == want.Rev && w.until == want.Until && slices.Equal(w.states, want.States)
}

// back returns d's way, which is made if there is none. The caller holds d.mu.
func (d *device) back() *way {
	if d.way == nil {
		d.way = new(way)
	}
	return d.way
}

// begin forgets what belonged to the connection before, or to what was there
// before a HELLO. That somebody at the board made a change is not forgotten.
func (w *way) begin() {
	w.Reported, w.bases, w.wrote, w.tries, w.due = nil, nil, nil, 0, 0
	if w.Boot == "" {
		w.BootRev = 0 // nothing says that it is the same power-up
	}
}

// base sets what the next change of a state made at the board is held against;
// unless again, only where there is nothing yet.
func (w *way) base(v vaiven.Value, again bool) {
	i := slices.IndexFunc(w.bases, func(b vaiven.Value) bool { return b.Name == v.Name })
	switch {
	case i < 0 && len(w.bases) < vaiven.MaxReported:
		w.bases = append(w.bases, v)
	case i >= 0 && again:
		w.bases[i] = v
	}
}

// prune forgets the changes that the view has closed, and takes out of want
// those whose end is on its way to it.
func (w *way) prune(want *vaiven.Desired) {
	closed := func(k vaiven.Key) bool {
		return !slices.ContainsFunc(want.Open, func(p vaiven.Pending) bool { return p.Key == k })
	}
	w.sent = slices.DeleteFunc(w.sent, closed)
	w.unsaid = slices.DeleteFunc(w.unsaid, closed)
	w.ended = slices.DeleteFunc(w.ended, closed)
	if len(w.ended) > 0 {
		want.Open = slices.DeleteFunc(slices.Clone(want.Open), func(p vaiven.Pending) bool { return slices.Contains(w.ended, p.Key) })
	}
}

// bound holds the deadlines of open changes against uptime, from the first look
// at them on: a server's clock that is set back gives a board no more time than
// was asked for, one that is set forward takes from it.
func (w *way) bound(want vaiven.Desired, now time.Duration, clock int64) {
	var limits []limit
	for _, p := range want.Open {
		if p.Deadline == 0 {
			continue
		}
		left := min(p.Deadline-clock, p.Deadline-p.Asked, longest)
		l := limit{p.Key, now + time.Duration(left)*time.Millisecond}
		if i := slices.IndexFunc(w.limits, func(l limit) bool { return l.key == p.Key }); i >= 0 {
			l.by = min(l.by, w.limits[i].by)
		}
		if limits = append(limits, l); len(limits) == 1 || l.by < w.until {
			w.until = l.by
		}
	}
	w.limits = limits
}

// longest is more ms than any server runs, and fits in a time.Duration.
const longest = int64(1) << 40

// settled reports whether nothing is left to tell the board.
func (w *way) settled(want vaiven.Desired) bool { return len(want.Open) == 0 && w.Has(want.States) }

// behind reports whether the view has yet to see a change made at the board:
// until then it wants what the person there has just undone.
func (w *way) behind(want vaiven.Desired, now time.Duration) bool {
	w.isLocal = w.isLocal && want.Rev == w.local && now < w.localBy
	return w.isLocal
}
