package gateway

import (
	"context"
	"fmt"
	"slices"
	"time"

	"vaiven"
	"vaiven/internal/ws"
)

// Limit ends a device's session; whichever comes first. The zero value means
// that there are no sessions.
type Limit struct {
	Readings uint64        // after so many readings; 0: any number
	For      time.Duration // after the opening of the board's first WebSocket; 0: no end
	Interval time.Duration // asked time between readings, for the summary; 0: not said
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
	ends   time.Time     // zero: no deadline
	told   bool          // a board that came back after the end was shown

	scheduled bool // its deadline is in the queue
	unsaid    bool // its end is not in the log's queue yet
}

func (s *session) over() bool { return s.ended }

// count takes one reading, and returns the session's end when it was the last.
func (s *session) count(stamp vaiven.Stamp) *vaiven.SessionEnd {
	if !s.active {
		return nil
	}
	s.n++
	if s.limit == 0 || s.n < s.limit {
		return nil
	}
	return s.end(stamp, vaiven.EndReadings)
}

// uncount takes the last reading back: it did not get into the log's queue.
func (s *session) uncount() {
	if s.active {
		s.n--
		s.ended = false
	}
}

func (s *session) end(stamp vaiven.Stamp, why vaiven.EndReason) *vaiven.SessionEnd {
	s.ended, s.reason = true, why
	return &vaiven.SessionEnd{Stamp: stamp, Reason: why, Count: s.n}
}

// forgetStart undoes a start that did not get into the log's queue.
func (s *session) forgetStart(events []vaiven.Event) {
	started := slices.ContainsFunc(events, func(e vaiven.Event) bool {
		_, ok := e.(*vaiven.SessionStart)
		return ok
	})
	if started {
		*s = session{}
	}
}

// farewell is why the session ended, in words for a person.
func (s *session) farewell(l vaiven.Lang) string {
	if s.reason == vaiven.EndElapsed {
		return fmt.Sprintf(l.Say("%v elapsed", "pasaron %v"), s.length)
	}
	return fmt.Sprintf(l.Say("%d readings received", "%d lecturas recibidas"), s.n)
}

// load looks up what the log says of d's session, once per process. The caller
// holds d.mu.
func (g *Gateway) load(d *device) {
	d.loaded = true
	if g.o.Limit.none() {
		return
	}
	if s, ok := g.o.Sessions.Session(d.id); ok && s.Reason != vaiven.EndRenewed {
		d.session = session{active: true, limit: s.Readings, n: s.Count, ended: s.Ended, reason: s.Reason}
		if s.Deadline != 0 {
			d.session.length = time.Duration(s.Deadline-s.Start) * time.Millisecond
			d.session.ends = time.Now().Add(time.Duration(s.Deadline-g.o.Stamp().At) * time.Millisecond)
		}
	}
}

// Restore takes up the sessions that the log holds as open, so that they end in
// time although their boards may never come back. Call it before boards are
// accepted.
func (g *Gateway) Restore(open []vaiven.Session) {
	for _, s := range open {
		d := g.device(s.Device)
		d.mu.Lock()
		if !d.loaded {
			g.load(d)
		}
		g.scheduleEnd(d)
		d.mu.Unlock()
	}
}

// startSession opens d's session if sessions are asked for and it has none; the
// result is nil otherwise. The caller holds d.mu.
func (g *Gateway) startSession(d *device, opened time.Time, stamp vaiven.Stamp) vaiven.Event {
	l := g.o.Limit
	if l.none() || d.session.active {
		return nil
	}
	d.session = session{active: true, limit: l.Readings, length: l.For}
	start := &vaiven.SessionStart{Stamp: stamp, Device: d.id, Readings: l.Readings, Interval: l.Interval.Milliseconds()}
	if l.For > 0 {
		d.session.ends = opened.Add(l.For)
		start.Deadline = stamp.At + time.Until(d.session.ends).Milliseconds()
	}
	return start
}

// ErrNoSessions says that the server was started without limits.
var ErrNoSessions = fmt.Errorf("sessions have no limit here: nothing to start again")

// NewSession ends d's session, if it has one, and lets it begin another.
func (g *Gateway) NewSession(ctx context.Context, id vaiven.Device) error {
	if g.o.Limit.none() {
		return ErrNoSessions
	}
	d := g.device(id)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.loaded {
		g.load(d)
	}
	was, stamp := d.session, g.o.Stamp()
	events := []vaiven.Event{&vaiven.SessionEnd{Stamp: stamp, Device: id, Reason: vaiven.EndRenewed, Count: was.n}}
	d.session = session{}
	c := d.conn.Load()
	if c != nil {
		events = append(events, g.startSession(d, time.Now(), stamp))
	}
	if err := g.append(ctx, d, events...); err != nil {
		d.session = was
		return err
	}
	if c != nil && was.ended {
		c.active.Add(1)
	}
	g.scheduleEnd(d)
	return nil
}

// finished tells a board that came back after the end of its session, at the
// price of one message. The caller holds d.mu.
func (c *conn) finished(d *device) {
	text := d.session.farewell(c.g.o.Lang)
	c.g.stats.Finished.Add(1)
	if !d.session.told {
		d.session.told = true
		c.g.o.Notice(Notice{Device: d.id, Remote: c.remote.String(), Text: text + c.g.o.Lang.Say(
			": came back after its session ended; `vaiven session new "+string(d.id)+"` starts another",
			": volvió después de terminar su sesión; `vaiven session new "+string(d.id)+"` empieza otra")})
	}
	c.done(text)
}

// done says goodbye for good when c speaks for no device that goes on.
func (c *conn) done(text string) {
	if c.active.Load() <= 0 {
		c.goodbye(ws.StatusNormal, text, 0)
	}
}
