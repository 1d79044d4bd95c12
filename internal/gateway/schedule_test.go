package gateway

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"vaiven"
)

// TestScheduleAgainstASortedList: whatever moments are given, everybody is there
// once, at the earliest, and comes out when that has come.
func TestScheduleAgainstASortedList(t *testing.T) {
	s := &schedule{earlier: make(chan struct{}, 1)}
	devices := make([]device, 300)
	want := make(map[*device]time.Duration)
	for step := range 200 {
		now := time.Duration(step)
		for range rand.IntN(40) {
			d, at := &devices[rand.IntN(len(devices))], now+time.Duration(rand.IntN(50))
			if old, there := want[d]; !there || at < old {
				want[d] = at
			}
			s.wake(d, at)
		}
		if len(s.heap) != len(want) {
			t.Fatalf("%d entries, want %d", len(s.heap), len(want))
		}
		last := time.Duration(0)
		for _, x := range s.takeDue(now) {
			d := x.(*device)
			at, there := want[d]
			if !there || at > now || at < last || d.heapSlot != 0 {
				t.Fatalf("%v came out at %v, want %v", d, now, at)
			}
			last = at
			delete(want, d)
		}
		if len(want) > 0 && slices.Min(slices.Collect(maps.Values(want))) <= now {
			t.Fatalf("somebody whose turn it is at %v stays", now)
		}
		for i, x := range s.heap {
			if int(*x.of.slot()) != i+1 || x.at != want[x.of.(*device)] {
				t.Fatalf("place %d holds %v", i, x)
			}
		}
	}
}

// A reading of a board whose pace is known touches no schedule and allocates
// nothing for it, however many boards there are.
func TestReadingsDoNotMoveTheSchedule(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	r.paced("101")
	moment := func() time.Duration {
		r.g.schedule.mu.Lock()
		defer r.g.schedule.mu.Unlock()
		i := slices.IndexFunc(r.g.schedule.heap, func(x turn) bool {
			d, ok := x.of.(*device)
			return ok && d.id == vaiven.Device("101")
		})
		return r.g.schedule.heap[i].at
	}
	before := moment()
	for seq := 2; seq < 50; seq++ {
		b.send(reading, seq, 20)
	}
	b.wantAck(49)
	if got := moment(); got != before {
		t.Errorf("the turn moved from %v to %v", before, got)
	}
}
