package gateway

import (
	"context"
	"fmt"
	"time"

	"vaiven"
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

func (s *session) over() bool { return s.ended }

func (s *session) end(stamp vaiven.Stamp, why vaiven.EndReason) *vaiven.SessionEnd {
	s.ended, s.reason = true, why
	return &vaiven.SessionEnd{Stamp: stamp, Reason: why, Count: s.n}
}

// forgetStart undoes a start that did not get into the log's queue.
func (s *session) forgetStart() { *s = session{from: s.from} }

// farewell is why the session ended, in words for a person.
func (s *session) farewell(l vaiven.Lang) string {
	if s.reason == vaiven.EndElapsed {
		return fmt.Sprintf(l.Say("%v elapsed", "pasaron %v"), s.length)
	}
	return fmt.Sprintf(l.Say("%d readings received", "%d lecturas recibidas"), s.n)
}

// load takes up what the log says of d's session: all of it the first time, and
// later what another gateway of the same log has added. The caller holds d.mu.
func (g *Gateway) load(d *device) {
	first := !d.loaded
	d.loaded = true
	if g.o.Limit.none() {
		return
	}
	v, ok := g.o.Sessions.Session(d.id)
	if !ok || v.Reason == vaiven.EndRenewed || !first && !d.session.behind(v) {
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
		d.ends(ending{event: &vaiven.SessionEnd{}, text: s.farewell(g.o.Lang), onDisk: true})
	}
}

// over returns the device if its session is over and that is on disk, else nil.
func (g *Gateway) over(id vaiven.Device) *device {
	if g.o.Limit.none() {
		return nil
	}
	g.mu.Lock()
	known := g.devices[id] != nil
	g.mu.Unlock()
	if v, ok := g.o.Sessions.Session(id); !known && !(ok && v.Ended) {
		return nil // nothing is remembered for an id that anybody may have made up
	}
	d := g.lock(id, false)
	if d == nil {
		return nil
	}
	defer d.mu.Unlock()
	g.load(d)
	if _, onDisk := d.ended(); !onDisk || !d.session.over() {
		return nil
	}
	return d
}

// behind reports whether the log has more of the session than this process has
// admitted, or a later one.
func (s *session) behind(v vaiven.Session) bool {
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
		d := g.lock(s.Device, true)
		g.load(d)
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

// ErrNoSessions says that the server was started without limits.
var ErrNoSessions = fmt.Errorf("sessions have no limit here: nothing to start again")

// NewSession ends d's session, if it has one, and lets it begin another: at once
// if its board is connected, with its next connection otherwise.
func (g *Gateway) NewSession(ctx context.Context, id vaiven.Device) error {
	if g.o.Limit.none() {
		return ErrNoSessions
	}
	d := g.lock(id, true)
	defer d.mu.Unlock()
	g.load(d)
	was, stamp := d.session, g.o.Stamp()
	var events []vaiven.Event
	if was.active {
		events = append(events, &vaiven.SessionEnd{Stamp: stamp, Device: id, Reason: vaiven.EndRenewed, Count: was.n})
	}
	d.session = session{begun: was.begun, from: g.uptime()}
	c := d.conn.Load()
	if c != nil && c.over.Load() {
		c = nil // it is being sent away
	}
	if c != nil && d.shown.Load() == c { // else it begins with the first thing that is taken
		events = append(events, g.startSession(d, d.session.from, stamp))
	}
	if len(events) > 0 {
		if err := g.append(ctx, d, events...); err != nil {
			d.session = was
			return err
		}
	}
	d.goOn(c)
	d.told.Store(false)
	g.scheduleEnd(d)
	return nil
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
	end := s.end(r.g.o.Stamp(), vaiven.EndElapsed)
	end.Device = d.id
	d.ends(ending{event: end, text: s.farewell(r.g.o.Lang)})
	if s.unsaid = !r.append(d, endWait, end); s.unsaid {
		return r.now + retryEvery
	}
	return never
}
