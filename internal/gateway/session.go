package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vaiven"
	"vaiven/wire"
)

// Limit ends a device's session; whichever comes first. The zero value means
// that there are no sessions.
type Limit struct {
	Readings uint64        // after so many readings; 0: any number
	For      time.Duration // after the opening of the board's first WebSocket; 0: no end
	Interval time.Duration // asked time between readings, for the summary; 0: not said
	Rate     float64       // readings a second of a device that count; 0: any number
}

func (l Limit) none() bool { return l.Readings == 0 && l.For == 0 }

// session counts a device's readings at admission, so that exactly as many as
// asked are taken, also with batches in flight.
type session struct {
	active bool
	limit  uint64 // readings, 0: any number
	n      uint64 // taken
	ended  bool
	reason vaiven.EndReason
	length time.Duration // for --for, as asked
	ends   time.Duration // its deadline, as uptime has it; 0: none
	begun  int64         // of its record, Unix ms
	from   time.Duration // its time runs from here at the earliest: somebody asked for it then
	rhythm rhythm        // of the readings that count

	unsaid bool // its end is not in the log's queue yet
}

// endText is why the session ended, in words for a person.
func (s *session) endText(l vaiven.Lang) string {
	if s.reason == vaiven.EndElapsed {
		return fmt.Sprintf(l.Say("%v elapsed", "pasaron %v"), s.length)
	}
	return vaiven.Count(s.n, l.Say("reading received", "lectura recibida"), l.Say("readings received", "lecturas recibidas"))
}

// loadSession takes up what the log says of d's session: all of it the first time,
// and later what another gateway of the same log has added. The caller holds d.mu.
func (g *Gateway) loadSession(d *device) {
	first := !d.loaded
	d.loaded = true
	if g.o.Limit.none() {
		return
	}
	v, ok := g.o.Sessions.Session(d.id)
	if !ok || v.Reason == vaiven.EndRenewed || !first && !d.session.lacks(v) {
		return
	}
	s := session{active: true, limit: v.Readings, n: v.Count, ended: v.Ended, reason: v.Reason, begun: v.Start}
	if v.Deadline != 0 {
		s.length = time.Duration(v.Deadline-v.Start) * time.Millisecond
		s.ends = max(g.uptime()+time.Duration(v.Deadline-g.o.Stamp().At)*time.Millisecond, 1)
	}
	s.rhythm = rhythm{since: g.uptime() - time.Duration(g.o.Stamp().At-v.Start)*time.Millisecond}
	if d.session.begun == s.begun && !first {
		s.rhythm = d.session.rhythm
	}
	d.session = s
	if s.ended {
		d.markEnd(endMark{event: &vaiven.SessionEnd{}, text: s.endText(g.o.Lang), onDisk: true})
	}
}

// finishedDevice returns the device if its session is over and that is on disk, else
// nil.
func (g *Gateway) finishedDevice(id vaiven.Device) *device {
	if g.o.Limit.none() {
		return nil
	}
	g.mu.Lock()
	known := g.devices[id] != nil
	g.mu.Unlock()
	if v, ok := g.o.Sessions.Session(id); !known && !(ok && v.Ended) {
		return nil // nothing is remembered for an id that anybody may have made up
	}
	d := g.lockDevice(id, false)
	if d == nil {
		return nil
	}
	defer d.mu.Unlock()
	g.loadSession(d)
	if _, onDisk := d.sessionOver(); !onDisk || !d.session.ended {
		return nil
	}
	return d
}

// lacks reports whether the log has more of the session than this process has
// admitted, or a later one.
func (s *session) lacks(v vaiven.Session) bool {
	if v.Start != s.begun {
		return v.Start > s.begun
	}
	return s.active && (v.Count > s.n || v.Ended && !s.ended)
}

// Restore takes up the sessions that the log holds as open, so that they end in
// time although their boards may never come back. Call it before boards are
// accepted.
func (g *Gateway) Restore(open []vaiven.Session) {
	for _, s := range open {
		d := g.lockDevice(s.Device, true)
		g.loadSession(d)
		g.scheduleEnd(d)
		d.mu.Unlock()
	}
}

