package console

import (
	"cmp"
	"slices"
	"time"

	"vaiven"
)

// Bounds of what the full-screen view remembers, whatever the log holds.
const (
	maxRows     = 2000 // devices; more are counted as readings only
	maxMessages = 200  // in each of the two panes' lists
	maxNames    = 32   // measurements and states with a column of their own
	maxRivals   = 4    // addresses of boards that fight over an id
	rateSeconds = 5    // readings/s is a mean over so many full seconds
)

// message is a line of the lower pane.
type message struct {
	at     int64 // Unix ms
	offset int32
	device vaiven.Device // "" for none
	text   string
	mark   mark
}

// state is everything that a frame is drawn from. It is not concurrent: TUI
// guards it.
type state struct {
	lang     vaiven.Lang
	roster   Roster
	rows     map[vaiven.Device]*row
	order    []*row   // as they came
	names    []string // measurements, TEMP and HUM first
	stateSet []string // names of states

	problems ring[message] // warnings and worse, ends of changes, and the server's own notices
	all      ring[message]

	readings, rejected uint64
	connected          int
	changed            bool // a change was asked for
	whole              bool // the log was seen from its beginning, or the table was seeded
	hidden             bool // there are devices beyond maxRows
	rate               rate
	version            uint64 // counts changes
}

func newState(l vaiven.Lang, roster Roster) *state {
	return &state{lang: l, roster: roster, rows: map[vaiven.Device]*row{}}
}

// apply takes over one event. now is nil for what the log already held when
// the server started: that does not count for the rate. quiet: the next events
// say it all, so it gets no line of its own.
func (s *state) apply(ev vaiven.Event, now *time.Time, quiet bool) {
	s.version++
	if e, ok := ev.(*vaiven.Reading); ok {
		s.reading(e, now)
		return
	}
	if e, ok := ev.(*vaiven.Rejected); ok {
		s.rejected += e.Count
	}
	r := s.rows[ev.Of()]
	if r == nil && !vaiven.Refuses(ev) { // who was only refused is nobody
		r = s.row(ev.Of())
	}
	unknown := newBoard(ev.Of(), s.whole)
	b := &unknown
	if r != nil {
		b = &r.board
	}
	if text, m, ok := describe(s.lang, b, ev); ok && !quiet {
		at := ev.Time()
		s.note(message{at.At, at.Offset, ev.Of(), text, m}, confirms(ev))
	}
	if r != nil {
		s.device(r, ev)
	}
}

// confirms reports whether the event is the good end of a change, which whoever
// asked for it looks for.
func confirms(ev vaiven.Event) bool {
	e, ok := ev.(*vaiven.ChangeEnd)
	return ok && e.Outcome == vaiven.Confirmed
}

func (s *state) reading(e *vaiven.Reading, now *time.Time) {
	s.readings++
	if now != nil {
		s.rate.add(now.Unix())
	}
	r := s.row(e.Device)
	if r == nil {
		return
	}
	r.board.apply(e)
	r.drawSpark(e)
	for _, v := range e.Values {
		s.names = learn(s.names, v.Name, compareNames)
	}
	s.learnStates(e.States)
}

// filled says that readings come which counted as lost: once for as many as follow
// each other.
func (s *state) filled(en vaiven.Entry) {
	e, ok := en.Event.(*vaiven.Reading)
	if !ok {
		return
	}
	r := s.row(e.Device)
	if r == nil {
		return
	}
	if en.Fills && !r.filling {
		text := s.lang.Say("comes after all: ", "llega después de todo: ") + describeFilled(s.lang, e)
		s.note(message{e.At, e.Offset, e.Device, text, markGood}, true)
	}
	r.filling = en.Fills
}

// learn adds a name without an entry, in the order of display.
func learn(names []string, name string, compare func(a, b string) int) []string {
	if len(names) < maxNames && !slices.Contains(names, name) {
		names = append(names, name)
		slices.SortFunc(names, compare)
	}
	return names
}

// learnStates makes room for states.
func (s *state) learnStates(values []vaiven.Value) {
	for _, v := range values {
		s.stateSet = learn(s.stateSet, v.Name, compareStates)
	}
}

func (s *state) device(r *row, ev vaiven.Event) {
	was := r.info.Connected
	r.board.apply(ev)
	if r.info.Connected != was {
		s.connected += map[bool]int{true: 1, false: -1}[r.info.Connected]
	}
	switch e := ev.(type) {
	case *vaiven.Report:
		s.learnStates(e.States)
	case *vaiven.Hello:
		s.learnStates(e.States)
	case *vaiven.Change:
		s.changed = true
		s.learnStates(r.Desired().States)
	case *vaiven.ChangeEnd:
		s.learnStates(e.States)
	case *vaiven.Described:
		s.titled(r)
	case *vaiven.Forgotten:
		s.forget(r)
	}
}

// titled gives the row the name that people know the device by: the roster has
// it, or a person said it.
func (s *state) titled(r *row) {
	r.name = cmp.Or(s.roster[r.ID], r.title())
}

// forget removes the row; what it counted stays counted.
func (s *state) forget(r *row) {
	if r.info.Connected {
		s.connected--
	}
	delete(s.rows, r.ID)
	s.order = slices.DeleteFunc(s.order, func(other *row) bool { return other == r })
}

// row finds or makes the device's row; nil when there is no device, or no room
// for another one.
func (s *state) row(d vaiven.Device) *row {
	if r := s.rows[d]; r != nil || d == "" {
		return r
	}
	if len(s.order) >= maxRows {
		s.hidden = true
		return nil
	}
	r := &row{board: newBoard(d, s.whole), name: s.roster[d]}
	s.rows[d] = r
	s.order = append(s.order, r)
	return r
}

// note keeps a message; worth says that it belongs beside what went wrong.
func (s *state) note(m message, worth bool) {
	s.version++
	s.all.push(m, maxMessages)
	if worth || m.mark >= markWarn {
		s.problems.push(m, maxMessages)
	}
}

// seed takes over what was known of a device.
func (s *state) seed(k Known) {
	s.readings += k.Info.Readings
	s.rejected += k.Info.CountOfRejected()
	r := s.row(k.Info.ID)
	if r == nil {
		return
	}
	if k.Info.Connected {
		s.connected++
	}
	r.board = boardOf(k)
	s.titled(r)
	for _, v := range k.Info.Values {
		s.names = learn(s.names, v.Name, compareNames)
	}
	s.learnStates(r.ReportedStates.Values())
	s.learnStates(r.Desired().States)
}

// rate counts readings by second, for the last few seconds.
type rate struct {
	counts [rateSeconds + 1]uint64
	second int64 // the latest one
}

func (r *rate) add(second int64) {
	r.forward(second)
	r.counts[second%int64(len(r.counts))]++
}

// perSecond is the mean over the full seconds before this one.
func (r *rate) perSecond(second int64) float64 {
	r.forward(second)
	var n uint64
	for i, c := range r.counts {
		if i != int(second%int64(len(r.counts))) {
			n += c
		}
	}
	return float64(n) / rateSeconds
}

// forward empties the seconds in which nothing came. A clock that was set back
// begins anew.
func (r *rate) forward(second int64) {
	size := int64(len(r.counts))
	if second < r.second || second-r.second >= size {
		r.counts = [rateSeconds + 1]uint64{}
		r.second = second
		return
	}
	for r.second < second {
		r.second++
		r.counts[r.second%size] = 0
	}
}
