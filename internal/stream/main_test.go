package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"vaiven"
	"vaiven/test/leaks"
)

func TestMain(m *testing.M) {
	journalSize = 1 << 20 // folders are copied many times
	leaks.VerifyMain(m)
}

// deadline bounds every wait of a test.
const deadline = 2 * time.Minute

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

// quiet drops the log of what a test provokes on purpose.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// running is an open log with its committer at work, and what was
// acknowledged.
type running struct {
	*Log
	t      testing.TB
	cancel context.CancelFunc
	done   chan error
	once   sync.Once
	err    error

	mu      sync.Mutex
	changed chan struct{}
	tickets []vaiven.Ticket
	events  int
}

// start opens a log and runs it until the test is over.
func start(t testing.TB, o Options) *running {
	t.Helper()
	r, err := tryStart(t, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return r
}

// tryStart is start for a log that may not open, from any goroutine.
func tryStart(t testing.TB, o Options) (*running, error) {
	t.Helper()
	return launch(t, o, func(*Log) {})
}

// launch is tryStart with something done to the log before it runs.
func launch(t testing.TB, o Options, prepare func(*Log)) (*running, error) {
	t.Helper()
	r := &running{t: t, done: make(chan error, 1), changed: make(chan struct{})}
	o.OnCommit = r.committed
	if o.Logger == nil {
		o.Logger = quiet()
	}
	l, err := Open(testContext(t), o)
	if err != nil {
		return nil, err
	}
	r.Log = l
	prepare(l)
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.done <- l.Run(ctx) }()
	t.Cleanup(func() { r.stop() })
	return r, nil
}

// stop ends Run and closes the log; it returns Run's error.
func (r *running) stop() error {
	r.once.Do(func() {
		r.cancel()
		r.err = <-r.done
		if err := r.Close(); err != nil {
			r.t.Errorf("close: %v", err)
		}
	})
	return r.err
}

func (r *running) committed(ts []vaiven.Ticket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range ts {
		r.tickets = append(r.tickets, t)
		r.events += len(t.Events)
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *running) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events
}

// await waits until so many events were acknowledged.
func (r *running) await(events int) {
	r.t.Helper()
	over := time.After(deadline)
	for {
		r.mu.Lock()
		n, changed := r.events, r.changed
		r.mu.Unlock()
		if n >= events {
			return
		}
		select {
		case <-changed:
		case err := <-r.done:
			r.done <- err
			r.t.Fatalf("Run ended at %d of %d events: %v", n, events, err)
		case <-over:
			r.t.Fatalf("%d of %d events acknowledged", n, events)
		}
	}
}

func (r *running) append(evs ...vaiven.Event) {
	r.t.Helper()
	if err := r.Append(testContext(r.t), evs, nil); err != nil {
		r.t.Fatalf("append: %v", err)
	}
}

// readAll returns every record up to the last.
func readAll(ctx context.Context, l *Log) ([]vaiven.Record, error) {
	last, err := l.Last(ctx)
	if err != nil {
		return nil, err
	}
	var out []vaiven.Record
	err = l.Read(ctx, l.First(), last, func(r vaiven.Record) error {
		out = append(out, r)
		return nil
	})
	return out, err
}

// reading is an ordinary one, told apart by its SEQ.
func reading(device, seq int) *vaiven.Reading {
	at := int64(1_795_333_377_000) + int64(seq)*2000
	return &vaiven.Reading{
		Stamp:    vaiven.Stamp{At: at, Offset: -18000, Synced: true},
		Device:   vaiven.Device(fmt.Sprintf("%03d", device)),
		Boot:     "9f3c02aa",
		Seq:      uint64(seq),
		Measured: at - 12,
		Values:   []vaiven.Value{{Name: "TEMP", Num: 20 + float64(seq%100)/10}, {Name: "HUM", Num: float64(50 + seq%40)}},
	}
}

// check proves what every log must show: its records are consecutive, it
// begins with its LogStart, the records of each writer are numbered without a
// hole, repeats are identical, and whatever was acknowledged stands where the
// ticket said, once.
func (r *running) check() {
	r.t.Helper()
	recs, err := readAll(testContext(r.t), r.Log)
	if err != nil {
		r.t.Fatalf("read: %v", err)
	}
	if err := consistent(recs, r.First()); err != nil {
		r.t.Fatal(err)
	}
	bySeq := make(map[uint64]vaiven.Record)
	for _, rec := range recs {
		bySeq[rec.Seq] = rec
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, tk := range r.tickets {
		rec := bySeq[tk.First.Record]
		for i, want := range tk.Events {
			at := int(tk.First.Index) + i
			if at >= len(rec.Events) || !same(rec.Events[at], want) {
				r.t.Fatalf("acknowledged event %v of %s is not in the log", tk.First, want.Of())
			}
		}
	}
}

// consistent checks records by themselves.
func consistent(recs []vaiven.Record, first uint64) error {
	if len(recs) == 0 {
		return errors.New("no records")
	}
	if _, ok := recs[0].Events[0].(*vaiven.LogStart); !ok {
		return errors.New("the first event is not a LogStart")
	}
	top := make(map[uint64]uint64)
	for i, rec := range recs {
		if rec.Seq != first+uint64(i) {
			return fmt.Errorf("record %d where %d is expected", rec.Seq, first+uint64(i))
		}
		if rec.N > top[rec.Writer]+1 {
			return fmt.Errorf("writer %x: record %d comes after %d", rec.Writer, rec.N, top[rec.Writer])
		}
		top[rec.Writer] = max(top[rec.Writer], rec.N)
	}
	return nil
}
