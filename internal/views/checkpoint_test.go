package views

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven"
)

// filled makes a folder with a checkpoint behind the log's end.
func filled(t *testing.T) (dir string, log *memLog) {
	t.Helper()
	dir, log = t.TempDir(), newMemLog()
	for s := uint64(1); s <= 25; s++ {
		log.add(reading("101", "aaaaaaaa", s), reading("102", "bbbbbbbb", 1))
	}
	p, err := Open(t.Context(), Options{Source: log, Views: []View{&tape{name: "a"}}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, log
}

// reopen opens the folder with a fresh view, and checks that the view has been
// given everything once; it returns what was noticed.
func reopen(t *testing.T, dir string, log *memLog) (*tape, []Notice) {
	t.Helper()
	var notices []Notice
	v := &tape{name: "a"}
	p, err := Open(t.Context(), Options{
		Source: log, Views: []View{v}, Dir: dir,
		Notify: func(n Notice) { notices = append(notices, n) },
		Now:    func() time.Time { return time.Date(2026, 11, 22, 9, 15, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, log, v)
	if s := p.Settled("101", "aaaaaaaa"); s.Top != 25 {
		t.Errorf("Top = %d", s.Top)
	}
	return v, notices
}

func TestEveryBitOfACheckpointIsGuarded(t *testing.T) {
	dir, log := filled(t)
	path := filepath.Join(dir, CheckpointName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for bit := range 8 {
			bad := append([]byte(nil), good...)
			bad[i] ^= 1 << bit
			if _, err := parseCheckpoint(bad); err == nil {
				t.Fatalf("bit %d of byte %d: accepted", bit, i)
			}
		}
		if _, err := parseCheckpoint(good[:i]); err == nil {
			t.Fatalf("cut at %d: accepted", i)
		}
	}
	good[len(good)/2] ^= 1
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	v, notices := reopen(t, dir, log)
	if v.resets != 1 || len(notices) != 1 {
		t.Fatalf("%d resets, notices %v", v.resets, notices)
	}
	aside := notices[0].(*AsideNotice)
	if aside.Why != AsideDamaged || filepath.Base(aside.Aside) != "checkpoint.damaged-20261122-091500" {
		t.Errorf("%+v", aside)
	}
	if b, err := os.ReadFile(aside.Aside); err != nil || len(b) != len(good) {
		t.Errorf("what was set aside: %d bytes, %v", len(b), err)
	}
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	_, notices = reopen(t, dir, log)
	if got := filepath.Base(notices[0].(*AsideNotice).Aside); got != "checkpoint.damaged-20261122-091500-2" {
		t.Errorf("set aside as %s", got)
	}
}

func TestCheckpointOfALaterVersionOrAnotherLogIsSetAside(t *testing.T) {
	dir, log := filled(t)
	path := filepath.Join(dir, CheckpointName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(checkpointMagic)] = checkpointVersion + 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	_, notices := reopen(t, dir, log)
	if n := notices[0].(*AsideNotice); n.Why != AsideNewer {
		t.Errorf("%+v", n)
	}

	dir, log = filled(t)
	log.id = strings.Repeat("f", 32)
	log.recs[0].Events = []vaiven.Event{&vaiven.LogStart{Log: log.id}}
	_, notices = reopen(t, dir, log)
	if n := notices[0].(*AsideNotice); n.Why != AsideOtherLog {
		t.Errorf("%+v", n)
	}
	for _, why := range []AsideWhy{AsideDamaged, AsideNewer, AsideOtherLog} {
		for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
			if s := (&AsideNotice{Path: "p", Aside: "kept", Why: why}).Text(l); !strings.Contains(s, "kept") {
				t.Error(s)
			}
		}
	}
}

func TestLogThatEndsBeforeItsCheckpointHasLostRecords(t *testing.T) {
	dir, log := filled(t)
	log.recs = log.recs[:20]
	_, err := Open(t.Context(), Options{Source: log, Views: []View{&tape{name: "a"}}, Dir: dir})
	var lost *LostRecordsError
	if !errors.As(err, &lost) || lost.Seq != 20 || lost.Checkpoint != 26 || !lost.Fatal() {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, CheckpointName)); err != nil {
		t.Errorf("the checkpoint, which is the witness: %v", err)
	}
}

func TestViewThatTheCheckpointDoesNotFitIsReplayedAlone(t *testing.T) {
	dir, log := filled(t)
	a, b := &tape{name: "a"}, &tape{name: "b"}
	picky := &pickyTape{tape{name: "c"}}
	var notices []Notice
	o := Options{Source: log, Views: []View{a, b}, Dir: dir, Notify: func(n Notice) { notices = append(notices, n) }}
	if _, err := Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	same(t, log, a)
	same(t, log, b)
	if a.resets != 0 || b.resets != 1 || len(notices) != 0 {
		t.Errorf("resets %d and %d, notices %v", a.resets, b.resets, notices)
	}
	o.Views = []View{picky}
	p, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	log.add(reading("101", "aaaaaaaa", 26))
	stop := run(t, p)
	waitFor(t, p, 27)
	stop()
	if _, err = Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	same(t, log, &picky.tape)
	if len(notices) != 1 || !strings.Contains(notices[0].Text(vaiven.Spanish), "c no coincide") {
		t.Errorf("notices %v", notices)
	}
}

// pickyTape refuses every snapshot.
type pickyTape struct{ tape }

func (p *pickyTape) Restore(snap []byte) error {
	if snap != nil {
		return errors.New("does not fit")
	}
	return p.tape.Restore(nil)
}

func TestOpenRefusesWhatCannotWork(t *testing.T) {
	if _, err := Open(t.Context(), Options{}); err == nil {
		t.Error("no source")
	}
	log := newMemLog()
	if _, err := Open(t.Context(), Options{Source: log, Views: []View{&tape{name: "a"}, &tape{name: "a"}}}); err == nil {
		t.Error("two views of one name")
	}
	fatalView := &tape{name: "a", fail: func(uint64) error { return &LostRecordsError{Seq: 1, Expected: 2} }}
	if _, err := Open(t.Context(), Options{Source: log, Views: []View{fatalView}}); !errors.Is(err, ErrLostRecords) {
		t.Errorf("a view's fatal error: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log.add(reading("101", "aaaaaaaa", 1))
	blocked := &blockedLog{log}
	if _, err := Open(ctx, Options{Source: blocked}); !errors.Is(err, context.Canceled) {
		t.Errorf("a start that is broken off: %v", err)
	}
}

// blockedLog is a log that cannot be read.
type blockedLog struct{ *memLog }

func (l *blockedLog) Read(ctx context.Context, _, _ uint64, _ func(vaiven.Record) error) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestCheckpointsOfARunningPumpAreConsistent restores each of many checkpoints
// that are written while records arrive.
func TestCheckpointsOfARunningPumpAreConsistent(t *testing.T) {
	dir, log := t.TempDir(), newMemLog()
	p, stop := running(t, Options{
		Source: log, Views: []View{&tape{name: "a"}, &tape{name: "b"}}, Dir: dir, Every: time.Millisecond, Queue: 2,
	})
	defer stop()
	path := filepath.Join(dir, CheckpointName)
	seen := map[uint64]bool{}
	deadline := time.Now().Add(4 * time.Minute)
	for s := uint64(1); len(seen) < 5 && time.Now().Before(deadline); s++ {
		waitFor(t, p, log.add(reading("101", "aaaaaaaa", s), reading("101", "aaaaaaaa", max(s-1, 1))))
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		cp, err := parseCheckpoint(b)
		if err != nil {
			t.Fatal(err)
		}
		if seen[cp.pos] {
			continue
		}
		seen[cp.pos] = true
		part := &memLog{id: log.id, recs: log.recs[:cp.pos]}
		for name, snap := range cp.views {
			v := &tape{name: name}
			if err := v.Restore(snap); err != nil {
				t.Fatal(err)
			}
			same(t, part, v)
		}
		if cp.decider.next != cp.pos+1 {
			t.Errorf("the decider stands at %d, the checkpoint at %d", cp.decider.next, cp.pos)
		}
	}
	if len(seen) < 5 {
		t.Errorf("%d checkpoints", len(seen))
	}
}

// TestDisorderOfTimes is how far the log's times go back, also behind a checkpoint.
func TestDisorderOfTimes(t *testing.T) {
	dir, log := t.TempDir(), newMemLog()
	at := func(ms int64) *vaiven.Presence { return &vaiven.Presence{Stamp: vaiven.Stamp{At: ms}, Device: "101"} }
	for _, step := range []struct {
		events []vaiven.Event
		want   time.Duration
	}{
		{[]vaiven.Event{at(5_000_000_000_000), at(5_000_000_010_000)}, 0},
		{[]vaiven.Event{at(4_999_999_990_000), at(5_000_000_000_000)}, 20 * time.Second},
		{[]vaiven.Event{at(5_000_000_020_000)}, 20 * time.Second},
		{[]vaiven.Event{at(4_999_999_999_000)}, 21 * time.Second},
	} {
		log.add(step.events...)
		p, err := Open(t.Context(), Options{Source: log, Views: []View{&tape{name: "a"}}, Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Disorder(); got != step.want {
			t.Errorf("%v, want %v", got, step.want)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
