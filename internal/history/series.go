package history

import (
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"vaiven"
)

// What series are called: vaiven_reading{device="101",measurement="TEMP"} and
// vaiven_state{device="101",state="LED"}. Two names whatever boards measure: a name of
// a measurement need not be one of Prometheus (CO2 is, 2M is not), and one query finds
// all that a device has.
const (
	MetricReading    = "vaiven_reading"
	MetricState      = "vaiven_state"
	LabelDevice      = "device"
	LabelMeasurement = "measurement"
	LabelState       = "state"
)

// key names a series.
type key struct {
	device vaiven.Device
	name   string
	state  bool
}

// labels are the series' name as Prometheus has it.
func (k key) labels() labels.Labels {
	if k.state {
		return labels.FromStrings(labels.MetricName, MetricState, LabelDevice, string(k.device), LabelState, k.name)
	}
	return labels.FromStrings(labels.MetricName, MetricReading, LabelDevice, string(k.device), LabelMeasurement, k.name)
}

// clone returns a key that holds nothing of the record that it came with.
func (k key) clone() key {
	return key{vaiven.Device(strings.Clone(string(k.device))), strings.Clone(k.name), k.state}
}

// keyOf is the other way round.
func keyOf(l labels.Labels) key {
	k := key{device: vaiven.Device(l.Get(LabelDevice)), state: l.Get(labels.MetricName) == MetricState}
	if k.state {
		k.name = l.Get(LabelState)
	} else {
		k.name = l.Get(LabelMeasurement)
	}
	return k
}

// matchers find exactly the series of a key.
func (k key) matchers() []*labels.Matcher {
	metric, name := MetricReading, LabelMeasurement
	if k.state {
		metric, name = MetricState, LabelState
	}
	return []*labels.Matcher{
		labels.MustNewMatcher(labels.MatchEqual, labels.MetricName, metric),
		labels.MustNewMatcher(labels.MatchEqual, LabelDevice, string(k.device)),
		labels.MustNewMatcher(labels.MatchEqual, name, k.name),
	}
}
