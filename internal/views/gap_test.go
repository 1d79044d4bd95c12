package views

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vaiven"
)

func gap(dev vaiven.Device, boot vaiven.Boot, from, to uint64) *vaiven.Gap {
	return &vaiven.Gap{Stamp: stamp(int(to)), Device: dev, Boot: boot, From: from, To: to}
}

// logOfVersion2 is the log that testdata/checkpoint-2 stands behind, which was
// written before gaps were told from refusals.
func logOfVersion2() *memLog {
	log := newMemLog()
	for s := uint64(1); s <= 10; s++ {
		if s == 4 {
			log.add(refusal("101", "aaaaaaaa", s))
			continue
		}
		log.add(reading("101", "aaaaaaaa", s))
	}
	log.add(gap("101", "aaaaaaaa", 11, 20))
	log.add(reading("101", "aaaaaaaa", 21), reading("101", "aaaaaaaa", 13), reading("101", "aaaaaaaa", 10), reading("102", "bbbbbbbb", 1))
	log.add(reading("101", "aaaaaaaa", 25))
	return log
}

func TestACheckpointFromBeforeGapsWereToldFromRefusalsIsRead(t *testing.T) {
	dir, log := t.TempDir(), logOfVersion2()
	b, err := os.ReadFile(filepath.Join("testdata", "checkpoint-2"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, CheckpointName), b, 0o644); err != nil {
		t.Fatal(err)
	}
	log.add(reading("101", "aaaaaaaa", 15), reading("101", "aaaaaaaa", 15), reading("101", "aaaaaaaa", 10), reading("101", "aaaaaaaa", 22))
	view := &tape{name: "a"}
	p, err := Open(t.Context(), Options{Source: log, Views: []View{view}, Dir: dir, Notify: func(n Notice) { t.Errorf("told %v", n) }})
	if err != nil {
		t.Fatal(err)
	}
	if view.resets != 0 {
		t.Error("the whole log was replayed")
	}
	same(t, log, view)
	s := p.Settled("101", "aaaaaaaa")
	if s.Top != 22 || s.Max != 25 || s.Has != 25 {
		t.Errorf("settled %+v", s)
	}
	for from, want := range map[uint64][2]uint64{5: {11, 12}, 13: {14, 14}, 15: {16, 20}, 18: {16, 20}, 21: {0, 0}} {
		if first, last := p.Missing("101", "aaaaaaaa", from); first != want[0] || last != want[1] {
			t.Errorf("Missing(%d) = %d..%d, want %v", from, first, last, want)
		}
	}
	if got := p.Stats().Filled; got != 1 {
		t.Errorf("%d filled", got)
	}
}

// TestFilledGapsAreTheSameOnEveryNode: one decider reads the log in one go, one
// through checkpoints, and one after an overflow of its queue (a clone).
func TestFilledGapsAreTheSameOnEveryNode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, two := begun(t), begun(t)
		for range rapid.IntRange(1, 40).Draw(t, "records") {
			var events []vaiven.Event
			for range rapid.IntRange(1, 4).Draw(t, "events") {
				from := rapid.Uint64Range(1, 40).Draw(t, "seq")
				switch rapid.IntRange(0, 3).Draw(t, "kind") {
				case 0:
					events = append(events, gap("101", "aaaaaaaa", from, from+rapid.Uint64Range(0, 9).Draw(t, "more")))
				case 1:
					events = append(events, refusal("101", "aaaaaaaa", from))
				default:
					events = append(events, reading("101", "aaaaaaaa", from))
				}
			}
			a, b := one.feed(t, events...), two.feed(t, events...)
			if fmt.Sprint(a) != fmt.Sprint(b) {
				t.Fatalf("%v and %v", a, b)
			}
			switch rapid.IntRange(0, 2).Draw(t, "what the second does") {
			case 0:
				two = two.Clone()
			case 1:
				read, _, err := parseState(two.appendState(nil), checkpointVersion)
				if err != nil {
					t.Fatal(err)
				}
				two = read
			}
		}
		if !bytes.Equal(one.appendState(nil), two.appendState(nil)) {
			t.Fatal("they know different things")
		}
	})
}

