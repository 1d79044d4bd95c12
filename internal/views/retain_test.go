package views

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vaiven"
)

var errDead = errors.New("the process is dead")

// durableTape is a tape that knows what of it would survive a power cut, and that can
// lose everything it had.
type durableTape struct {
	tape
	saved uint64 // where it stood at its last Snapshot or Restore
	lost  bool   // the next Apply and Restore of a snapshot say so
}

type lostError struct{}

func (lostError) Error() string { return "all is gone" }
func (lostError) Rewind() bool  { return true }

func (t *durableTape) lose() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost = true
}

func (t *durableTape) isLost() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lost
}

func (t *durableTape) Apply(pos uint64, entries []vaiven.Entry) error {
	if t.isLost() {
		return lostError{}
	}
	return t.tape.Apply(pos, entries)
}

func (t *durableTape) Snapshot() ([]byte, error) {
	if t.isLost() {
		return nil, lostError{}
	}
	b, err := t.tape.Snapshot()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.saved = t.pos
	return b, err
}

func (t *durableTape) Restore(snap []byte) error {
	if t.isLost() && snap != nil {
		return lostError{}
	}
	return t.restore(snap)
}

// RestoreBase is how a tape that has lost everything begins again.
func (t *durableTape) RestoreBase(snap []byte) error { return t.restore(snap) }

func (t *durableTape) BaseOf() string { return "" }

func (t *durableTape) restore(snap []byte) error {
	err := t.tape.Restore(snap)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.saved, t.lost = t.pos, false
	return err
}

// node is a pump over a log that may die at any step of the retention.
type node struct {
	t     checker
	log   *memLog
	dir   string
	views []*durableTape
	pump  *Pump
	end   func() error // of Run
	now   atomic.Int64 // minutes that have passed: each look at the clock takes one

	mu    sync.Mutex
	steps int    // of the log, so far
	dieAt int    // the step at which it dies, 0: none
	left  string // the data folder as it was then
}

const longAge = 60 * 2 * time.Second // of 60 readings of the tests

func startNode(t checker, log *memLog, dir string, dieAt int, lost ...int) *node {
	t.Helper()
	n := &node{t: t, log: log, dir: dir, dieAt: dieAt}
	for i := range 2 {
		n.views = append(n.views, &durableTape{tape: tape{name: fmt.Sprintf("view%d", i)}})
	}
	for _, i := range lost {
		n.views[i].lost = true
	}
	log.step = n.step
	o := Options{
		Source: log, Views: []View{n.views[0], n.views[1]}, Dir: dir, Every: time.Hour, Queue: 4,
		Retention: Retention{Age: longAge, Records: 11, Events: 1000},
		Now:       func() time.Time { return time.Unix(1795333377, 0).Add(time.Duration(n.now.Add(1)) * lookEvery) },
	}
	var err error
	if n.pump, err = Open(context.Background(), o); err != nil {
		t.Fatalf("open: %v", err)
	}
	n.pump.opts.Dir = "" // round writes the checkpoint, without waiting for the disk
	for _, r := range n.pump.runners {
		r.pause = time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.pump.Run(ctx) }()
	n.end = sync.OnceValue(func() error { cancel(); return <-ended })
	return n
}

// step is called before and behind each of the log's steps.
func (n *node) step(what string, pos uint64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.left != "" {
		return errDead
	}
	if what == "before trim" {
		for _, v := range n.views {
			v.mu.Lock()
			lost, saved := v.lost, v.saved
			v.mu.Unlock()
			if saved < pos && !lost {
				n.t.Fatalf("trimmed to %d, and %s would survive with %d only", pos, v.name, saved)
			}
		}
	}
	if n.steps++; n.steps != n.dieAt {
		return nil
	}
	n.left = n.dir + fmt.Sprintf("-%d", n.steps)
	if err := os.CopyFS(n.left, os.DirFS(n.dir)); err != nil {
		n.t.Fatal(err)
	}
	return errDead
}

