package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vaiven"
	"vaiven/internal/console"
)

// awaited says for which boards a course run waits: --devices.
type awaited struct {
	least int             // at least so many have finished; 0: one
	names []vaiven.Device // only these, and all of them; empty: every board that comes
}

func (w *awaited) String() string {
	if len(w.names) == 0 {
		return strconv.Itoa(max(1, w.least))
	}
	words := make([]string, len(w.names))
	for i, d := range w.names {
		words[i] = string(d)
	}
	return strings.Join(words, ",")
}

// Type is what the help calls the value.
func (w *awaited) Type() string { return "K|IDS" }

// Set reads a number of boards, of one or two digits, or boards' ids.
func (w *awaited) Set(s string) error {
	if n, err := strconv.Atoi(s); err == nil && len(s) < 3 {
		if n < 0 {
			return errors.New("want a number of boards, or ids as 101,102")
		}
		*w = awaited{least: n}
		return nil
	}
	for word := range strings.SplitSeq(strings.TrimSuffix(s, ","), ",") {
		d, err := vaiven.ParseDevice(strings.TrimSpace(word))
		if err != nil {
			return fmt.Errorf("%q: want a number of boards, or ids as 101,102", s)
		}
		if !slices.Contains(w.names, d) {
			w.names = append(w.names, d)
		}
	}
	w.least = 0
	return nil
}

// has reports whether the run waits for a board that is there.
func (w *awaited) has(d vaiven.Device) bool { return len(w.names) == 0 || slices.Contains(w.names, d) }

// finish is a view that watches the sessions, and ends the run when every board
// that is waited for has finished. One that stays away for too long is waited for
// no longer, if another has finished. While it waits for somebody who says
// nothing, it says for whom.
type finish struct {
	awaited  awaited
	patience time.Duration // 0: endless
	lang     vaiven.Lang
	tell     func(string) // one line for a person
	now      func() time.Time
	standing func(vaiven.Device) vaiven.Standing // who was let in

	mu      sync.Mutex
	seats   map[vaiven.Device]*seat
	changes console.Changes // of states, for the summary
	stop    func()
	lines   []string // for run to tell
	waiting waiting
	arrived *vaiven.Presence // the last board that came without a seat
	alone   alone
}

// seat is a board's place in the run: the board as it stands, made at its first
// session. How long it has been quiet is told by this computer's clock, since the
// log's times may have been set back.
type seat struct {
	vaiven.DeviceInfo
	heard  time.Time // when something of it was last taken; zero: it has not come yet
	asleep time.Time // it said that it would not be heard before
	letGo  bool      // it stays away: nobody waits for it
}

// finished reports whether the board's session is over, and no new one was asked for.
func (s *seat) finished() bool {
	return s.Session.Ended && s.Session.Reason != vaiven.EndRenewed
}

// waiting is what was last said of whom the run waits for.
type waiting struct {
	about string        // the boards
	next  time.Time     // when it is said again
	pause time.Duration // before the time after that
	last  time.Time
}

const (
	finishEvery = 500 * time.Millisecond // how often the seats are looked at
	quietAfter  = 30 * time.Second       // from when on it is worth a line that a board says nothing
	longestWait = 10 * time.Minute       // between two lines about the same boards
	maxNamed    = 5                      // boards in a line
	maxLines    = 64                     // lines that wait; more are dropped
	maxSeats    = 10_000                 // boards; more, unless they are named, are not waited for
)

func newFinish(c *config, lang vaiven.Lang) *finish {
	return &finish{
		awaited: c.Devices, patience: c.Patience, lang: lang, now: time.Now,
		standing: func(vaiven.Device) (s vaiven.Standing) { return s },
		tell:     func(string) {}, seats: map[vaiven.Device]*seat{},
	}
}

// seatKnown takes up the sessions that the log holds from before. stop ends the run;
// tell tells a person one line.
func (f *finish) seatKnown(known []vaiven.DeviceInfo, stop func(), tell func(string)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stop, f.tell = stop, tell
	for _, d := range known {
		if d.Session == nil {
			continue
		}
		if s := f.seat(d.ID); s != nil {
			s.DeviceInfo = d
		}
	}
	f.endIfFinished()
}

// start runs f, if there is one, until ctx is done; the channel is closed then.
func (f *finish) start(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if f != nil {
			f.run(ctx)
		}
	}()
	return done
}