func TestHistoryKnowsWhatFilledAGap(t *testing.T) {
	log := newMemLog()
	log.add(reading("101", "aaaaaaaa", 1), gap("101", "aaaaaaaa", 2, 5))
	log.add(reading("101", "aaaaaaaa", 6), reading("101", "aaaaaaaa", 4), reading("101", "aaaaaaaa", 4))
	p, err := Open(t.Context(), Options{Source: log, Views: []View{&tape{name: "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	var filled []vaiven.ID
	err = p.History(context.Background(), vaiven.ID{}, func(e vaiven.Entry) error {
		if e.Fills {
			filled = append(filled, e.ID)
		}
		return nil
	})
	if err != nil || len(filled) != 1 || filled[0] != (vaiven.ID{Record: 3, Index: 1}) {
		t.Errorf("%v, %v", filled, err)
	}
}

func TestGapsSplitWithoutEndStayBounded(t *testing.T) {
	d := begun(t)
	const last = 20_000
	d.feed(t, gap("101", "aaaaaaaa", 1, last))
	for s := uint64(2); s <= last; s += 2 {
		d.feed(t, reading("101", "aaaaaaaa", s))
	}
	b := d.devices["101"].boots[0]
	if len(b.open) > maxSpans+1 || len(b.stored) > maxSpans {
		t.Errorf("%d and %d spans", len(b.open), len(b.stored))
	}
	if from, to := d.Missing("101", "aaaaaaaa", last-3); from != last-3 || to != last-3 {
		t.Errorf("Missing = %d..%d", from, to)
	}
	d.feed(t, gap("101", "aaaaaaaa", 1, ^uint64(0))) // ends
}

func TestPaceOfABoard(t *testing.T) {
	const t0 = 1795333370000
	d, seq := begun(t), uint64(0)
	take := func(received, measured int64) {
		seq++
		d.feed(t, &vaiven.Reading{
			Stamp: vaiven.Stamp{At: received}, Device: "101", Boot: "aaaaaaaa", Seq: seq, Measured: measured,
			Values: []vaiven.Value{{Name: "TEMP", Num: 1}},
		})
	}
	want := func(what string, taken int64, every time.Duration) {
		t.Helper()
		if s := d.Settled("101", "aaaaaaaa"); s.Taken != taken || s.Every != every {
			t.Errorf("%s: taken %d, every %v; want %d, %v", what, s.Taken-t0, s.Every, taken-t0, every)
		}
	}
	for ms := int64(0); ms < 30_000; ms += 200 {
		take(t0+ms, t0+ms)
	}
	want("not long enough", t0+29_800, 0)
	take(t0+30_000, t0+30_000)
	want("five a second for half a minute", t0+30_000, 200*time.Millisecond)
	for ms := int64(30_200); ms < 60_000; ms += 200 {
		take(t0+90_000, t0+ms) // a backlog comes at once; it was taken at the usual pace
	}
	want("a backlog", t0+59_800, 200*time.Millisecond)
	for range 5000 {
		take(t0+95_000, t0+95_000) // of another program, which does not say when they were taken
	}
	take(t0+105_000, t0+105_000)
	want("a backlog without AGE", t0+105_000, 200*time.Millisecond)
	take(t0+106_000, 0)
	want("nobody knows when", 0, 200*time.Millisecond)
	take(t0+107_000, t0+3_000_000)
	want("taken after it was received", t0+107_000, 200*time.Millisecond)
	for ms := int64(120_000); ms < 400_000; ms += 60_000 {
		take(t0+ms, t0+ms)
	}
	want("a slow board", t0+360_000, vaiven.MaxEvery)
	sameState(t, d)
}
