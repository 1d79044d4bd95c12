package vaiven

import "slices"

// ReportedStates is what a board says that its states are, and under which REV.
type ReportedStates struct {
	Boot     Boot       `json:"boot,omitempty"`
	BootRev  uint64     `json:"boot_rev,omitempty"` // the highest that was reported in this boot, 0: none
	Reported []Reported `json:"reported,omitempty"` // in order of first appearance, at most MaxReported
}

// Reported is one state as the board has it.
type Reported struct {
	Name string  `json:"name"`
	Num  float64 `json:"num"`
	Rev  uint64  `json:"rev,omitempty"` // that it was reported with, in this boot; 0: none
}

const (
	// MaxReported bounds ReportedStates.Reported; the one that came first makes room.
	MaxReported = 64
	// maxForeignRev is the highest REV of another log that is taken over. Beyond,
	// there would soon be numbers that not every JSON reader keeps exactly.
	maxForeignRev = MaxSeq / 2
)

// Find returns what was reported of a state.
func (r *ReportedStates) Find(name string) (float64, bool) {
	if i := r.index(name); i >= 0 {
		return r.Reported[i].Num, true
	}
	return 0, false
}

// Values returns all that was reported.
func (r *ReportedStates) Values() []Value {
	var out []Value
	for _, s := range r.Reported {
		out = append(out, Value{Name: s.Name, Num: s.Num})
	}
	return out
}

// Confirms reports whether the board is known to have all that a change asks for:
// every value was reported, under its REV or a later one.
func (r *ReportedStates) Confirms(p *Pending) bool {
	for _, v := range p.States {
		i := r.index(v.Name)
		if i < 0 || r.Reported[i].Num != v.Num || r.Reported[i].Rev < p.Rev {
			return false
		}
	}
	return len(p.States) > 0
}

// Has reports whether the board is known to have these values, under whatever REV.
func (r *ReportedStates) Has(values []Value) bool {
	for _, v := range values {
		if num, ok := r.Find(v.Name); !ok || num != v.Num {
			return false
		}
	}
	return true
}

func (r *ReportedStates) index(name string) int {
	return slices.IndexFunc(r.Reported, func(s Reported) bool { return s.Name == name })
}

// Take takes over what a board says of its states in one message, under a REV or 0.
// own is the device's REV as the log has it: a higher one is of another log, or of a
// node that is ahead, and confirms nothing here. took is false for a message that was
// overtaken on its way: the board has reported a higher REV in this boot, so that
// what it says is history. news tells whether a value is another now.
func (r *ReportedStates) Take(boot Boot, rev, own uint64, states []Value) (took, news bool) {
	if boot != "" && boot != r.Boot { // what it reports now follows no REV yet
		r.Boot, r.BootRev = boot, 0
		for i := range r.Reported {
			r.Reported[i].Rev = 0
		}
	}
	rev, taken := acceptRev(&r.BootRev, rev)
	if !taken {
		return false, false
	}
	if rev > own {
		rev = 0
	}
	for i, v := range states {
		news = r.set(i, v, rev) || news
	}
	return true, news
}

// acceptRev decides about the REV of a report, where highest is the highest of this
// boot so far. It is not taken when it was overtaken on its way: what it says is
// history. One beyond all counting is none, 0.
func acceptRev(highest *uint64, rev uint64) (accepted uint64, taken bool) {
	if rev > maxForeignRev {
		rev = 0
	}
	if rev != 0 && rev < *highest {
		return 0, false
	}
	*highest = max(*highest, rev)
	return rev, true
}

// set takes over one state, which is often the i-th, and reports whether its value
// is another now.
func (r *ReportedStates) set(i int, v Value, rev uint64) bool {
	if i >= len(r.Reported) || r.Reported[i].Name != v.Name {
		i = r.index(v.Name)
	}
	if i >= 0 {
		old := r.Reported[i].Num
		r.Reported[i].Num, r.Reported[i].Rev = v.Num, rev
		return old != v.Num
	}
	if len(r.Reported) >= MaxReported {
		r.Reported = slices.Delete(r.Reported, 0, 1)
	}
	r.Reported = append(r.Reported, Reported{Name: v.Name, Num: v.Num, Rev: rev})
	return true
}

// hear takes what a board says of its states, in whatever message. matched means
// that an open change is newly seen to be done; news that a reported value is
// another now, or that the counter of REV went up.
func (s *DeviceState) hear(boot Boot, rev uint64, states []Value, at int64) (matched, news bool) {
	took, news := s.Take(boot, rev, s.Rev, states)
	if !took {
		return false, false
	}
	s.Reports = s.Reports || s.BootRev != 0
	if s.BootRev > s.Rev {
		// A change is in the log before any board hears of it, so this REV is of
		// another log. Counting goes on behind it, or the board would take all our
		// changes for old ones.
		s.Rev, news = s.BootRev, true
	}
	if len(states) > 0 {
		s.ReportedAt = at
	}
	for i := range s.Open {
		if p := &s.Open[i]; p.Matched == 0 && s.Confirms(p) {
			p.Matched, matched = at, true
		}
	}
	return matched, news
}
