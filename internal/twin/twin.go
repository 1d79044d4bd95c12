package twin

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vaiven"
)

// Log is where changes and their ends are written; internal/stream's Log is one.
type Log interface {
	// Append queues events to be committed next to each other. A *vaiven.Error
	// with CodeBusy means that nothing was queued.
	Append(ctx context.Context, events []vaiven.Event, owner any) error
}

// Options of a Twin. Log is needed for Ask and Run.
type Options struct {
	Log Log
	// Stamp tells the time as events carry it. Default: time.Now in UTC, as of a
	// synchronised clock.
	Stamp func() vaiven.Stamp
	// Rand gives the random bytes of keys. Default: crypto/rand.
	Rand io.Reader
	// Connected reports whether a device may have been told of a change that the
	// log does not call sent yet: it is connected now, to this server or to
	// another one that writes to the same log. Its changes get two seconds of
	// grace behind their deadline. Default: no device is.
	Connected func(vaiven.Device) bool
	// Logger is told when ends cannot be written, and when they can again.
	// Default: nothing.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Stamp == nil {
		o.Stamp = func() vaiven.Stamp { return vaiven.Stamp{At: time.Now().UnixMilli(), Synced: true} }
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Connected == nil {
		o.Connected = func(vaiven.Device) bool { return false }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Twin is the view. It implements the pump's View, Restorer and Replayed.
type Twin struct {
	o      Options
	wake   chan struct{} // holds one: the keeper has something to look at
	keeper atomic.Bool   // Run is going on

	keyMu sync.Mutex // Options.Rand need not be safe for several goroutines

	mu        sync.RWMutex
	devices   map[vaiven.Device]*vaiven.DeviceState
	replaying bool // the log's end was not reached yet: what is open may have ended
	asking    map[ref][]chan vaiven.Answer
	askers    map[vaiven.Device]int // how many channels asking has of each
	waiting   map[ref][]chan waited
	agenda    agenda

	watchMu  sync.Mutex
	watchers []*watcher // replaced, never changed
}

// ref names a change.
type ref struct {
	device vaiven.Device
	key    vaiven.Key
}

// New returns a twin of an empty log. It starts nothing.
func New(o Options) *Twin {
	return &Twin{
		o: o.withDefaults(), wake: make(chan struct{}, 1), devices: make(map[vaiven.Device]*vaiven.DeviceState),
		asking: make(map[ref][]chan vaiven.Answer), askers: make(map[vaiven.Device]int), waiting: make(map[ref][]chan waited),
	}
}

// Name is the view's name in the checkpoint.
func (t *Twin) Name() string { return "twin" }

// Apply takes a record's events. It never fails.
func (t *Twin) Apply(_ uint64, entries []vaiven.Entry) error {
	var changed []vaiven.Device
	t.mu.Lock()
	for i := range entries {
		ev := entries[i].Event
		if t.apply(ev) && !t.replaying && !slices.Contains(changed, ev.Of()) {
			changed = append(changed, ev.Of())
		}
	}
	t.mu.Unlock()
	t.tell(changed)
	return nil
}

// apply takes one event, and reports whether its device's states, desired or
// reported, or its open changes are others now. t.mu is held.
func (t *Twin) apply(ev vaiven.Event) bool {
	id := ev.Of()
	if _, ok := ev.(*vaiven.Forgotten); ok {
		return t.forget(id)
	}
	s := t.devices[id]
	if s == nil {
		if !aboutStates(ev) {
			return false
		}
		s = &vaiven.DeviceState{ID: id}
		t.devices[id] = s
	}
	news := s.Apply(ev)
	if news.Decided || news.Matched {
		t.remind(id)
	}
	if c, ok := ev.(*vaiven.Change); ok && news.Decided {
		t.answered(ref{id, c.Key}, news.Answer)
	}
	for i := range news.Ended {
		r := ref{id, news.Ended[i].End.Key}
		t.agenda.drop(r)
		t.ended(r, waited{end: news.Ended[i].End})
	}
	return news.Changed
}

// aboutStates reports whether an event makes its device one that has states. Most
// boards of a class never are.
func aboutStates(ev vaiven.Event) bool {
	switch e := ev.(type) {
	case *vaiven.Reading:
		return e.Current()
	case *vaiven.Hello:
		return len(e.States) > 0 || e.Rev != 0
	case *vaiven.Report, *vaiven.Change:
		return true
	}
	return false
}

func (t *Twin) forget(id vaiven.Device) bool {
	d := t.devices[id]
	if d == nil {
		return false
	}
	delete(t.devices, id)
	for _, c := range slices.Concat(d.Open, d.Owed) {
		t.agenda.drop(ref{id, c.Key})
		t.ended(ref{id, c.Key}, waited{err: ErrForgotten})
	}
	return true
}

// Desired returns what the device's states ought to be; false when the log
// says nothing of its states.
func (t *Twin) Desired(id vaiven.Device) (vaiven.Desired, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	d := t.devices[id]
	if d == nil {
		return vaiven.Desired{}, false
	}
	return d.Desired(), true
}

// State returns all that is known of a device's states; false when the log
// says nothing of them.
func (t *Twin) State(id vaiven.Device) (vaiven.DeviceState, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	d := t.devices[id]
	if d == nil {
		return vaiven.DeviceState{}, false
	}
	return d.Clone(), true
}

// List returns every device of which the log says anything about states, in
// the order of their ids.
func (t *Twin) List() []vaiven.DeviceState {
	t.mu.RLock()
	defer t.mu.RUnlock()
	list := make([]vaiven.DeviceState, 0, len(t.devices))
	for _, id := range slices.Sorted(maps.Keys(t.devices)) {
		list = append(list, t.devices[id].Clone())
	}
	return list
}
