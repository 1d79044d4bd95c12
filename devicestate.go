package vaiven

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// DeviceState is what the log says of one device's states: what they ought to be,
// the changes that asked for it and how they ended, and what the board reports. It
// is a value without a clock: the same events in the same order make the same
// DeviceState everywhere, so that twin, gateway, terminal and API agree. Its JSON
// is part of a checkpoint.
//
// The zero value, with ID set, is a device of which the log said nothing yet. Every
// list is bounded. Not for concurrent use.
type DeviceState struct {
	ID     Device    `json:"id"`
	Rev    uint64    `json:"rev,omitempty"`    // of the last accepted change
	Wanted []Wanted  `json:"wanted,omitempty"` // the desired states by name, at most MaxStates
	Open   []Pending `json:"open,omitempty"`   // in log order; no two share a state
	Owed   []Pending `json:"owed,omitempty"`   // decided, and their end is not in the log yet
	Recent []Ended   `json:"recent,omitempty"` // the last to end is the last; at most MaxRecent
	Past   []Past    `json:"past,omitempty"`   // those before, at most MaxPast

	ReportedStates
	Reports    bool  `json:"reports,omitempty"`     // it has reported with REV, ever; otherwise *sent* is all there is to know
	ReportedAt int64 `json:"reported_at,omitempty"` // when it reported last, Unix ms UTC; 0: never

	// Partial: the log was not read from its beginning, so that Rev may be behind,
	// compare-and-set is not judged, and what is not known need not be nothing.
	Partial bool `json:"-"`
}

// Bounds of a DeviceState.
const (
	MaxRecent  = 8    // ended changes that are kept of a device
	MaxPast    = 32   // ended before those, and remembered by key and outcome alone
	MaxUnended = 1024 // changes without a recorded end; as many as the log's readers remember
)

// Wanted is a desired state, and which change made it so.
type Wanted struct {
	Name string  `json:"name"`
	Num  float64 `json:"num"`
	Rev  uint64  `json:"rev"`
}

// Pending is a change without an end in the log.
type Pending struct {
	Key      Key     `json:"key"`
	Rev      uint64  `json:"rev,omitempty"`
	States   []Value `json:"states,omitempty"` // by name, toggles resolved; never changed
	By       string  `json:"by,omitempty"`
	Asked    int64   `json:"asked"`              // Unix ms UTC
	Deadline int64   `json:"deadline,omitempty"` // Unix ms UTC, 0: none
	Sent     int64   `json:"sent,omitempty"`     // when it was written to a connection first, Unix ms UTC; 0: not yet
	Matched  int64   `json:"matched,omitempty"`  // when a report first showed all of it; 0: none did

	// Of DeviceState.Owed: the end that is due.
	Outcome Outcome `json:"outcome,omitempty"`
	Reason  string  `json:"reason,omitempty"`
}

// Ended is a change from its beginning to its end.
type Ended struct {
	End      ChangeEnd `json:"end"`
	Sent     int64     `json:"sent,omitempty"`     // when it was written to a connection first, Unix ms UTC; 0: never
	Deadline int64     `json:"deadline,omitempty"` // Unix ms UTC, 0: none
}

// Past is what is left of an old change, so that asking for it again is answered
// and changes nothing. It is small: every device may have many.
type Past struct {
	Key   uint64 `json:"k"` // as the number that its digits are
	Rev   uint64 `json:"r,omitempty"`
	Asked int64  `json:"a,omitempty"`
	At    int64  `json:"t,omitempty"` // its end
	How   uint8  `json:"h,omitempty"` // in pastOutcomes
	Why   uint8  `json:"w,omitempty"` // in pastReasons
}

// The numbers that Past writes; none is ever given another meaning.
var (
	pastOutcomes = []Outcome{"", Confirmed, Expired, Refused, Overtaken}
	pastReasons  = []string{"", RefusedRev, RefusedNoUp, RefusedStates}
)

// Answer is what a change was given when it was decided.
type Answer struct {
	Rev     uint64  // 0: refused
	Values  []Value // by name, toggles resolved
	Refused string  // why, as RefusedRev and others have it; "": accepted
}

// StateNews is what an event changed in a DeviceState.
type StateNews struct {
	Changed bool    // desired or reported states, or the open changes, are others now
	Matched bool    // a report newly shows all of an open change
	Decided bool    // a change was decided: Answer says how
	Answer  Answer  // of Decided
	Ended   []Ended // changes that ended
}

