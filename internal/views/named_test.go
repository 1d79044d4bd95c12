package views

import (
	"fmt"
	"testing"
	"time"

	"vaiven"
)

// TestADeviceThatHasComeBackIsNotForgotten: what somebody decided who had read the log up
// to Through counts only if the log says nothing of the device behind it.
func TestADeviceThatHasComeBackIsNotForgotten(t *testing.T) {
	refused := []vaiven.Event{refusal("101", "aaaaaaaa", 7), &vaiven.Rejected{Device: "101", Code: vaiven.CodeNotJSON, Count: 1}}
	for name, c := range map[string]struct {
		meanwhile []vaiven.Event
		gone      bool
	}{
		"nothing":               {nil, true},
		"another device":        {[]vaiven.Event{reading("102", "bbbbbbbb", 1)}, true},
		"a refused message":     {refused, true},
		"a reading":             {[]vaiven.Event{reading("101", "aaaaaaaa", 2)}, false},
		"a reading as before":   {[]vaiven.Event{reading("101", "aaaaaaaa", 1)}, false}, // which is not handed on
		"a connection":          {[]vaiven.Event{&vaiven.Presence{Device: "101", Connected: true}}, false},
		"a name":                {[]vaiven.Event{&vaiven.Described{Device: "101"}}, false},
		"a person's forgetting": {[]vaiven.Event{&vaiven.Forgotten{Device: "101"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := begun(t)
			d.feed(t, reading("101", "aaaaaaaa", 1))
			through := d.Position()
			d.feed(t, append([]vaiven.Event{&vaiven.LogStart{Log: testLog}}, c.meanwhile...)...)
			read, _, err := parseState(d.appendState(nil), checkpointVersion)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range []*Decider{d, read} {
				if got := d.feed(t, &vaiven.Forgotten{Device: "101", Through: through}); len(got) == 1 != c.gone {
					t.Errorf("handed on: %v", got)
				}
				// Another node's, which had seen the same.
				if got := d.feed(t, &vaiven.Forgotten{Device: "101", Through: through}); len(got) == 1 != c.gone {
					t.Errorf("handed on, the second time: %v", got)
				}
				d.feed(t, reading("101", "aaaaaaaa", 3))
				if got := d.feed(t, &vaiven.Forgotten{Device: "101", Through: through}); len(got) != 0 {
					t.Error("forgotten although it has begun anew")
				}
				if got := d.feed(t, &vaiven.Forgotten{Device: "101"}); len(got) != 1 {
					t.Error("a person's order does not count")
				}
			}
		})
	}
}

// TestWhatWasDecidedTooLongAgoDoesNotCount: behind so many records, or devices, nobody
// knows any more whether it came back.
func TestWhatWasDecidedTooLongAgoDoesNotCount(t *testing.T) {
	for name, many := range map[string]func(d *Decider){
		"records": func(d *Decider) {
			for seq := range uint64(2*namedRecords + 2) {
				d.feed(t, reading("102", "aaaaaaaa", seq+1))
			}
		},
		"devices": func(d *Decider) {
			for i := range 2*namedDevices + 2 {
				d.feed(t, &vaiven.Report{Device: vaiven.Device(fmt.Sprintf("x%d", i))})
			}
		},
	} {
		d := begun(t)
		d.feed(t, reading("101", "aaaaaaaa", 1))
		through := d.Position()
		many(d)
		if n := len(d.named.old) + len(d.named.young); n > 2*namedDevices {
			t.Errorf("%s: %d devices are remembered", name, n)
		}
		if got := d.feed(t, &vaiven.Forgotten{Device: "101", Through: through}); len(got) != 0 {
			t.Errorf("%s: it counts", name)
		}
		if got := d.feed(t, &vaiven.Forgotten{Device: "101", Through: d.Position()}); len(got) != 1 {
			t.Errorf("%s: what was decided just now does not count", name)
		}
		sameState(t, d)
	}
}

// TestSilenceByTheLogsTime: a clock that was wrong for a while makes nobody silent.
func TestSilenceByTheLogsTime(t *testing.T) {
	type at struct {
		day    int
		synced bool
	}
	const today = 20_000
	for name, c := range map[string]struct {
		log  []at
		of   int // the record that is asked for
		days int
		any  int // when its place is not known
	}{
		"days go by":                             {[]at{{today, true}, {today + 3, true}, {today + 40, true}}, 0, 40, 40},
		"a clock that is unsure":                 {[]at{{today, true}, {today + 40, false}}, 0, 0, 0},
		"heard before the network told the time": {[]at{{10, false}, {10, false}, {today, true}}, 1, 0, 0},
		"and long ago, by now":                   {[]at{{10, false}, {today, true}, {today + 40, true}}, 0, 40, 40},
		"a start without a clock":                {[]at{{today, true}, {10, false}, {today + 1, true}}, 0, 0, 0},
		"heard in such a start":                  {[]at{{today, true}, {10, false}, {today + 1, true}, {today + 41, true}}, 1, 40, 40},
		"a clock that was in the future":         {[]at{{today, true}, {today + 9999, false}, {today + 1, true}}, 0, 1, 1},
		"and heard then":                         {[]at{{today, true}, {today + 9999, false}, {today + 1, true}}, 1, 0, 0},
	} {
		var l logTime
		var stamps []vaiven.Stamp
		for i, a := range c.log {
			s := vaiven.Stamp{At: int64(a.day) * vaiven.Day.Milliseconds(), Synced: a.synced}
			stamps = append(stamps, s)
			l.advance(vaiven.Record{Seq: uint64(i) + 1, Events: []vaiven.Event{&vaiven.Presence{Stamp: s}}})
		}
		if got := l.silence(uint64(c.of)+1, stamps[c.of].At); got != time.Duration(c.days)*vaiven.Day {
			t.Errorf("%s: silent for %s, want %d days", name, vaiven.FormatAge(got), c.days)
		}
		if got := l.silence(0, stamps[c.of].At); got > time.Duration(c.any)*vaiven.Day {
			t.Errorf("%s: silent for %s although its place is not known", name, vaiven.FormatAge(got))
		}
	}
}