// round is what the pump's goroutine does every Options.Every. It reports whether the
// node is alive.
func (n *node) round(room bool) bool {
	n.t.Helper()
	c, err := n.pump.checkpoint(context.Background(), room)
	if err != nil && !rewinds(err) {
		n.t.Fatalf("checkpoint: %v", err)
	}
	if c != nil {
		if err := os.WriteFile(filepath.Join(n.dir, CheckpointName), c.data, 0o644); err != nil {
			n.t.Fatal(err)
		}
	}
	_, err = n.pump.retain(context.Background(), c, room)
	if err != nil && !errors.Is(err, errDead) {
		n.t.Fatalf("retain: %v", err)
	}
	return err == nil
}

// settle waits until every view has applied the log.
func (n *node) settle() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	last, _ := n.log.Last(ctx)
	if err := n.pump.Wait(ctx, last); err != nil {
		n.t.Fatalf("%v; %+v", err, n.pump.Status())
	}
}

// prove checks that each view has all events of the log, those that were trimmed
// included: what it lost itself it has from a snapshot.
func (n *node) prove() {
	n.t.Helper()
	n.settle()
	d := NewDecider(n.log.id)
	var want []string
	for _, rec := range n.log.recs {
		entries, err := d.Decide(rec)
		if err != nil {
			n.t.Fatal(err)
		}
		for _, e := range entries {
			want = append(want, e.ID.String())
		}
	}
	for _, v := range n.views {
		if got := v.all(); !slices.Equal(got, want) {
			n.t.Fatalf("%s has %d events, the log had %d; it begins with record %d", v.name, len(got), len(want), n.log.First())
		}
	}
	if got, want := n.pump.decider.appendState(nil), d.appendState(nil); !slices.Equal(got, want) {
		n.t.Fatalf("the decider is not that of the whole log")
	}
}

// addReadings adds so many records; every third repeats the reading before it.
func addReadings(log *memLog, count int) {
	for range count {
		i := uint64(len(log.recs))
		log.add(reading("101", "aaaaaaaa", i), reading("101", "aaaaaaaa", max(i-i%3/2, 1)))
	}
}

// TestDeathAtEveryStepOfTheRetention lets the process die before and behind each
// snapshot, trim and drop, and begin again with the checkpoint, without it, and with a
// view that has lost what it had.
func TestDeathAtEveryStepOfTheRetention(t *testing.T) {
	died := true
	for at := 1; died; at++ {
		for _, how := range []string{"checkpoint", "none", "lost", "both"} {
			log := newMemLog()
			n := startNode(t, log, t.TempDir(), at)
			alive := true
			for i := 0; alive && i < 14; i++ {
				addReadings(log, 11)
				n.settle()
				alive = n.round(false)
			}
			if err := n.end(); err != nil {
				t.Fatal(err)
			}
			if died = !alive; !died {
				if log.First() < 60 || len(log.infos) > keptSnapshots+1 {
					t.Fatalf("the log begins with record %d, and has %d snapshots", log.First(), len(log.infos))
				}
				n.prove()
				break
			}
			var lost []int
			if how == "none" || how == "both" {
				_ = os.Remove(filepath.Join(n.left, CheckpointName)) // there may be none yet
			}
			if how == "lost" || how == "both" {
				lost = []int{1}
			}
			first := log.First()
			n = startNode(t, log, n.left, 0, lost...)
			n.prove()
			for range 13 {
				addReadings(log, 11)
				n.settle()
				n.round(false)
			}
			n.prove()
			if err := n.end(); err != nil {
				t.Fatal(err)
			}
			if log.First() <= first {
				t.Logf("%+v %+v %v", n.pump.kept.list, n.pump.decider.time, n.pump.durable())
				t.Fatalf("step %d, %s: the log still begins with record %d", at, how, log.First())
			}
		}
	}
}