// run tells what there is to tell, and looks who stays away, until ctx is done.
func (f *finish) run(ctx context.Context) {
	tick := time.NewTicker(finishEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		for _, line := range f.review() {
			f.tell(line)
		}
	}
}

// Name is "finish".
func (f *finish) Name() string { return "finish" }

// Snapshot is empty: seatKnown is told what is known.
func (f *finish) Snapshot() ([]byte, error) { return nil, nil }

// Apply notes who came and went, and which sessions began and ended.
func (f *finish) Apply(_ uint64, entries []vaiven.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, en := range entries {
		f.changes.Count(en.Event)
		f.applyEvent(en.Event)
	}
	f.endIfFinished()
	return nil
}

func (f *finish) applyEvent(ev vaiven.Event) {
	if _, forgotten := ev.(*vaiven.Forgotten); forgotten {
		delete(f.seats, ev.Of())
		return
	}
	s := f.seats[ev.Of()]
	if came, ok := ev.(*vaiven.Presence); ok && s == nil {
		f.arrived = came // its session begins with it
	}
	if _, begins := ev.(*vaiven.SessionStart); begins {
		s = f.seat(ev.Of())
		if s != nil && f.arrived != nil && f.arrived.Device == s.ID {
			s.Apply(f.arrived)
		}
	}
	if s == nil || vaiven.Refuses(ev) {
		return
	}
	s.Apply(ev)
	switch e := ev.(type) {
	case *vaiven.Reading, *vaiven.Hello, *vaiven.Report, *vaiven.SessionStart:
		s.hear(f.now())
	case *vaiven.Presence:
		if e.Connected && !e.Silent {
			s.hear(f.now())
		}
		if e.Sleep > 0 {
			s.asleep = f.now().Add(time.Duration(e.Sleep) * time.Millisecond)
		}
	}
}

// seat returns the board's place, made if need be; nil if there are too many.
func (f *finish) seat(d vaiven.Device) *seat {
	s := f.seats[d]
	if s == nil && len(f.seats) >= maxSeats && !slices.Contains(f.awaited.names, d) {
		return nil
	}
	if s == nil {
		s = &seat{DeviceInfo: vaiven.DeviceInfo{ID: d}, heard: f.now()}
		f.seats[d] = s
		if !threeDigits(d) {
			f.queueLine(fmt.Sprintf(f.lang.Say("%s is taken as it is; the course asks for an IDDEVICE of three digits, as 101",
				"%s se acepta como está; el curso pide un IDDEVICE de tres cifras, como 101"), d))
		}
	}
	return s
}

func threeDigits(d vaiven.Device) bool {
	return len(d) == 3 && strings.Trim(string(d), "0123456789") == ""
}

// hear notes that the board was heard. It is connected then: that it came may stand in
// the log before its seat was made.
func (s *seat) hear(now time.Time) { s.heard, s.Connected, s.letGo = now, true, false }

// quiet is how long nothing was taken of a board that should be heard.
func (s *seat) quiet(now time.Time) time.Duration {
	since := s.heard
	if s.asleep.After(since) {
		since = s.asleep
	}
	return max(now.Sub(since), 0)
}

// queueLine keeps a line for run to tell.
func (f *finish) queueLine(line string) {
	if len(f.lines) < maxLines {
		f.lines = append(f.lines, line)
	}
}

// finishedCount is how many boards that count have finished.
func (f *finish) finishedCount() (n int) {
	for d, s := range f.seats {
		if f.awaited.has(d) && s.finished() {
			n++
		}
	}
	return n
}

