package history

import (
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"vaiven"
)

// key names a series; vaiven.MetricReading says what Prometheus calls it.
type key struct {
	device vaiven.Device
	name   string
	state  bool
}

// labels are the series' name as Prometheus has it.
func (k key) labels() labels.Labels {
	if k.state {
		return labels.FromStrings(model.MetricNameLabel, vaiven.MetricState, vaiven.LabelDevice, string(k.device), vaiven.LabelState, k.name)
	}
	return labels.FromStrings(model.MetricNameLabel, vaiven.MetricReading, vaiven.LabelDevice, string(k.device), vaiven.LabelMeasurement, k.name)
}

// clone returns a key that holds nothing of the record that it came with.
func (k key) clone() key {
	return key{vaiven.Device(strings.Clone(string(k.device))), strings.Clone(k.name), k.state}
}

// keyOf is the other way round.
func keyOf(l labels.Labels) key {
	k := key{device: vaiven.Device(l.Get(vaiven.LabelDevice)), state: l.Get(model.MetricNameLabel) == vaiven.MetricState}
	if k.state {
		k.name = l.Get(vaiven.LabelState)
	} else {
		k.name = l.Get(vaiven.LabelMeasurement)
	}
	return k
}

// matchers find exactly the series of a key.
func (k key) matchers() []*labels.Matcher {
	metric, name := vaiven.MetricReading, vaiven.LabelMeasurement
	if k.state {
		metric, name = vaiven.MetricState, vaiven.LabelState
	}
	return []*labels.Matcher{
		labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, metric),
		labels.MustNewMatcher(labels.MatchEqual, vaiven.LabelDevice, string(k.device)),
		labels.MustNewMatcher(labels.MatchEqual, name, k.name),
	}
}