// startSession opens d's session if sessions are asked for and it has none; the
// result is nil otherwise. The caller holds d.mu.
func (g *Gateway) startSession(d *device, opened time.Duration, stamp vaiven.Stamp) vaiven.Event {
	l := g.o.Limit
	if l.none() || d.session.active {
		return nil
	}
	from := d.session.from
	d.session = session{active: true, limit: l.Readings, length: l.For, begun: stamp.At, from: from, rhythm: rhythm{since: g.uptime()}}
	start := &vaiven.SessionStart{Stamp: stamp, Device: d.id, Readings: l.Readings, Interval: l.Interval.Milliseconds()}
	if l.For > 0 {
		d.session.ends = max(opened, from) + l.For
		start.Deadline = stamp.At + (d.session.ends - g.uptime()).Milliseconds()
	}
	return start
}

// knownSession reports whether d's session would come back as it is. The caller holds
// d.mu.
func (g *Gateway) knownSession(d *device) bool {
	s := &d.session
	if g.o.Limit.none() || !d.loaded {
		return true
	}
	v, ok := g.o.Sessions.Session(d.id)
	if !s.active {
		return !ok || v.Reason == vaiven.EndRenewed
	}
	return ok && v.Start == s.begun && v.Count == s.n && v.Ended == s.ended && v.Reason == s.reason
}

// ErrNoSessions says that the server was started without limits.
var ErrNoSessions = fmt.Errorf("sessions have no limit here: nothing to start again")

// NewSession ends d's session, if it has one, and lets it begin another: at once
// if its board is connected, with its next connection otherwise.
func (g *Gateway) NewSession(ctx context.Context, id vaiven.Device) error {
	if g.o.Limit.none() {
		return ErrNoSessions
	}
	d := g.lockDevice(id, true)
	defer d.mu.Unlock()
	g.loadSession(d)
	was, stamp := d.session, g.o.Stamp()
	var events []vaiven.Event
	if was.active {
		events = append(events, &vaiven.SessionEnd{Stamp: stamp, Device: id, Reason: vaiven.EndRenewed, Count: was.n})
	}
	d.session = session{begun: was.begun, from: g.uptime()}
	c := d.conn.Load()
	if c != nil && c.closing.Load() {
		c = nil // it is being sent away
	}
	if c != nil && d.recorded.Load() == c { // else it begins with the first thing that is taken
		events = append(events, g.startSession(d, d.session.from, stamp))
	}
	if len(events) > 0 {
		if err := g.append(ctx, d, events); err != nil {
			d.session = was
			return err
		}
	}
	d.clearEnd(c)
	d.returnTold.Store(false)
	g.scheduleEnd(d)
	return nil
}

// endWith ends d's session, with an event that is to be queued. The caller holds
// d.mu.
func (g *Gateway) endWith(d *device, stamp vaiven.Stamp, why vaiven.EndReason) *vaiven.SessionEnd {
	s := &d.session
	s.ended, s.reason = true, why
	end := &vaiven.SessionEnd{Stamp: stamp, Device: d.id, Reason: why, Count: s.n}
	d.markEnd(endMark{event: end, text: s.endText(g.o.Lang)})
	return end
}

// scheduleEnd makes d's session end in time. The caller holds d.mu.
func (g *Gateway) scheduleEnd(d *device) {
	if s := &d.session; s.ends != 0 && !s.ended {
		g.schedule.wake(d, s.ends)
	}
}

// endSession ends a session whose time is over. A log that is busy is asked again
// later: until then the session takes nothing more. The caller holds d.mu.
func (r *round) endSession(d *device) time.Duration {
	s := &d.session
	switch {
	case !s.active || s.ends == 0 || s.ended && !s.unsaid:
		return never // ended otherwise, or started again since
	case s.ends > r.now:
		return s.ends
	}
	end := r.g.endWith(d, r.g.o.Stamp(), vaiven.EndElapsed)
	if s.unsaid = !r.tryAppend(d, endWait, end); s.unsaid {
		return r.now + retryEvery
	}
	return never
}

// together is how many readings count although they come at once: what a Wi-Fi
// that stood still for a moment hands over, and not the ten of a lab.
const together = 3

