package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven"
)

// class is a course run whose clock the test moves.
type class struct {
	*finish
	t     *testing.T
	clock time.Time
	over  bool
}

func newClass(t *testing.T, devices string, patience time.Duration) *class {
	t.Helper()
	c := &config{Patience: patience}
	if err := c.Devices.Set(devices); err != nil {
		t.Fatal(err)
	}
	k := &class{finish: newFinish(c, vaiven.English), t: t, clock: time.Unix(1_800_000_000, 0)}
	k.now = func() time.Time { return k.clock }
	k.stop = func() { k.over = true }
	return k
}

func (k *class) apply(events ...vaiven.Event) {
	var list []vaiven.Entry
	for _, e := range events {
		list = append(list, vaiven.Entry{Event: e})
	}
	if err := k.Apply(1, list); err != nil {
		k.t.Fatal(err)
	}
}

func begins(d vaiven.Device) []vaiven.Event {
	return []vaiven.Event{&vaiven.Presence{Device: d, Connected: true}, &vaiven.SessionStart{Device: d, Readings: 50}}
}

func measures(d vaiven.Device, n int) (list []vaiven.Event) {
	for range n {
		list = append(list, &vaiven.Reading{Device: d})
	}
	return list
}

func ends(d vaiven.Device) vaiven.Event {
	return &vaiven.SessionEnd{Device: d, Reason: vaiven.EndReadings, Count: 50}
}

// after moves the clock, a look every second, and returns what was told.
func (k *class) after(d time.Duration) (lines []string) {
	for end := k.clock.Add(d); k.clock.Before(end); {
		k.clock = k.clock.Add(time.Second)
		lines = append(lines, k.review()...)
	}
	return lines
}

// busy is after, while boards go on measuring.
func (k *class) busy(d time.Duration, boards ...vaiven.Device) (lines []string) {
	for end := k.clock.Add(d); k.clock.Before(end); {
		for _, b := range boards {
			k.apply(measures(b, 1)...)
		}
		lines = append(lines, k.after(2*time.Second)...)
	}
	return lines
}

func TestTheRunSaysForWhomItWaits(t *testing.T) {
	k := newClass(t, "1", 0)
	k.apply(begins("104")...)
	k.apply(measures("104", 12)...)
	if lines := k.busy(time.Minute, "104"); len(lines) != 0 {
		t.Errorf("a board that measures: %q", lines)
	}
	k.seats["104"].Session.Count = 12
	lines := k.after(4 * time.Minute)
	if len(lines) != 3 {
		t.Fatalf("%q", lines)
	}
	for i, quiet := range []string{"30 s", "1 min", "3 min"} {
		want := "waiting for 104 (12/50), silent for " + quiet + "; Ctrl-C ends it, `vaiven devices forget 104` lets it go"
		if lines[i] != want {
			t.Errorf("%q, want %q", lines[i], want)
		}
	}
	if more := k.after(12 * time.Hour); len(more) < 20 || len(more) > 100 {
		t.Errorf("%d lines in twelve hours", len(more))
	}
	k.apply(&vaiven.Presence{Device: "104"})
	if line := k.waitingLine(k.waited(), k.clock, quietAfter); !strings.Contains(line, "104 (12/50), away for 12 h") {
		t.Errorf("%q", line)
	}
	k.apply(&vaiven.Forgotten{Device: "104"})
	if lines := k.after(time.Minute); len(lines) != 0 || k.over {
		t.Errorf("%q, over %v", lines, k.over)
	}
}

func TestTheRunWaitsInSpanish(t *testing.T) {
	k := newClass(t, "104,105", 0)
	k.lang = vaiven.Spanish
	k.apply(begins("104")...)
	want := "esperando a 104 (0/50), callada desde hace 30 s; 105, que aún no ha llegado; Ctrl-C termina, `vaiven devices forget 104` la deja ir"
	if lines := k.after(30 * time.Second); len(lines) != 1 || lines[0] != want {
		t.Errorf("%q, want %q", lines, want)
	}
}

func TestWhoStaysAwayHoldsNobodyUp(t *testing.T) {
	k := newClass(t, "2", 5*time.Minute)
	k.apply(begins("101")...)
	k.apply(begins("102")...)
	k.apply(&vaiven.Presence{Device: "102"})
	if k.after(10 * time.Minute); k.over || k.seats["102"].letGo {
		t.Error("the run is over, and nobody has finished")
	}
	k.apply(ends("101"))
	if k.over {
		t.Error("102 is waited for")
	}
	lines := k.after(time.Second)
	if !k.over || !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "102 (0/50) has been away for 10 min") }) {
		t.Errorf("over %v, told %q", k.over, lines)
	}
}

func TestWhoComesBackIsWaitedForAgain(t *testing.T) {
	k := newClass(t, "1", time.Minute)
	for _, d := range []vaiven.Device{"101", "102", "103"} {
		k.apply(begins(d)...)
	}
	k.apply(ends("101"))
	k.busy(2*time.Minute, "103")
	if !k.seats["102"].letGo || k.over {
		t.Errorf("102 %+v, over %v", k.seats["102"], k.over)
	}
	k.apply(measures("102", 1)...)
	k.apply(ends("103"))
	if k.over {
		t.Error("102 is back, and the run is over")
	}
	if k.apply(ends("102")); !k.over {
		t.Error("all have finished")
	}
}

