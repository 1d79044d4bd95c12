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
	sparkLen    = 40   // values of a sparkline
)

// message is a line of the lower pane.
type message struct {
	at       int64 // Unix ms
	offset   int32
	device   vaiven.Device // "" for none
	text     string
	severity severity
}

// tuiData is everything that a frame is drawn from. It is not concurrent: TUI
// guards it.
type tuiData struct {
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
	changed            bool // a change was requested
	whole              bool // the log was seen from its beginning, or the table was seeded
	hidden             bool // there are devices beyond maxRows
	rate               rate
	version            uint64 // counts changes
}

// row is what the full-screen view knows of one device. Its size is bounded: its
// board, and sparkLen numbers.
type row struct {
	board
	name      string // the roster's, or what people call it
	spark     ring[float64]
	sparkName string // what spark shows: TEMP, or the first measurement
	filling   bool   // the last reading had counted as lost
}

func newTUIData(l vaiven.Lang, roster Roster) *tuiData {
	return &tuiData{lang: l, roster: roster, rows: map[vaiven.Device]*row{}}
}

// seed takes over what was known of a device.
func (d *tuiData) seed(k Known) {
	d.readings += k.Info.Readings
	d.rejected += k.Info.CountOfRejected()
	r := d.row(k.Info.ID)
	if r == nil {
		return
	}
	if k.Info.Connected {
		d.connected++
	}
	r.board = boardOf(k)
	r.name = d.roster.title(r.ID, &r.board)
	for _, v := range k.Info.Values {
		d.names = addName(d.names, v.Name, compareNames)
	}
	d.addStates(r.ReportedStates.Values())
	d.addStates(r.Desired().States)
}

// apply takes over one event. now is nil for what the log already held when
// the server started: that does not count for the rate. quiet: the next events
// say it all, so it gets no line of its own.
func (d *tuiData) apply(ev vaiven.Event, now *time.Time, quiet bool) {
	d.version++
	if e, ok := ev.(*vaiven.Reading); ok {
		d.applyReading(e, now)
		return
	}
	if e, ok := ev.(*vaiven.Rejected); ok {
		d.rejected += e.Count
	}
	r := d.rows[ev.Of()]
	if r == nil && !vaiven.Refuses(ev) { // who was only refused is nobody
		r = d.row(ev.Of())
	}
	unknown := newBoard(ev.Of(), d.whole)
	b := &unknown
	if r != nil {
		b = &r.board
	}
	if text, s := describe(d.lang, b, ev); text != "" && !quiet {
		at := ev.Time()
		end, ok := ev.(*vaiven.ChangeEnd)
		d.note(message{at.At, at.Offset, ev.Of(), text, s}, ok && end.Outcome == vaiven.Confirmed) // its asker looks for it
	}
	if r == nil {
		return
	}
	was := r.info.Connected
	r.board.apply(ev)
	if r.info.Connected != was {
		d.connected += map[bool]int{true: 1, false: -1}[r.info.Connected]
	}
	switch e := ev.(type) {
	case *vaiven.Report:
		d.addStates(e.States)
	case *vaiven.Hello:
		d.addStates(e.States)
	case *vaiven.Change:
		d.changed = true
		d.addStates(r.Desired().States)
	case *vaiven.ChangeEnd:
		d.addStates(e.States)
	case *vaiven.Described:
		r.name = d.roster.title(r.ID, &r.board)
	case *vaiven.Forgotten: // what it counted stays counted
		if r.info.Connected {
			d.connected--
		}
		delete(d.rows, r.ID)
		d.order = slices.DeleteFunc(d.order, func(other *row) bool { return other == r })
	}
}

func (d *tuiData) applyReading(e *vaiven.Reading, now *time.Time) {
	d.readings++
	if now != nil {
		d.rate.add(now.Unix())
	}
	r := d.row(e.Device)
	if r == nil {
		return
	}
	r.board.apply(e)
	if r.sparkName == "" && len(e.Values) > 0 {
		r.sparkName = e.Values[0].Name
	}
	if t, ok := vaiven.Find(e.Values, "TEMP"); ok {
		if r.sparkName != "TEMP" {
			r.sparkName, r.spark = "TEMP", ring[float64]{}
		}
		r.spark.push(t, sparkLen)
	} else if v, ok := vaiven.Find(e.Values, r.sparkName); ok {
		r.spark.push(v, sparkLen)
	}
	for _, v := range e.Values {
		d.names = addName(d.names, v.Name, compareNames)
	}
	d.addStates(e.States)
}

// noteFilled says that readings come which counted as lost: once for as many as
// follow each other.
func (d *tuiData) noteFilled(en vaiven.Entry) {
	e, ok := en.Event.(*vaiven.Reading)
	if !ok {
		return
	}
	r := d.row(e.Device)
	if r == nil {
		return
	}
	if en.Fills && !r.filling {
		text := d.lang.Say("comes after all: ", "llega después de todo: ") + describeFilled(d.lang, e)
		d.note(message{e.At, e.Offset, e.Device, text, severityGood}, true)
	}
	r.filling = en.Fills
}

// note keeps a message; worth says that it belongs beside what went wrong.
func (d *tuiData) note(m message, worth bool) {
	d.version++
	d.all.push(m, maxMessages)
	if worth || m.severity >= severityWarn {
		d.problems.push(m, maxMessages)
	}
}

// addName adds a name without an entry, in the order of display.
func addName(names []string, name string, compare func(a, b string) int) []string {
	if len(names) < maxNames && !slices.Contains(names, name) {
		names = append(names, name)
		slices.SortFunc(names, compare)
	}
	return names
}

func (d *tuiData) addStates(values []vaiven.Value) {
	for _, v := range values {
		d.stateSet = addName(d.stateSet, v.Name, compareStates)
	}
}

// row finds or makes the device's row; nil when there is no device, or no room
// for another one.
func (d *tuiData) row(id vaiven.Device) *row {
	if r := d.rows[id]; r != nil || id == "" {
		return r
	}
	if len(d.order) >= maxRows {
		d.hidden = true
		return nil
	}
	r := &row{board: newBoard(id, d.whole), name: clean(d.roster[id], maxRosterName)}
	d.rows[id] = r
	d.order = append(d.order, r)
	return r
}

// session is the device's last one, an empty one if it had none.
func (r *row) session() vaiven.Session { return *cmp.Or(r.info.Session, &vaiven.Session{}) }

// overdue says when a device that sends nothing is worth a look: after three
// intervals, where one was asked for.
func (r *row) overdue() time.Duration {
	if ms := r.session().Interval; ms > 0 {
		return max(3*time.Duration(ms)*time.Millisecond, 5*time.Second)
	}
	return 30 * time.Second
}

// ring keeps the last few of a sequence.
type ring[T any] struct {
	items []T
	next  int // where the next one goes once the ring is full
}

func (r *ring[T]) push(v T, limit int) {
	if len(r.items) < limit {
		r.items = append(r.items, v)
		return
	}
	r.items[r.next] = v
	r.next = (r.next + 1) % limit
}

// last returns up to n items, the oldest first.
func (r *ring[T]) last(n int) []T {
	n = min(n, len(r.items))
	out := make([]T, 0, n)
	for i := len(r.items) - n; i < len(r.items); i++ {
		out = append(out, r.items[(r.next+i)%len(r.items)])
	}
	return out
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