// rhythm bounds how fast readings may come that a session counts. Times are as
// uptime has them.
type rhythm struct {
	since time.Duration // the session's beginning: nothing was taken before
	next  time.Duration // when the next one is due at the rate
	came  time.Duration // when the last one that counts came
	told  bool          // that they come too fast
}

// counts reports whether a reading that is so old counts, and moves on if so. What
// counts is when it was taken, within the session: a backlog has its own pace. One
// that comes at the pace counts too, whatever its board's clock says.
func (r *rhythm) counts(now, age time.Duration, rate float64) bool {
	if rate == 0 {
		return true
	}
	taken, every := max(now-max(age, 0), r.since), time.Duration(float64(time.Second)/rate)
	if r.next-taken > (together-1)*every && now-r.came < every {
		return false
	}
	r.next, r.came = max(r.next, taken)+every, now
	return true
}

// countReading decides whether d's session, which goes on, counts a reading, which
// says so in the log, and returns the session's end when it was the last. The caller
// holds d.mu.
func (c *conn) countReading(d *device, r *vaiven.Reading) *vaiven.SessionEnd {
	s := &d.session
	var age time.Duration
	if r.Measured != 0 {
		age = time.Duration(r.At-r.Measured) * time.Millisecond
	}
	if !c.g.hasColumn(r.Values) || !s.rhythm.counts(c.g.uptime(), age, c.g.o.Limit.Rate) {
		r.Uncounted = true
		return nil
	}
	s.n++
	if s.limit == 0 || s.n < s.limit {
		return nil
	}
	return c.g.endWith(d, r.Stamp, vaiven.EndReadings)
}

// hasColumn reports whether the file has a column for one of the values.
func (g *Gateway) hasColumn(values []vaiven.Value) bool {
	return len(g.o.Columns) == 0 || vaiven.HasAny(values, g.o.Columns)
}

// adviseOn tells what became of a reading that was taken, where that is not what
// its author expects: names without a column, and a pace that does not count. The
// caller holds d.mu.
func (c *conn) adviseOn(d *device, r *vaiven.Reading) {
	if len(c.g.o.Columns) > 0 {
		for _, v := range r.Values {
			if !slices.Contains(c.g.o.Columns, v.Name) {
				c.tellUnlisted(d, v.Name, c.g.hasColumn(r.Values))
			}
		}
	}
	if s := &d.session; r.Uncounted && !s.rhythm.told && c.g.hasColumn(r.Values) {
		s.rhythm.told = true
		rate := vaiven.FormatNumber(c.g.o.Limit.Rate)
		c.tell(d.id, c.g.o.Lang.Say(
			"sends more than "+rate+" readings a second: what comes faster is stored, but its session does not count it",
			"envía más de "+rate+" lecturas por segundo: lo que llega más rápido se guarda, pero su sesión no lo cuenta"))
	}
}

// maxUnlisted is of how many names without a column a connection is told.
const maxUnlisted = 256

// unlistedName is a measurement of a device that has no column.
type unlistedName struct {
	device vaiven.Device
	name   string
}

// tellUnlisted tells a person, once for each name of a device, that the file has no
// column for it; and the board as well, if its reading has no row for that.
func (c *conn) tellUnlisted(d *device, name string, row bool) {
	u := unlistedName{d.id, name}
	if len(c.withoutColumn) >= maxUnlisted || slices.Contains(c.withoutColumn, u) {
		return
	}
	c.withoutColumn = append(c.withoutColumn, u)
	e := &vaiven.Error{
		Code: vaiven.CodeBadName, Reason: wire.ReasonNoColumn, Key: name, Device: d.id, At: -1,
		Got: strings.Join(c.g.o.Columns, ", "),
	}
	text := wire.Explain(e, c.g.o.Lang)
	if row {
		c.tell(d.id, text)
		return
	}
	c.tell(d.id, text+c.g.o.Lang.Say(" (a reading with no column gets no row, and no session counts it)",
		" (una lectura sin ninguna columna no tiene fila, y ninguna sesión la cuenta)"))
	if c.errors.forGood.allowSecond(time.Now(), errorsPerSecond) {
		_ = c.peer.send(wire.AppendError(nil, e, c.g.o.Lang))
	}
}
