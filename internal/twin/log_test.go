package twin

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"vaiven"
)

// fakeLog commits what is appended after a moment, and hands it to a twin as
// the pump would: a key that was used is no change, an end of what is not open
// none. It keeps everything, so that another twin can replay it.
type fakeLog struct {
	tb     testing.TB
	commit time.Duration

	mu      sync.Mutex
	twin    *Twin
	busy    error
	refused int
	raw     []vaiven.Event // appended, in order
	events  []vaiven.Event // of those, what readers see
	changes map[ref]bool   // true: open
	queue   chan []vaiven.Event
}

func newFakeLog(tb testing.TB) *fakeLog {
	return &fakeLog{tb: tb, commit: time.Millisecond, changes: make(map[ref]bool), queue: make(chan []vaiven.Event, 1024)}
}

// Append implements Log.
func (l *fakeLog) Append(ctx context.Context, events []vaiven.Event, _ any) error {
	l.mu.Lock()
	if l.busy != nil {
		defer l.mu.Unlock()
		l.refused++
		return l.busy
	}
	l.mu.Unlock()
	select {
	case l.queue <- slices.Clone(events):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run is log and pump in one, until ctx is done.
func (l *fakeLog) run(ctx context.Context) {
	for {
		select {
		case events := <-l.queue:
			if l.commit > 0 {
				time.Sleep(l.commit) // of a test's own clock
			}
			l.put(events...)
		case <-ctx.Done():
			return
		}
	}
}

// put commits events as one record.
func (l *fakeLog) put(events ...vaiven.Event) {
	l.mu.Lock()
	l.raw = append(l.raw, events...)
	var fresh []vaiven.Event
	for _, e := range events {
		if l.fresh(e) {
			fresh = append(fresh, e)
		}
	}
	l.events = append(l.events, fresh...)
	twin := l.twin
	l.mu.Unlock()
	if twin != nil && len(fresh) > 0 {
		if err := twin.Apply(1, entries(fresh...)); err != nil {
			l.tb.Error(err)
		}
	}
}

func (l *fakeLog) fresh(e vaiven.Event) bool {
	switch e := e.(type) {
	case *vaiven.Change:
		if _, seen := l.changes[ref{e.Device, e.Key}]; seen {
			return false
		}
		l.changes[ref{e.Device, e.Key}] = true
	case *vaiven.ChangeEnd:
		open := l.changes[ref{e.Device, e.Key}]
		l.changes[ref{e.Device, e.Key}] = false
		return open
	}
	return true
}

// stall makes the log refuse, or not.
func (l *fakeLog) stall(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = nil
	if on {
		l.busy = &vaiven.Error{Code: vaiven.CodeBusy, Reason: "stalled", At: -1}
	}
}

// all returns what was appended, in order.
func (l *fakeLog) all() []vaiven.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.raw)
}

// ends returns the ends that were appended, duplicates included.
func (l *fakeLog) ends() []*vaiven.ChangeEnd {
	var out []*vaiven.ChangeEnd
	for _, e := range l.all() {
		if end, ok := e.(*vaiven.ChangeEnd); ok {
			out = append(out, end)
		}
	}
	return out
}

// replay makes a twin of the log as it is, as a start does.
func (l *fakeLog) replay(o Options) *Twin {
	l.tb.Helper()
	o.Log = l
	tw := New(o)
	l.mu.Lock()
	defer l.mu.Unlock()
	err := errors.Join(tw.Restore(nil), tw.Apply(1, entries(l.events...)), tw.Replayed())
	if err != nil {
		l.tb.Fatal(err)
	}
	l.twin = tw
	return tw
}

// process runs a twin's keeper over the log, until the function that it
// returns is called.
func (l *fakeLog) process(tw *Twin) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	tasks.Go(func() { l.run(ctx) })
	tasks.Go(func() {
		if err := tw.Run(ctx); err != nil {
			l.tb.Error(err)
		}
	})
	return func() { cancel(); tasks.Wait() }
}
