package console

import (
	"time"

	"vaiven"
)

// Known is what the log already said about a device before the full screen
// began to follow it; the registry has all of it. Times are Unix ms, 0: never.
type Known struct {
	Device    vaiven.Device
	Values    []vaiven.Value // the latest of each measurement
	States    []vaiven.Value // as reported
	Last      int64          // reception of the last reading
	Readings  uint64
	Rejected  uint64
	Connected bool
	Sleep     int64 // when it will be heard again
	Remote    string
	FW        string
	Conflict  int64 // when boards last fought over the id
	Session   *vaiven.Session
}

// Seed fills the table with what was known at the record after: the log's
// earlier part is not replayed for the screen, which would take long for what
// the registry has at hand. Entries up to after are left out from then on.
// Call it before events behind that record are applied.
func (t *TUI) Seed(after uint64, known []Known) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.o.After, t.seeded = after, true
	s := newState(t.o.Lang, t.o.Roster)
	s.problems, s.all, s.version = t.state.problems, t.state.all, t.state.version+1
	for _, k := range known {
		s.seed(k)
	}
	t.state = s
}

func (s *state) seed(k Known) {
	s.readings += k.Readings
	s.rejected += k.Rejected
	r := s.row(k.Device)
	if r == nil {
		return
	}
	if k.Connected {
		s.connected++
	}
	r.values, r.states = merge(nil, k.Values), merge(nil, k.States)
	s.names, s.stateSet = learn(s.names, k.Values), learn(s.stateSet, k.States)
	r.last, r.readings, r.rejected = k.Last, k.Readings, k.Rejected
	r.connected, r.sleepUntil = k.Connected, k.Sleep
	r.remote, r.fw, r.conflict = clean(k.Remote, maxRemote), clean(k.FW, maxRemote), k.Conflict
	if e := k.Session; e != nil {
		r.session, r.ended, r.taken = true, e.Ended, e.Count
		r.asked, r.deadline = e.Readings, e.Deadline
		r.interval = time.Duration(e.Interval) * time.Millisecond
	}
}
