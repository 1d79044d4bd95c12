package console

import (
	"time"

	"vaiven"
)

// Known is what the log already said about a device before a view began to
// follow it; the registry and the twin have all of it. Times are Unix ms, 0:
// never.
type Known struct {
	Device    vaiven.Device
	Title     string             // as Described has it
	Values    []vaiven.Value     // the latest of each measurement
	State     vaiven.DeviceState // what is wanted, which changes are open, and what it reported
	Names     []string           // states that it declared
	Speaks    bool               // it has said HELLO, BOOT or REV: it can confirm
	Last      int64              // reception of the last reading
	Readings  uint64
	Rejected  uint64
	Connected bool
	Silent    bool  // connected, but no reading comes
	Since     int64 // when it came or went
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
	s.whole = true
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
	r.life.seed(k)
	s.titled(r)
	r.values = merge(nil, k.Values)
	s.names = learn(s.names, k.Values, compareNames)
	s.learnStates(k.State.Values())
	s.learnStates(k.State.Desired().States)
	r.readings, r.rejected = k.Readings, k.Rejected
	r.fw, r.conflict = clean(k.FW, maxRemote), k.Conflict
	if e := k.Session; e != nil {
		r.session, r.ended, r.taken = true, e.Ended, e.Count
		r.asked, r.deadline = e.Readings, e.Deadline
		r.interval = time.Duration(e.Interval) * time.Millisecond
	}
}

// seed takes over what was known.
func (lf *life) seed(k Known) {
	lf.seen, lf.title = true, clean(k.Title, maxRosterName)
	lf.connected, lf.silent, lf.since, lf.sleepUntil = k.Connected, k.Silent && k.Connected, k.Since, k.Sleep
	lf.remote, lf.last = clean(k.Remote, maxRemote), k.Last
	if lf.connected && !lf.silent {
		lf.came = lf.since
	}
	if lf.silent && k.Last > 0 {
		lf.since = k.Last
	}
	lf.names = append(lf.names, k.Names[:min(len(k.Names), vaiven.MaxValues)]...)
	lf.DeviceState, lf.ID, lf.speaks = k.State.Clone(), k.Device, k.Speaks
}
