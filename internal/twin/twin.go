package twin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
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

	randMu sync.Mutex // Options.Rand need not be safe for several goroutines

	mu        sync.RWMutex
	devices   map[vaiven.Device]*vaiven.DeviceState
	replaying bool // the log's end was not reached yet: what is open may have ended
	askers    map[vaiven.Device][]asker
	waiters   map[ref][]chan ending
	agenda    agenda

	watchMu  sync.Mutex
	watchers []*watcher // replaced, never changed
}

// ref names a change.
type ref struct {
	device vaiven.Device
	key    vaiven.Key
}

// watcher is somebody who is told of changes. It has an identity, unlike fn.
type watcher struct{ fn func(vaiven.Device) }

// New returns a twin of an empty log. It starts nothing.
func New(o Options) *Twin {
	return &Twin{
		o: o.withDefaults(), wake: make(chan struct{}, 1), devices: make(map[vaiven.Device]*vaiven.DeviceState),
		askers: make(map[vaiven.Device][]asker), waiters: make(map[ref][]chan ending),
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
		if t.applyEvent(ev) && !t.replaying && !slices.Contains(changed, ev.Of()) {
			changed = append(changed, ev.Of())
		}
	}
	t.mu.Unlock()
	t.tellWatchers(changed)
	return nil
}

// applyEvent takes one event: whoever asked for a change learns how it was decided,
// whoever waits for its end that it has ended, and the keeper what it has to see to.
// It reports whether the device's states, desired or reported, or its open changes
// are others now. t.mu is held.
func (t *Twin) applyEvent(ev vaiven.Event) bool {
	id := ev.Of()
	s := t.devices[id]
	if _, ok := ev.(*vaiven.Forgotten); ok {
		if s == nil {
			return false
		}
		delete(t.devices, id)
		for _, c := range slices.Concat(s.Open, s.Owed) {
			t.endChange(ref{id, c.Key}, ending{err: ErrForgotten})
		}
		return true
	}
	if s == nil {
		if !aboutStates(ev) {
			return false
		}
		s = &vaiven.DeviceState{ID: id}
		t.devices[id] = s
	}
	news := s.Apply(ev)
	if news.Decided || news.Matched {
		t.remindKeeper(id)
	}
	if c, ok := ev.(*vaiven.Change); ok && news.Decided {
		t.removeAskers(id, func(a asker) bool {
			if a.key == c.Key {
				a.answer <- news.Answer
			}
			return a.key == c.Key
		})
	}
	for i := range news.Ended {
		t.endChange(ref{id, news.Ended[i].End.Key}, ending{end: news.Ended[i].End})
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

// Watch has fn told of each device whose desired or reported states, or whose
// open changes, became others: after a change counted, was sent or ended, the
// board reported something new, or the device was forgotten.
// What they are now is for fn, or whoever it wakes, to ask (Desired, State).
//
// fn is called by the goroutine that applies the log, without any lock: it must
// return at once, and must not wait for the log. A call that is under way when
// stop is called may still end after it.
func (t *Twin) Watch(fn func(vaiven.Device)) (stop func()) {
	w := &watcher{fn}
	t.watchMu.Lock()
	defer t.watchMu.Unlock()
	t.watchers = append(slices.Clone(t.watchers), w)
	return func() {
		t.watchMu.Lock()
		defer t.watchMu.Unlock()
		t.watchers = slices.DeleteFunc(slices.Clone(t.watchers), func(o *watcher) bool { return o == w })
	}
}

func (t *Twin) tellWatchers(devices []vaiven.Device) {
	if len(devices) == 0 {
		return
	}
	t.watchMu.Lock()
	watchers := t.watchers
	t.watchMu.Unlock()
	for _, id := range devices {
		for _, w := range watchers {
			w.fn(id)
		}
	}
}

// snapshot is what a checkpoint keeps.
type snapshot struct {
	Version int                   `json:"version"`
	Devices []*vaiven.DeviceState `json:"devices"`
}

const snapshotVersion = 1

// Snapshot returns the whole twin as JSON; equal twins give equal bytes.
func (t *Twin) Snapshot() ([]byte, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := snapshot{Version: snapshotVersion, Devices: make([]*vaiven.DeviceState, 0, len(t.devices))}
	for _, id := range slices.Sorted(maps.Keys(t.devices)) {
		s.Devices = append(s.Devices, t.devices[id])
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("twin: %w", err)
	}
	return b, nil
}

// Restore makes the twin that of a Snapshot, or that of an empty log for nil.
// From here to Replayed the keeper rests and watchers are told nothing.
func (t *Twin) Restore(snap []byte) error {
	var s snapshot
	if snap != nil {
		if err := json.Unmarshal(snap, &s); err != nil {
			return fmt.Errorf("twin: snapshot: %w", err)
		}
		if s.Version != snapshotVersion {
			return fmt.Errorf("twin: snapshot of version %d", s.Version)
		}
	}
	devices := make(map[vaiven.Device]*vaiven.DeviceState, len(s.Devices))
	for _, d := range s.Devices {
		if d == nil {
			return errors.New("twin: snapshot: a device is missing")
		}
		devices[d.ID] = d
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.devices, t.replaying = devices, true
	t.agenda.clear()
	return nil
}

// Replayed is told that the log's end was reached: what is open now is open, the
// keeper sees to what became due meanwhile, and watchers look at every device.
func (t *Twin) Replayed() error {
	t.mu.Lock()
	t.replaying = false
	all := slices.Collect(maps.Keys(t.devices))
	t.remindKeeperOfAll()
	t.mu.Unlock()
	t.tellWatchers(all)
	return nil
}
