package views

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"vaiven"
	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

const testLog = "0123456789abcdef0123456789abcdef"

// memLog is a log in memory, for injecting faults.
type memLog struct {
	weight int64 // bytes of a record, if not 100
	mu     sync.Mutex
	id     string
	recs   []vaiven.Record
	more   chan struct{}
	fault  error // returned by the next Read
	n      uint64

	// What a log keeps beside its records. recs holds those that were trimmed too, for
	// the tests to know what was there.
	trimmed   uint64
	snapshots map[uint64][]byte
	infos     map[uint64]vaiven.SnapshotInfo
	step      func(what string, pos uint64) error // before each of its steps, and behind it; may be nil
}

func newMemLog() *memLog {
	l := &memLog{
		id: testLog, more: make(chan struct{}),
		snapshots: make(map[uint64][]byte), infos: make(map[uint64]vaiven.SnapshotInfo),
	}
	l.add(&vaiven.LogStart{Stamp: stamp(0), Log: testLog})
	return l
}

func stamp(i int) vaiven.Stamp {
	return vaiven.Stamp{At: 1795333377000 + int64(i)*2000, Offset: -5 * 3600, Synced: true}
}

// add appends one record of the test's writer.
func (l *memLog) add(events ...vaiven.Event) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	return l.append(vaiven.Record{Writer: 7, N: l.n, Events: events})
}

// raw appends a record as it is, but for its place.
func (l *memLog) raw(rec vaiven.Record) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.append(rec)
}

func (l *memLog) append(rec vaiven.Record) uint64 {
	rec.Seq = uint64(len(l.recs)) + 1
	l.recs = append(l.recs, rec)
	close(l.more)
	l.more = make(chan struct{})
	return rec.Seq
}

func (l *memLog) ID() string { return l.id }

func (l *memLog) Last(context.Context) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.recs)), nil
}

func (l *memLog) Read(ctx context.Context, from, to uint64, fn func(vaiven.Record) error) error {
	for seq := from; to == 0 || seq <= to; seq++ {
		rec, err := l.wait(ctx, seq)
		if err != nil {
			return err
		}
		if err := fn(rec); err != nil {
			return err
		}
	}
	return nil
}

func (l *memLog) First() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trimmed + 1
}

func (l *memLog) Snapshots(context.Context) ([]vaiven.SnapshotInfo, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []vaiven.SnapshotInfo
	for _, pos := range slices.Sorted(maps.Keys(l.infos)) {
		list = append(list, l.infos[pos])
	}
	return list, nil
}

func (l *memLog) Snapshot(_ context.Context, pos uint64) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.snapshots[pos]
	if !ok {
		return nil, fmt.Errorf("no snapshot at %d", pos)
	}
	return b, nil
}

func (l *memLog) PutSnapshot(_ context.Context, info vaiven.SnapshotInfo, data []byte) error {
	return l.takeStep("put", info.Pos, func() error {
		l.snapshots[info.Pos], l.infos[info.Pos] = slices.Clone(data), info
		return nil
	})
}

func (l *memLog) DropSnapshot(_ context.Context, pos uint64) error {
	return l.takeStep("drop", pos, func() error {
		if l.trimmed != 0 && len(l.infos) == 1 && l.infos[pos].Pos == pos {
			return fmt.Errorf("snapshot %d is the last one", pos)
		}
		delete(l.snapshots, pos)
		delete(l.infos, pos)
		return nil
	})
}

func (l *memLog) Trim(_ context.Context, through uint64) error {
	return l.takeStep("trim", through, func() error {
		if len(l.infos) == 0 || slices.Min(slices.Collect(maps.Keys(l.infos))) != through {
			return fmt.Errorf("the oldest snapshot is not at %d", through)
		}
		l.trimmed = max(l.trimmed, min(through, uint64(len(l.recs))-1))
		return nil
	})
}

// takeStep changes the log, with a moment before and one behind it in which everything
// may end.
func (l *memLog) takeStep(what string, pos uint64, change func() error) error {
	if l.step != nil {
		if err := l.step("before "+what, pos); err != nil {
			return err
		}
	}
	l.mu.Lock()
	err := change()
	l.mu.Unlock()
	if err == nil && l.step != nil {
		err = l.step("behind "+what, pos)
	}
	return err
}

func (l *memLog) Size(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(uint64(len(l.recs))-l.trimmed) * max(l.weight, 100), nil
}

func (l *memLog) wait(ctx context.Context, seq uint64) (vaiven.Record, error) {
	for {
		l.mu.Lock()
		more, fault := l.more, l.fault
		l.fault = nil
		if fault == nil && seq <= l.trimmed {
			fault = fmt.Errorf("record %d was trimmed", seq)
		}
		if fault == nil && seq <= uint64(len(l.recs)) {
			defer l.mu.Unlock()
			return l.recs[seq-1], nil
		}
		l.mu.Unlock()
		if fault != nil {
			return vaiven.Record{}, fault
		}
		select {
		case <-more:
		case <-ctx.Done():
			return vaiven.Record{}, ctx.Err()
		}
	}
}

// reading is the reading i of a device in the form that must not be lost.
func reading(dev vaiven.Device, boot vaiven.Boot, seq uint64) *vaiven.Reading {
	return &vaiven.Reading{
		Stamp: stamp(int(seq)), Device: dev, Boot: boot, Seq: seq,
		Values: []vaiven.Value{{Name: "TEMP", Num: 20 + float64(seq%100)/10}, {Name: "HUM", Num: 61}},
	}
}

// tape is a view that keeps everything, and fails when it is told to.
type tape struct {
	name string
	fail func(pos uint64) error

	mu     sync.Mutex
	events []string
	pos    uint64
	resets int
	ready  int
}

func (t *tape) Name() string { return t.name }

func (t *tape) Apply(pos uint64, entries []vaiven.Entry) error {
	if t.fail != nil {
		if err := t.fail(pos); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if pos <= t.pos {
		return fmt.Errorf("record %d after %d", pos, t.pos)
	}
	t.pos = pos
	for _, e := range entries {
		t.events = append(t.events, e.ID.String())
	}
	return nil
}

func (t *tape) Snapshot() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := []byte(fmt.Sprint(t.pos))
	for _, e := range t.events {
		b = append(append(b, ' '), e...)
	}
	return b, nil
}

func (t *tape) Restore(snap []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events, t.pos = nil, 0
	t.resets++
	if snap == nil {
		return nil
	}
	t.resets--
	fields := splitFields(string(snap))
	if len(fields) == 0 {
		return errors.New("empty snapshot")
	}
	if _, err := fmt.Sscan(fields[0], &t.pos); err != nil {
		return err
	}
	t.events = fields[1:]
	return nil
}

func (t *tape) Replayed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ready++
	return nil
}

func (t *tape) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.events...)
}

// want is the events that a log holds by a decider of its own.
func (l *memLog) want(t *testing.T) []string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	d := NewDecider(l.id)
	var ids []string
	for _, rec := range l.recs {
		entries, err := d.Decide(rec)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			ids = append(ids, e.ID.String())
		}
	}
	return ids
}

// running opens and runs a pump for the length of a test; stop ends Run.
func running(t *testing.T, o Options) (p *Pump, stop func()) {
	t.Helper()
	p, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p, run(t, p)
}

func run(t *testing.T, p *Pump) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func waitFor(t *testing.T, p *Pump, pos uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := p.Wait(ctx, pos); err != nil {
		t.Fatalf("%v; %+v", err, p.Status())
	}
}