// TestAStartReadsTheTailOnly: without a checkpoint, what is behind the newest snapshot
// is read, and nothing before it.
func TestAStartReadsTheTailOnly(t *testing.T) {
	log := newMemLog()
	n := startNode(t, log, t.TempDir(), 0)
	for range 10 {
		addReadings(log, 11)
		n.settle()
		n.round(false)
	}
	newest := slices.Max(slices.Collect(func(yield func(uint64) bool) {
		for pos := range log.infos {
			if !yield(pos) {
				return
			}
		}
	}))
	if err := n.end(); err != nil {
		t.Fatal(err)
	}
	read := &readFrom{memLog: log}
	p, err := Open(t.Context(), Options{Source: read, Views: []View{&durableTape{tape: tape{name: "view0"}}}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if last, _ := log.Last(t.Context()); p.decider.Position() != last || read.from != newest+1 && newest != last {
		t.Errorf("read from record %d on, the newest snapshot is at %d, the log ends at %d", read.from, newest, last)
	}
}

// TestALogWithoutSnapshotsGetsOneAtOnce: one that was trimmed stands on the checkpoint
// alone when they are lost, and cannot be copied.
func TestALogWithoutSnapshotsGetsOneAtOnce(t *testing.T) {
	log := newMemLog()
	n := startNode(t, log, t.TempDir(), 0)
	for range 10 {
		addReadings(log, 11)
		n.settle()
		n.round(false)
	}
	if err := n.end(); err != nil {
		t.Fatal(err)
	}
	if log.First() == 1 {
		t.Fatal("it was not trimmed: this shows nothing")
	}
	clear(log.snapshots)
	clear(log.infos)
	n = startNode(t, log, n.dir, 0)
	addReadings(log, 1)
	n.settle()
	n.round(false)
	last, _ := log.Last(t.Context())
	if list, err := log.Snapshots(t.Context()); err != nil || len(list) != 1 || list[0].Pos != last {
		t.Errorf("%v, %v; the log ends with record %d", list, err, last)
	}
	addReadings(log, 1)
	n.settle()
	n.round(false)
	if list, err := log.Snapshots(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("and then %v, %v", list, err)
	}
	n.prove()
	if err := n.end(); err != nil {
		t.Fatal(err)
	}
}

// readFrom remembers where a log was read from.
type readFrom struct {
	*memLog
	from uint64
}

func (r *readFrom) Read(ctx context.Context, from, to uint64, fn func(vaiven.Record) error) error {
	r.from = from
	return r.memLog.Read(ctx, from, to, fn)
}

// TestNothingThatAViewLacksIsTrimmed does anything in any order.
func TestNothingThatAViewLacksIsTrimmed(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			t.Fatal(err)
		}
		log := newMemLog()
		n := startNode(t, log, dir, 0)
		defer func() { _ = n.end() }()
		t.Repeat(map[string]func(*rapid.T){
			"readings": func(t *rapid.T) { addReadings(log, rapid.IntRange(1, 40).Draw(t, "records")) },
			"round":    func(t *rapid.T) { n.t = t; n.settle(); n.round(false) },
			"room":     func(t *rapid.T) { n.t = t; n.settle(); n.round(true) },
			"lose":     func(t *rapid.T) { n.views[rapid.IntRange(0, 1).Draw(t, "view")].lose() },
			"kill": func(t *rapid.T) {
				n.t = t
				n.settle()
				n.mu.Lock()
				n.dieAt = n.steps + rapid.IntRange(1, 8).Draw(t, "steps")
				n.mu.Unlock()
				for i := 0; i < 6 && n.round(false); i++ {
					addReadings(log, 7)
					n.settle()
				}
				if err := n.end(); err != nil {
					t.Fatal(err)
				}
				dir := n.left
				if dir == "" {
					dir = n.dir
				}
				if rapid.Bool().Draw(t, "without checkpoint") {
					_ = os.Remove(filepath.Join(dir, CheckpointName)) // there may be none
				}
				n = startNode(t, log, dir, 0)
			},
			"": func(t *rapid.T) { n.t = t; n.prove() },
		})
	})
}