func TestABoardThatSleepsIsNotAway(t *testing.T) {
	k := newClass(t, "1", time.Minute)
	k.apply(begins("101")...)
	k.apply(begins("102")...)
	k.apply(ends("101"), &vaiven.Presence{Device: "102", Sleep: 600_000})
	if k.after(10 * time.Minute); k.seats["102"].letGo {
		t.Error("it said that it would sleep")
	}
	if k.after(2 * time.Minute); !k.over {
		t.Error("it did not wake up")
	}
}

func TestNamedBoardsAreTheOnesWaitedFor(t *testing.T) {
	k := newClass(t, "101,7", time.Minute)
	k.apply(begins("666")...)
	k.apply(ends("666"))
	k.apply(begins("101")...)
	if k.apply(ends("101")); k.over {
		t.Error("007 has not come yet, and did not stay away: it is waited for")
	}
	if lines := k.after(10 * time.Minute); k.over || len(lines) == 0 || !strings.Contains(lines[0], "waiting for 007, which has not come yet; Ctrl-C ends it") {
		t.Errorf("over %v: %q", k.over, lines)
	}
	k.apply(begins("667")...) // a stranger who goes on for ever
	k.apply(begins("007")...)
	if k.apply(ends("007")); !k.over {
		t.Error("both have finished")
	}
}

func TestANumberOfBoardsStillWorks(t *testing.T) {
	k := newClass(t, "2", 0)
	k.apply(begins("101")...)
	if k.apply(ends("101")); k.over {
		t.Error("one of two")
	}
	k.apply(begins("102")...)
	if k.apply(ends("102")); !k.over {
		t.Error("two of two")
	}
}

func TestAwaitedIsReadAsItIsWritten(t *testing.T) {
	for text, want := range map[string]string{"2": "2", "99": "99", "0": "1", "101": "101", "101,102": "101,102", "7,": "007", "7,lora.3": "007,lora.3", "101,101": "101"} {
		var w awaited
		if err := w.Set(text); err != nil || w.String() != want {
			t.Errorf("%q: %v, %v, want %s", text, w.String(), err, want)
		}
	}
	for _, text := range []string{"", "-1", "x..y", "101,,102", "a b"} {
		if err := new(awaited).Set(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestIdsOfOtherThanThreeDigitsAreSaidOnce(t *testing.T) {
	k := newClass(t, "1", 0)
	for _, d := range []vaiven.Device{"101", "lora.3", "1234", "lora.3"} {
		k.apply(begins(d)...)
	}
	lines := k.review()
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "lora.3 is taken as it is") || !strings.HasPrefix(lines[1], "1234 is") {
		t.Errorf("%q", lines)
	}
}

// Whoever was only refused does not hold the run up, and an uncounted reading is
// no progress.
func TestWhoIsOnlyRefusedIsNotWaitedFor(t *testing.T) {
	k := newClass(t, "1", 0)
	k.apply(begins("101")...)
	k.apply(&vaiven.Rejected{Device: "0x65", Code: vaiven.CodeNotANumber, Count: 1}, &vaiven.Reading{Device: "101", Uncounted: true})
	if len(k.seats) != 1 || k.seats["101"].Session.Count != 0 {
		t.Errorf("seats %v", k.seats)
	}
	if k.apply(ends("101")); !k.over {
		t.Error("it waits for nobody")
	}
}

// A stranger who makes up ids without end takes no seat from a board that was named.
func TestSeatsAreBounded(t *testing.T) {
	k := newClass(t, "101,102", 0)
	for i := range maxSeats + 10 {
		k.apply(begins(vaiven.Device(fmt.Sprintf("x%d", i)))...)
	}
	if len(k.seats) != maxSeats || len(k.lines) != maxLines {
		t.Errorf("%d seats, %d lines", len(k.seats), len(k.lines))
	}
	for _, d := range []vaiven.Device{"101", "102"} {
		k.apply(begins(d)...)
		k.apply(ends(d))
	}
	if !k.over {
		t.Error("both have finished")
	}
}

// A board whose session a person started again is waited for, whether the run saw that
// itself or finds it in the log that it goes on with.
func TestWhoMayStartAgainIsWaitedForAlsoByARunThatGoesOn(t *testing.T) {
	renewed := func(d vaiven.Device) []vaiven.Event {
		return append(begins(d), ends(d), &vaiven.SessionEnd{Device: d, Reason: vaiven.EndRenewed, Count: 50})
	}
	k := newClass(t, "101", 0)
	k.apply(renewed("101")...)
	k.over = false // it was, between the two ends
	if k.apply(begins("102")...); len(k.waited()) != 1 || k.seats["101"].finished() {
		t.Errorf("waited for %d, over %v", len(k.waited()), k.over)
	}

	info := vaiven.DeviceInfo{ID: "101"}
	for _, ev := range renewed("101") {
		info.Apply(ev)
	}
	again := newClass(t, "101", 0)
	if again.seatKnown([]vaiven.DeviceInfo{info}, func() { again.over = true }, func(string) {}); again.over || len(again.waited()) != 1 {
		t.Errorf("waited for %d, over %v", len(again.waited()), again.over)
	}
}
