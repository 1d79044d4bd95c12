package vaiven

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSamplesOfEvents(t *testing.T) {
	led := []Value{{"LED", 1}}
	at := Stamp{At: 5000}
	for _, c := range []struct {
		ev   Event
		want []Sample
	}{
		{&Reading{Stamp: at, Device: "101", Measured: 4000, Values: []Value{{"TEMP", 24.5}, {"HUM", 61}}, States: led}, []Sample{
			{Series{"101", "TEMP", false}, 4000, 24.5}, {Series{"101", "HUM", false}, 4000, 61}, {Series{"101", "LED", true}, 4000, 1}}},
		{&Reading{Stamp: at, Device: "101", Values: []Value{{"TEMP", 24.5}}, Uncounted: true}, []Sample{{Series{"101", "TEMP", false}, 5000, 24.5}}},
		// A board's clock that runs ahead: by a day, which is taken, and by more.
		{&Reading{Stamp: Stamp{At: 5000, Synced: true}, Device: "101", Measured: 5000 + maxAhead, Values: []Value{{"TEMP", 1}}}, []Sample{{Series{"101", "TEMP", false}, 5000 + maxAhead, 1}}},
		{&Reading{Stamp: Stamp{At: 5000, Synced: true}, Device: "101", Measured: 5001 + maxAhead, Values: []Value{{"TEMP", 1}}}, []Sample{{Series{"101", "TEMP", false}, 5000, 1}}},
		{&Reading{Stamp: at, Device: "101", Measured: 5001 + maxAhead, Values: []Value{{"TEMP", 1}}}, []Sample{{Series{"101", "TEMP", false}, 5001 + maxAhead, 1}}},
		{&Report{Stamp: at, Device: "101", States: led}, []Sample{{Series{"101", "LED", true}, 5000, 1}}},
		{&Hello{Stamp: at, Device: "101", States: led}, []Sample{{Series{"101", "LED", true}, 5000, 1}}},
		{&Change{Stamp: at, Device: "101"}, nil},
		{&LogStart{Stamp: at}, nil},
	} {
		if d := cmp.Diff(c.want, AppendSamples(nil, c.ev)); d != "" {
			t.Errorf("%T: %s", c.ev, d)
		}
	}
}

func TestLabelsAreInOrder(t *testing.T) {
	for _, s := range []Series{{"101", "TEMP", false}, {"101", "LED", true}} {
		l := s.Labels()
		if l[0].Name >= l[1].Name || l[1].Name >= l[2].Name || MetricHelp[l[0].Value] == "" {
			t.Errorf("%v", l)
		}
	}
}
