package vaiven

// Names of the time series that readings become, in the history and in every store
// that is sent them: one series for each measurement and each state of a device.
const (
	SeriesReading = "vaiven_reading" // with the labels device and measurement
	SeriesState   = "vaiven_state"   // with the labels device and state
)

// Series names one time series.
type Series struct {
	Device Device
	Name   string // of the measurement or of the state
	State  bool
}

// Label is one label of a series.
type Label struct{ Name, Value string }

// Labels are those of the series, by name.
func (s Series) Labels() [3]Label {
	metric, kind := SeriesReading, "measurement"
	if s.State {
		metric, kind = SeriesState, "state"
	}
	return [3]Label{{"__name__", metric}, {"device", string(s.Device)}, {kind, s.Name}}
}

// Sample is a point of a series. The same event always makes the same samples, so
// that one that is written twice is there once.
type Sample struct {
	Series
	At  int64 // Unix ms UTC: when it was measured, or when it was received if that is not known
	Num float64
}

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
		at := e.Measured
		if at == 0 {
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

// SeriesHelp says, for each name of series, what its numbers are; they are all gauges.
var SeriesHelp = map[string]string{
	SeriesReading: "What a device measured: TEMP in degrees Celsius, HUM in % relative humidity, others in the unit that the device's owner chose.",
	SeriesState:   "What a device reports of a state, as LED: 1 is on, 0 is off.",
}