// Apply takes one event about the device; what is not about its states changes
// nothing. After *Forgotten the caller lets go of the DeviceState.
func (s *DeviceState) Apply(ev Event) (news StateNews) {
	switch e := ev.(type) {
	case *Reading:
		if e.Current() {
			news.Matched, news.Changed = s.hear(e.Boot, e.Rev, e.States, e.At)
		}
	case *Report:
		news.Matched, news.Changed = s.hear(e.Boot, e.Rev, e.States, e.At)
	case *Hello:
		news.Matched, news.Changed = s.hear(e.Boot, e.Rev, e.States, e.At)
	case *Change:
		s.applyChange(e, &news)
	case *Sent:
		news.Changed = s.markSent(e)
	case *ChangeEnd:
		s.applyEnd(e, &news)
	}
	return news
}

// Desired returns what the states ought to be; it shares nothing with s.
func (s *DeviceState) Desired() Desired {
	out := Desired{Device: s.ID, Rev: s.Rev}
	for _, w := range s.Wanted {
		out.States = append(out.States, Value{Name: w.Name, Num: w.Num})
	}
	out.Open = slices.Clone(s.Open)
	for i := range out.Open {
		p := &out.Open[i]
		p.States = slices.Clone(p.States)
		if p.Deadline != 0 && (out.Until == 0 || p.Deadline < out.Until) {
			out.Until = p.Deadline
		}
	}
	return out
}

// Clone returns a copy that shares nothing with s.
func (s *DeviceState) Clone() DeviceState {
	c := *s
	c.Wanted, c.Past, c.Reported = slices.Clone(s.Wanted), slices.Clone(s.Past), slices.Clone(s.Reported)
	c.Open, c.Owed, c.Recent = slices.Clone(s.Open), slices.Clone(s.Owed), slices.Clone(s.Recent)
	for _, list := range [][]Pending{c.Open, c.Owed} {
		for i := range list {
			list[i].States = slices.Clone(list[i].States)
		}
	}
	for i := range c.Recent {
		c.Recent[i].End.States = slices.Clone(c.Recent[i].End.States)
	}
	return c
}

// Resolve returns what a change asks for, by name: a toggled state is turned over
// from what is desired, else from what was reported, else from 0. A name that is
// there twice counts once, and being set counts before being toggled. unknown are
// the toggled states of which a Partial DeviceState knows nothing.
func (s *DeviceState) Resolve(c *Change) (values []Value, unknown []string) {
	values = make([]Value, 0, len(c.States)+len(c.Toggle))
	for _, v := range c.States {
		if _, twice := Find(values, v.Name); !twice {
			values = append(values, v)
		}
	}
	for _, name := range c.Toggle {
		if _, twice := Find(values, name); twice {
			continue
		}
		num, known := s.present(name)
		if !known && s.Partial {
			unknown = append(unknown, name)
			continue
		}
		v := Value{Name: name}
		if num == 0 {
			v.Num = 1
		}
		values = append(values, v)
	}
	slices.SortFunc(values, func(a, b Value) int { return strings.Compare(a.Name, b.Name) })
	return values, unknown
}

// present returns a state as a toggle sees it.
func (s *DeviceState) present(name string) (float64, bool) {
	if num, ok := s.Wants(name); ok {
		return num, true
	}
	return s.Find(name)
}

// Wants returns what a state ought to be, if anything is wanted of it.
func (s *DeviceState) Wants(name string) (float64, bool) {
	if i, ok := s.wanted(name); ok {
		return s.Wanted[i].Num, true
	}
	return 0, false
}

func (s *DeviceState) wanted(name string) (int, bool) {
	return slices.BinarySearchFunc(s.Wanted, name, func(w Wanted, name string) int { return strings.Compare(w.Name, name) })
}

