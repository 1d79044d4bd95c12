package report

import "fmt"

// target is a figure that vaiven has to reach: at most limit, or at most limit
// times the same figure of another peer.
type target struct {
	metric string
	column string
	limit  float64
	times  string // peer; "" for an absolute limit
	says   string
}

const subject = "vaiven"

var targets = []target{
	{SaturatedCPU, subject, 1.25, "goroutines", "CPU per reading at saturation: within 1.25 times of raw TCP echo in Go"},
	{SaturatedCPU, subject, 1, "mosquitto", "CPU per reading at saturation: no more than Mosquitto"},
	{SaturatedCPU, subject, 0.2, "course", "CPU per reading at saturation: a fifth of the course's server or less"},
	{IdleConnection, subject, 4096, "", "resident memory per idle connection: 4 KB (4,096 bytes) or less"},
	{PacedP99, subject, 10, "", "ack p99 at the paced rate: below 10 ms"},
	{TrickleRSS, subject, 60, "", "resident memory with 50 devices: below 60 MB"},
	{ChangeP99, OneAtATime, 20, "", "API call to confirmed event p99, 1,000 boards sending, one change at a time: below 20 ms"},
	{ChangeP99, TenAtATime, 20, "", "API call to confirmed event p99, 1,000 boards sending, 10 changes at a time: below 20 ms"},
	{StalledP99, "ws", 1.1, "", "20 stalled followers raise the p99 of 20 others by less than 10 %: ws"},
	{StalledP99, "sse", 1.1, "", "20 stalled followers raise the p99 of 20 others by less than 10 %: sse"},
	{StalledP99, "ndjson", 1.1, "", "20 stalled followers raise the p99 of 20 others by less than 10 %: ndjson"},
	{StalledP99, "poll", 1.1, "", "20 stalled followers raise the p99 of 20 others by less than 10 %: poll"},
}

// outcome compares a target with what was measured; ok is false when one of
// the two figures is missing.
func (t target) outcome(s Samples) (line string, reached, ok bool) {
	got, ok := s.Of(t.metric, t.column)
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
