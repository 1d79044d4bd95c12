package report

import "fmt"

// target is a figure that vaiven has to reach: at most limit, or at most limit
// times the same figure of another peer.
type target struct {
	metric string
	limit  float64
	times  string // peer; "" for an absolute limit
	says   string
}

const subject = "vaiven"

var targets = []target{
	{SaturatedCPU, 1.25, "goroutines", "CPU per reading at saturation: within 1.25 times of raw TCP echo in Go"},
	{SaturatedCPU, 1, "mosquitto", "CPU per reading at saturation: no more than Mosquitto"},
	{SaturatedCPU, 0.2, "course", "CPU per reading at saturation: a fifth of the course's server or less"},
	{IdleConnection, 4096, "", "resident memory per idle connection: 4 KB (4,096 bytes) or less"},
	{PacedP99, 10, "", "ack p99 at the paced rate: below 10 ms"},
	{TrickleRSS, 60, "", "resident memory with 50 devices: below 60 MB"},
}

// outcome compares a target with what was measured; ok is false when one of
// the two figures is missing.
func (t target) outcome(s Samples) (line string, reached, ok bool) {
	got, ok := s.Of(t.metric, subject)
	if !ok {
		return "", false, false
	}
	value, unit := got.Median, ""
	if t.times != "" {
		other, ok := s.Of(t.metric, t.times)
		if !ok || other.Median == 0 {
			return "", false, false
		}
		value, unit = got.Median/other.Median, " times"
	}
	return fmt.Sprintf("%s%s (at most %s%s)", number(value, 2), unit, number(t.limit, 2), unit), value <= t.limit, true
}