// Askable returns the states that the device may be asked for, by name: those that
// every board of the server has, those that this one declared, and those that it
// reported or that are wanted of it already.
func (s *DeviceState) Askable(own, declared []string) []string {
	names := slices.Concat(own, declared)
	for i := range s.Reported {
		names = append(names, s.Reported[i].Name)
	}
	for i := range s.Wanted {
		names = append(names, s.Wanted[i].Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// applyChange decides a change: it is refused, or it gets the next REV, overtakes
// what it shares a state with, and is desired from here on. A key that is known
// changes nothing.
func (s *DeviceState) applyChange(e *Change, news *StateNews) {
	if _, known := s.Answer(e.Key); known {
		return
	}
	values, _ := s.Resolve(e)
	p := Pending{Key: e.Key, By: e.By, Asked: e.At, Deadline: e.Deadline, States: values}
	switch {
	case e.HasIf && e.If != s.Rev && !s.Partial:
		p.Outcome, p.Reason = Refused, RefusedRev
	case !s.fits(values):
		p.Outcome, p.Reason = Refused, RefusedStates
	}
	if p.Outcome == Refused {
		s.Owed = append(s.Owed, p)
	} else {
		if s.Partial && len(s.Open) >= MaxStates { // only those of which it is not known what they ask for
			s.take(s.Open[0].Key)
		}
		s.overtake(values)
		s.Rev++
		p.Rev = s.Rev
		s.want(&p)
		s.Open = append(s.Open, p)
	}
	news.Decided, news.Answer, news.Changed = true, p.answer(), p.Rev != 0
	s.endCrowded(news)
}

// fits reports whether the device may have these states beside those that are
// desired already. A change of nothing never does.
func (s *DeviceState) fits(states []Value) bool {
	n := len(s.Wanted)
	for _, v := range states {
		if _, ok := s.wanted(v.Name); !ok {
			n++
		}
	}
	return (len(states) > 0 || s.Partial) && n <= MaxStates
}

// want makes the values of a change desired.
func (s *DeviceState) want(p *Pending) {
	for _, v := range p.States {
		w := Wanted{Name: v.Name, Num: v.Num, Rev: p.Rev}
		if i, ok := s.wanted(v.Name); ok {
			s.Wanted[i] = w
		} else {
			s.Wanted = slices.Insert(s.Wanted, i, w)
		}
	}
}

// withdraw removes what the change with this REV made desired, as far as no later
// one has made it something else.
func (s *DeviceState) withdraw(rev uint64) {
	s.Wanted = slices.DeleteFunc(s.Wanted, func(w Wanted) bool { return w.Rev == rev })
	if len(s.Wanted) == 0 {
		s.Wanted = nil
	}
}

// overtake ends, as a whole, every open change that shares a state. What else it
// had asked for stays desired, unless it was not to be applied late: nobody looks
// after its deadline any more.
func (s *DeviceState) overtake(states []Value) {
	n := 0
	for _, p := range s.Open {
		if !p.shares(states) {
			s.Open[n] = p
			n++
			continue
		}
		if p.Deadline != 0 {
			s.withdraw(p.Rev)
		}
		p.Outcome = Overtaken
		s.Owed = append(s.Owed, p)
	}
	clear(s.Open[n:])
	s.Open = s.Open[:n]
}

func (p *Pending) shares(states []Value) bool {
	return slices.ContainsFunc(p.States, func(v Value) bool {
		_, ok := Find(states, v.Name)
		return ok
	})
}

// markSent notes that a change was written to a connection.
func (s *DeviceState) markSent(e *Sent) bool {
	p := s.Unended(e.Key)
	if p != nil && p.Sent == 0 {
		p.Sent = e.At
	}
	if s.Partial {
		s.Rev = max(s.Rev, e.Rev)
	}
	return true
}

// applyEnd closes a change. The end of one that is not known, or that has ended,
// changes nothing.
func (s *DeviceState) applyEnd(e *ChangeEnd, news *StateNews) {
	if s.Partial {
		s.learn(e)
	}
	p, ok := s.take(e.Key)
	if !ok {
		return
	}
	// A wish with a deadline is never one for later: fulfilled or not, the board
	// must not get it again after a reboot.
	if e.Outcome == Expired || e.Outcome == Refused || p.Deadline != 0 {
		s.withdraw(p.Rev)
	}
	end := *e
	end.Rev, end.By, end.Asked = cmp.Or(p.Rev, e.Rev), p.By, p.Asked
	if len(p.States) > 0 || !s.Partial {
		end.States = p.States
	}
	news.Changed = true
	s.remember(&p, end, news)
}

// learn takes over what the end of a change says whose beginning was not read.
func (s *DeviceState) learn(e *ChangeEnd) {
	s.Rev = max(s.Rev, e.Rev)
	if e.Outcome != Confirmed || s.Unended(e.Key) != nil {
		return
	}
	for _, v := range e.States {
		owned := slices.ContainsFunc(s.Open, func(p Pending) bool { return p.shares([]Value{v}) })
		if one := []Value{v}; !owned && s.fits(one) {
			s.want(&Pending{Rev: e.Rev, States: one})
		}
	}
}

// take removes a change from those that have no end.
func (s *DeviceState) take(key Key) (Pending, bool) {
	is := func(p Pending) bool { return p.Key == key }
	if i := slices.IndexFunc(s.Open, is); i >= 0 {
		p := s.Open[i]
		s.Open = slices.Delete(s.Open, i, i+1)
		return p, true
	}
	i := slices.IndexFunc(s.Owed, is)
	if i < 0 {
		return Pending{}, false
	}
	p := s.Owed[i]
	if i == 0 { // the usual order, without moving a long list
		s.Owed[0] = Pending{}
		s.Owed = s.Owed[1:]
	} else {
		s.Owed = slices.Delete(s.Owed, i, i+1)
	}
	if len(s.Owed) == 0 {
		s.Owed = nil
	}
	return p, true
}

// remember keeps how a change ended.
func (s *DeviceState) remember(p *Pending, end ChangeEnd, news *StateNews) {
	l := Ended{End: end, Sent: p.Sent, Deadline: p.Deadline}
	if more := len(s.Recent) - MaxRecent + 1; more > 0 {
		for i := range s.Recent[:more] {
			s.file(&s.Recent[i].End)
		}
		s.Recent = slices.Delete(s.Recent, 0, more)
	}
	s.Recent = append(s.Recent, l)
	news.Ended = append(news.Ended, l)
}

// endCrowded ends the oldest change that was decided long ago and whose end never
// came, when there are more than the log's readers remember: its end would be
// dropped there, so it ends here as it was decided.
func (s *DeviceState) endCrowded(news *StateNews) {
	if len(s.Owed) == 0 || len(s.Open)+len(s.Owed) <= MaxUnended {
		return
	}
	p, _ := s.take(s.Owed[0].Key)
	end := p.End(s.ID, p.Outcome, p.Reason, Stamp{At: p.Asked})
	s.remember(&p, end, news)
}

// file keeps the least of a change that is no longer recent.
func (s *DeviceState) file(e *ChangeEnd) {
	key, _ := strconv.ParseUint(string(e.Key), 16, 64) // checked when it was asked
	p := Past{Key: key, Rev: e.Rev, Asked: e.Asked, At: e.At}
	p.How = uint8(max(0, slices.Index(pastOutcomes, e.Outcome)))
	p.Why = uint8(max(0, slices.Index(pastReasons, e.Reason)))
	if len(s.Past) >= MaxPast {
		s.Past = slices.Delete(s.Past, 0, len(s.Past)-MaxPast+1)
	}
	s.Past = append(s.Past, p)
}

// Unended returns the change with this key that has no end in the log, nil for
// none. It is s's own.
func (s *DeviceState) Unended(key Key) *Pending {
	for _, list := range [][]Pending{s.Open, s.Owed} {
		for i := range list {
			if list[i].Key == key {
				return &list[i]
			}
		}
	}
	return nil
}

// Owner returns the open change that asks for the state, nil if there is none. It
// is s's own.
func (s *DeviceState) Owner(state string) *Pending {
	for i := range s.Open {
		if _, ok := Find(s.Open[i].States, state); ok {
			return &s.Open[i]
		}
	}
	return nil
}

// End returns how a change ended, if it is among those remembered; of an old one
// without its states and who asked.
func (s *DeviceState) End(key Key) (Ended, bool) {
	for i := range s.Recent {
		if s.Recent[i].End.Key == key {
			return s.Recent[i], true
		}
	}
	n, _ := strconv.ParseUint(string(key), 16, 64)
	i := slices.IndexFunc(s.Past, func(p Past) bool { return p.Key == n })
	if i < 0 {
		return Ended{}, false
	}
	p := &s.Past[i]
	end := ChangeEnd{Stamp: Stamp{At: p.At}, Device: s.ID, Key: Key(fmt.Sprintf("%016x", p.Key)), Rev: p.Rev, Asked: p.Asked}
	if int(p.How) < len(pastOutcomes) {
		end.Outcome = pastOutcomes[p.How]
	}
	if int(p.Why) < len(pastReasons) {
		end.Reason = pastReasons[p.Why]
	}
	return Ended{End: end}, true
}

// Answer returns what a change was given, if it is among those remembered.
func (s *DeviceState) Answer(key Key) (Answer, bool) {
	if p := s.Unended(key); p != nil {
		return p.answer(), true
	}
	l, ok := s.End(key)
	a := Answer{Rev: l.End.Rev, Values: l.End.States}
	if a.Rev == 0 {
		a.Refused = l.End.Reason
	}
	return a, ok
}

func (p *Pending) answer() Answer { return Answer{p.Rev, p.States, p.Reason} }

// End words the change's end.
func (p *Pending) End(id Device, how Outcome, why string, at Stamp) ChangeEnd {
	return ChangeEnd{
		Stamp: at, Device: id, Key: p.Key, Rev: p.Rev, Outcome: how, Reason: why,
		States: p.States, By: p.By, Asked: p.Asked,
	}
}

// Took is how long a change took from being asked for to its end, in ms; 0 when it
// is not known since when.
func (e *ChangeEnd) Took() int64 {
	if e.Asked == 0 {
		return 0
	}
	return max(e.At-e.Asked, 0)
}
