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
	at := func(seq uint64, received, measured int64) *vaiven.Reading {
		return &vaiven.Reading{
			Stamp: vaiven.Stamp{At: received}, Device: "101", Boot: "aaaaaaaa", Seq: seq, Measured: measured,
			Values: []vaiven.Value{{Name: "TEMP", Num: 1}},
		}
	}
	const t0 = 1795333377000
	d := begun(t)
	settled := func() vaiven.Settled { return d.Settled("101", "aaaaaaaa") }
	d.feed(t, at(1, t0, t0), at(2, t0+200, t0+200), at(3, t0+400, t0+400))
	if s := settled(); s.Every != 0 || s.Taken != t0+400 {
		t.Errorf("after three readings: %+v", s)
	}
	d.feed(t, at(4, t0+600, t0+600))
	if s := settled(); s.Every != 200*time.Millisecond {
		t.Errorf("after four: %+v", s)
	}
	// A backlog comes at once; it was taken at the usual pace. What is left out
	// counts as taken.
	for s := uint64(5); s <= 20; s += 3 {
		d.feed(t, at(s, t0+60_000, t0+600+int64(s-4)*200))
	}
	if s := settled(); s.Every != 200*time.Millisecond || s.Taken != t0+600+16*200 {
		t.Errorf("after a backlog: %+v", s)
	}
	d.feed(t, at(6, t0+60_000, t0+900)) // older than the newest
	d.feed(t, at(21, t0+60_000, 0))     // nobody knows when
	if s := settled(); s.Taken != 0 || s.Every != 200*time.Millisecond {
		t.Errorf("after one without a time: %+v", s)
	}
	d.feed(t, at(22, t0+60_000, t0+3_000_000)) // a board whose clock is ahead
	if s := settled(); s.Taken != t0+60_000 {
		t.Errorf("taken after it was received: %+v", s)
	}
	for s := uint64(23); s < 60; s++ {
		d.feed(t, at(s, t0+int64(s)*3_600_000, t0+int64(s)*3_600_000))
	}
	if s := settled(); s.Every < vaiven.MaxEvery*95/100 || s.Every > vaiven.MaxEvery {
		t.Errorf("a slow board: %+v", s)
	}
	sameState(t, d)
}