// waited are the boards that the run waits for, in the order of their ids; one
// that was named and never came is a seat nobody has taken.
func (f *finish) waited() (list []*seat) {
	for d, s := range f.seats {
		if f.awaited.has(d) && !s.finished() && !s.letGo {
			list = append(list, s)
		}
	}
	for _, d := range f.awaited.names {
		if f.seats[d] == nil {
			list = append(list, &seat{DeviceInfo: vaiven.DeviceInfo{ID: d}})
		}
	}
	slices.SortFunc(list, func(a, b *seat) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// endIfFinished ends the run when nobody is waited for. Those who stay away count among
// the boards that were to come, but do not make a run by themselves; nor does a stranger.
func (f *finish) endIfFinished() {
	finished, was := 0, f.alone
	f.alone = alone{}
	holds := func(s *seat) bool {
		if s != nil && s.finished() {
			finished++
			return false
		}
		return s == nil || !s.letGo
	}
	for _, d := range f.awaited.names {
		if holds(f.seats[d]) {
			return
		}
	}
	if len(f.awaited.names) == 0 {
		for _, s := range f.seats {
			if holds(s) {
				return
			}
		}
	}
	if finished > 0 && len(f.seats) >= f.awaited.least {
		f.alone = was
		f.endUnlessAlone()
	}
}

// review lets go who stays away, and returns what there is to tell.
func (f *finish) review() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if f.patience > 0 && f.finishedCount() > 0 {
		for _, s := range f.waited() {
			if quiet := s.quiet(now); !s.heard.IsZero() && quiet >= f.patience {
				s.letGo = true
				f.queueLine(fmt.Sprintf(f.lang.Say("%s (%s) has been away for %s: nobody waits for it any more (--patience)",
					"%s (%s) lleva ausente %s: ya no se la espera (--patience)"), s.ID, s.progress(), roundly(quiet)))
			}
		}
	}
	f.queueWaiting(now)
	f.endIfFinished()
	lines := f.lines
	f.lines = nil
	return lines
}

// queueWaiting says whom the run waits for, when one of them is quiet or another has
// finished: when that changes, and then with pauses that grow.
func (f *finish) queueWaiting(now time.Time) {
	after := quietAfter
	if f.patience > 0 {
		after = min(after, f.patience/2)
	}
	list := f.waited()
	about, quiet := "", false
	for _, s := range list {
		about += " " + string(s.ID)
		if s.heard.IsZero() {
			continue
		}
		if s.quiet(now) >= after {
			about, quiet = about+"!", true
		}
	}
	if len(list) == 0 || !quiet && f.finishedCount() == 0 {
		f.waiting.about = ""
		return
	}
	if w := &f.waiting; about != w.about {
		w.about, w.pause, w.next = about, after, now.Add(after)
		if quiet && now.Sub(w.last) >= after {
			w.next = now
		}
	}
	if now.Before(f.waiting.next) {
		return
	}
	f.queueLine(f.waitingLine(list, now, after))
	f.waiting.last, f.waiting.pause = now, min(2*f.waiting.pause, longestWait)
	f.waiting.next = now.Add(f.waiting.pause)
}

// waitingLine is for whom the run waits, and what can be done about it.
func (f *finish) waitingLine(list []*seat, now time.Time, after time.Duration) string {
	var words []string
	come, late := "", false // who may be forgotten: the first that is quiet, if there is one
	for _, s := range list {
		if !s.heard.IsZero() && (come == "" || !late && s.quiet(now) >= after) {
			come, late = string(s.ID), s.quiet(now) >= after
		}
		if len(words) < maxNamed {
			words = append(words, f.seatText(s, now, after))
		}
	}
	line := f.lang.Say("waiting for ", "esperando a ") + strings.Join(words, "; ")
	if more := len(list) - len(words); more > 0 {
		line += fmt.Sprintf(f.lang.Say("; and %d more", "; y %d más"), more)
	}
	line += f.lang.Say("; Ctrl-C ends it", "; Ctrl-C termina")
	if come != "" {
		line += fmt.Sprintf(f.lang.Say(", `vaiven devices forget %s` lets it go", ", `vaiven devices forget %s` la deja ir"), come)
	}
	return line
}

// seatText is one board in the line: 104 (12/50), silent for 2 min.
func (f *finish) seatText(s *seat, now time.Time, after time.Duration) string {
	if s.heard.IsZero() {
		return fmt.Sprintf(f.lang.Say("%s, which has not come yet", "%s, que aún no ha llegado"), s.ID)
	}
	text := fmt.Sprintf("%s (%s)", s.ID, s.progress())
	switch quiet := s.quiet(now); {
	case quiet < after:
		return text
	case s.Connected:
		return text + f.lang.Say(", silent for ", ", callada desde hace ") + roundly(quiet)
	default:
		return text + f.lang.Say(", away for ", ", ausente desde hace ") + roundly(quiet)
	}
}

func (s *seat) progress() string {
	if s.Session.Readings == 0 {
		return strconv.FormatUint(s.Session.Count, 10)
	}
	return fmt.Sprintf("%d/%d", s.Session.Count, s.Session.Readings)
}

// roundly writes a time as a person would: 40 s, 2 min, 3 h.
func roundly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}
