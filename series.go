package vaiven

import (
	"cmp"
	"time"
)

// Series names one time series, as the history has it and every store that is sent it.
type Series struct {
	Device Device
	Name   string // of the measurement or of the state
	State  bool
}

// Label is one label of a series.
type Label struct{ Name, Value string }

// Labels are those of the series, by name.
func (s Series) Labels() [3]Label {
	metric, kind := MetricReading, LabelMeasurement
	if s.State {
		metric, kind = MetricState, LabelState
	}
	return [3]Label{{"__name__", metric}, {LabelDevice, string(s.Device)}, {kind, s.Name}}
}

// Sample is a point of a series. The same event always makes the same samples, so
// that one that is written twice is there once.
type Sample struct {
	Series
	At  int64 // Unix ms UTC: when it was measured, or when it was received if that is not known
	Num float64
}

// maxAhead is how far a board's clock may run ahead of a server's that is right. What
// was measured later than that was not: it counts from when it was received.
const maxAhead = int64(24 * time.Hour / time.Millisecond)

// AppendSamples adds to list what an event says of its device's series: the
// measurements and states of a reading, the states of a report and of a greeting.
func AppendSamples(list []Sample, ev Event) []Sample {
	add := func(at int64, values []Value, state bool) {
		for _, v := range values {
			list = append(list, Sample{Series{ev.Of(), v.Name, state}, at, v.Num})
		}
	}
	switch e := ev.(type) {
	case *Reading:
		at := cmp.Or(e.Measured, e.At)
		if e.Synced && at > e.At+maxAhead {
			at = e.At
		}
		add(at, e.Values, false)
		add(at, e.States, true)
	case *Report:
		add(e.At, e.States, true)
	case *Hello:
		add(e.At, e.States, true)
	}
	return list
}

// MetricHelp says, for each name of series, what its numbers are; they are all gauges.
var MetricHelp = map[string]string{
	MetricReading: "What a device measured: TEMP in degrees Celsius, HUM in % relative humidity, others in the unit that the device's owner chose.",
	MetricState:   "What a device reports of a state, as LED: 1 is on, 0 is off.",
}
