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
type sending struct{ at, age int64 }

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
				found[r.SEQ] = append(found[r.SEQ], sending{e.At, *r.AGE})
			}
		}
	}
	return found
}

// timeTolerance is in simulated ms.
const timeTolerance = 1000

// checkTimes proves that what the server recorded as measured is when the sensor
// was read: the AGE that it took is one that the board sent, and the board's clock
// at that sending less the AGE is the moment of the conversion. What this machine
// was late by just then, which boards tell, is not the board's fault.
func checkTimes(t testing.TB, b *boardtest.Board, all []stored) (worst int64) {
	t.Helper()
	var conversions []boardtest.Event
	for _, e := range b.Events("sensor") {
		if e.OK {
			conversions = append(conversions, e)
		}
	}
	sent, stalls := sendings(t, b), b.Events("stall")
	for _, r := range all {
		if r.Seq < 1 || r.Seq > len(conversions) {
			t.Fatalf("SEQ %d of %d conversions", r.Seq, len(conversions))
		}
		at := conversions[r.Seq-1].At
		off := offBy(r, sent[r.Seq], at)
		if off > timeTolerance {
			off -= stalled(stalls, at)
		}
		if off > timeTolerance {
			t.Errorf("%s SEQ %d: measured is off by %d ms; conversion %+v, sent %+v, AGE %v", r.Device, r.Seq, off,
				conversions[r.Seq-1], sent[r.Seq], r.At.Sub(r.Measured))
		} else {
			worst = max(worst, off)
		}
	}
	return worst
}

// stalled is for how long this machine kept the board's task waiting between the
// conversion at a moment and the next line of its program.
func stalled(stalls []boardtest.Event, at int64) (ms int64) {
	for _, s := range stalls {
		if s.At >= at && s.At-s.MS <= at+100 {
			ms = max(ms, s.MS)
		}
	}
	return ms
}

// offBy is by how much the measured time of a reading is wrong, in simulated ms.
func offBy(r stored, sent []sending, converted int64) int64 {
	age, best := r.At.Sub(r.Measured).Milliseconds(), int64(1)<<40
	for _, s := range sent {
		if s.age == age {
			off := s.at - s.age - converted
			best = min(best, max(off, -off))
		}
	}
	return best
}

func (r stored) row() string { return fmt.Sprintf("%g,%g", r.Values["TEMP"], r.Values["HUM"]) }
