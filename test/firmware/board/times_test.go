//go:build suites && linux

package board

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"vaiven/test/firmware/boardtest"
)

// stored is a reading as the log has it.
type stored struct {
	ID       string             `json:"id"`
	At       time.Time          `json:"at"`
	Measured time.Time          `json:"measured"`
	Device   string             `json:"device"`
	Boot     string             `json:"boot"`
	Seq      int                `json:"seq"`
	Values   map[string]float64 `json:"values"`
}

// readings are all readings of the log, of one device or (with "") of all.
func readings(t testing.TB, addr, device string) (all []stored) {
	t.Helper()
	after := "begin"
	for {
		var page struct {
			Events []stored `json:"events"`
			Next   string   `json:"next"`
			More   bool     `json:"more"`
		}
		path := "/events?kind=reading&limit=1000&after=" + after
		if device != "" {
			path += "&device=" + device
		}
		if code := request(t, "GET", addr, path, "", &page); code != 200 {
			t.Fatalf("%s: %d", path, code)
		}
		all = append(all, page.Events...)
		if !page.More {
			return all
		}
		after = page.Next
	}
}

// sending is one time that a reading was sent.
//
// waited is how late that may be because the board's thread, on a busy machine, had
// no processor since its loop() read the clock.
type sending struct{ at, age, waited int64 }

// sendings are when each SEQ left the board, from its sent events.
func sendings(t testing.TB, b *boardtest.Board) map[int][]sending {
	t.Helper()
	found := map[int][]sending{}
	for _, e := range b.Events("sent") {
		if !strings.Contains(e.Text, `"SEQ":`) {
			continue
		}
		text := e.Text
		if !strings.HasPrefix(text, "[") {
			text = "[" + text + "]"
		}
		var all []struct {
			SEQ int
			AGE *int64
		}
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("%s: %v", e.Text, err)
		}
		for _, r := range all {
			if r.AGE != nil {
				found[r.SEQ] = append(found[r.SEQ], sending{e.Begun, *r.AGE, e.Waited})
			}
		}
	}
	return found
}

// timeTolerance is in simulated ms.
const timeTolerance = 1000

// conversion is when the sensor was asked, and when the sketch had read it: on a
// busy machine some simulated seconds may lie between. From there to the note that
// the sketch makes of it its task may have waited too.
type conversion struct{ begun, read, waited int64 }

// conversions are those that succeeded.
func conversions(b *boardtest.Board) (all []conversion) {
	events := b.Events("sensor")
	for i, e := range events {
		if !e.OK {
			continue
		}
		c := conversion{begun: e.At, read: e.At}
		if i+1 < len(events) {
			next := events[i+1]
			c.read = max(c.read, next.Before)
			if c.waited = next.Waited - e.Waited; c.waited < 0 { // another task's, behind a restart
				c.waited = next.Waited
			}
		}
		all = append(all, c)
	}
	return all
}

// handedOn is for how long a board waited for this machine while it handed its clock
// on to itself, through a sleep or a restart, between two moments.
func handedOn(events []boardtest.Event, from, to int64) (waited int64) {
	for _, e := range events {
		if from <= e.At && e.At <= to && (e.Event == "sleep" || e.Event == "restart" || e.Event == "started") {
			waited += e.Waited
		}
	}
	return waited
}

// checkTimes proves that what the server recorded as measured is when the sensor
// was read: the AGE that it took is one that the board sent, and the board's clock
// at that sending less the AGE lies within the conversion.
func checkTimes(t testing.TB, b *boardtest.Board, all []stored) (worst int64) {
	t.Helper()
	conversions, sent, events := conversions(b), sendings(t, b), b.Events("")
	for _, r := range all {
		if r.Seq < 1 || r.Seq > len(conversions) {
			t.Fatalf("SEQ %d of %d conversions", r.Seq, len(conversions))
		}
		off := offBy(r, sent[r.Seq], conversions[r.Seq-1], events)
		if off > timeTolerance {
			t.Errorf("%s SEQ %d: measured is off by %d ms; conversion %+v, sent %+v, AGE %v", r.Device, r.Seq, off,
				conversions[r.Seq-1], sent[r.Seq], r.At.Sub(r.Measured))
		}
		worst = max(worst, off)
	}
	return worst
}

// offBy is by how much the measured time of a reading is wrong, in simulated ms, but
// for what this machine's being busy can explain.
func offBy(r stored, sent []sending, c conversion, events []boardtest.Event) int64 {
	age, best := r.At.Sub(r.Measured).Milliseconds(), int64(1)<<40
	for _, s := range sent {
		if s.age == age {
			taken, handed := s.at-s.age, handedOn(events, c.begun, s.at)
			best = min(best, max(c.begun-taken-handed, taken-s.waited-c.waited-handed-c.read, 0))
		}
	}
	return best
}

func (r stored) row() string { return fmt.Sprintf("%g,%g", r.Values["TEMP"], r.Values["HUM"]) }
