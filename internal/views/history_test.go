package views

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

func key(n int) vaiven.Key { return vaiven.Key(fmt.Sprintf("%016x", n)) }

func TestAChangeIsAskedSentAndEndedOnce(t *testing.T) {
	d := begun(t)
	ask := &vaiven.Change{Device: "101", Key: key(1)}
	sent := &vaiven.Sent{Device: "101", Key: key(1), Rev: 1}
	end := &vaiven.ChangeEnd{Device: "101", Key: key(1), Outcome: vaiven.Confirmed}
	late := &vaiven.ChangeEnd{Device: "101", Key: key(1), Outcome: vaiven.Expired}
	for i, step := range []struct {
		event vaiven.Event
		fresh bool
	}{
		{end, false}, {sent, false}, // of a change that nobody asked for
		{ask, true}, {ask, false},
		{&vaiven.Change{Device: "102", Key: key(1)}, true}, // another device's
		{sent, true}, {sent, false},
		{end, true}, {end, false}, {late, false}, {sent, false}, {ask, false},
		{&vaiven.ChangeEnd{Device: "102", Key: key(1)}, true},
	} {
		if got := d.feed(t, step.event); (len(got) == 1) != step.fresh {
			t.Errorf("step %d: %d handed on, want it fresh: %v", i, len(got), step.fresh)
		}
		sameState(t, d)
	}
	for n := range 200 { // ended ones make room, open ones stay
		d.feed(t, &vaiven.Change{Device: "103", Key: key(n)})
		if n > 0 {
			d.feed(t, &vaiven.ChangeEnd{Device: "103", Key: key(n)})
		}
	}
	if got := d.feed(t, &vaiven.ChangeEnd{Device: "103", Key: key(0)}); len(got) != 1 {
		t.Error("an open change was forgotten")
	}
	for n := range 2 * maxOpen {
		d.feed(t, &vaiven.Change{Device: "104", Key: key(n)})
	}
	if n := len(d.changes["104"].list); n != maxOpen {
		t.Errorf("%d open changes are remembered, want %d", n, maxOpen)
	}
	sameState(t, d)
}

// TestHistoryIsWhatViewsWereHanded reads it from every id, before and after a
// restart from the checkpoint.
func TestHistoryIsWhatViewsWereHanded(t *testing.T) {
	dir, log := t.TempDir(), newMemLog()
	ctx := context.Background()
	for i := range uint64(20) {
		log.add(reading("101", "9f3c02aa", i/2+1), reading("102", "9f3c02aa", i+1), &vaiven.ChangeEnd{Device: "101", Key: key(1)})
	}
	again := log.recs[5]
	log.raw(again) // published twice
	p, stop := running(t, Options{Source: log, Views: []View{&tape{name: "a"}}, Dir: dir})
	past := func(after vaiven.ID) []string {
		t.Helper()
		var got []string
		if err := p.History(ctx, after, func(e vaiven.Entry) error { got = append(got, e.ID.String()); return nil }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	for range 2 {
		waitFor(t, p, log.add(reading("101", "9f3c02aa", 3), reading("101", "9f3c02aa", 100)))
		want := log.want(t)
		if diff := cmp.Diff(want, past(vaiven.ID{})); diff != "" {
			t.Fatal(diff)
		}
		for i, id := range want {
			after, err := vaiven.ParseID(id)
			if err != nil {
				t.Fatal(err)
			}
			if got := past(after); strings.Join(got, " ") != strings.Join(want[i+1:], " ") {
				t.Fatalf("after %s: %v", id, got)
			}
		}
		stop()
		p, stop = running(t, Options{Source: log, Views: []View{&tape{name: "a"}}, Dir: dir})
	}
	defer stop()
	stopped := errors.New("mine")
	if err := p.History(ctx, vaiven.ID{}, func(vaiven.Entry) error { return stopped }); !errors.Is(err, stopped) {
		t.Errorf("fn's error became %v", err)
	}
	if err := p.History(ctx, vaiven.ID{}, func(vaiven.Entry) error { return ErrStop }); err != nil {
		t.Errorf("ErrStop became %v", err)
	}
}

func TestTheListOfDroppedEventsIsBounded(t *testing.T) {
	var d eventList
	for i := range uint64(maxListed + 5) {
		d.add(vaiven.ID{Record: i + 1, Index: uint32(i % 3)})
	}
	if len(d) > maxListed || !d.of(maxListed+5).has(uint32(maxListed+4)%3) || d.of(1) != nil && len(d.of(1)) != 0 {
		t.Errorf("%d dropped events are remembered", len(d))
	}
}

func TestACheckpointOfAnEarlierVersionIsPassedOver(t *testing.T) {
	dir, log := filled(t)
	path := filepath.Join(dir, CheckpointName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(checkpointMagic)] = oldestVersion - 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, notices := reopen(t, dir, log); len(notices) != 0 {
		t.Errorf("a person was told %v", notices)
	}
}
