package vaiven

import (
	"math"
	"slices"
)

// Summary is a session in numbers, as the lab asks for. Times are Unix ms UTC and
// intervals ms; the readings' times are those of measuring where the board told
// them, and of reception otherwise.
type Summary struct {
	Session      Session
	End          int64 // 0: going on
	First, Last  int64 // readings
	Measurements []Measurement
	Intervals    uint64  // between one reading and the next
	IntervalMean float64 // 0 when there is none
	IntervalP95  float64 // nearest rank; exact up to exactIntervals of them, within 1 % beyond
	Rejected     []CodeCount
	Refusals     uint64
	Gaps         uint64 // less the readings that came after all
	Lost         uint64
}

// Measurement is what a session says of one measurement.
type Measurement struct {
	Name      string  `json:"name"`
	N         uint64  `json:"n"`
	Min       float64 `json:"min"`
	Max       float64 `json:"max"`
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"` // of the sample, 0 for a single reading
	Squares   float64 `json:"squares"`   // sum of the squared distances from the mean
}

// CodeCount is how many messages of one kind were refused.
type CodeCount struct {
	Code  Code   `json:"code"`
	Count uint64 `json:"count"`
}

// SessionStats is what is kept of a session while it goes on, to make its Summary.
// Its JSON is part of a checkpoint. The zero value is a session without readings.
type SessionStats struct {
	End       int64         `json:"end,omitempty"`
	First     int64         `json:"first,omitempty"`
	Last      int64         `json:"last,omitempty"`
	Values    []Measurement `json:"values,omitempty"` // without Deviation
	Intervals Intervals     `json:"intervals"`
	Rejected  []CodeCount   `json:"rejected,omitempty"`
	Refusals  uint64        `json:"refusals,omitempty"`
	Gaps      uint64        `json:"gaps,omitempty"`
	Lost      uint64        `json:"lost,omitempty"`
}

// Summary returns the device's last session in numbers; false if it had none, or
// its Stats are not kept.
func (d *DeviceInfo) Summary() (Summary, bool) {
	s := d.Stats
	if d.Session == nil || s == nil {
		return Summary{}, false
	}
	sum := Summary{
		Session: *d.Session, End: s.End, First: s.First, Last: s.Last,
		Measurements: slices.Clone(s.Values),
		Intervals:    s.Intervals.N, IntervalMean: s.Intervals.mean(), IntervalP95: s.Intervals.percentile(95),
		Rejected: slices.Clone(s.Rejected), Refusals: s.Refusals, Gaps: s.Gaps, Lost: s.Lost,
	}
	for i := range sum.Measurements {
		if m := &sum.Measurements[i]; m.N > 1 {
			m.Deviation = math.Sqrt(m.Squares / float64(m.N-1))
		}
	}
	return sum, true
}

// add counts a reading of the session.
func (s *SessionStats) add(e *Reading) {
	at := e.Measured
	if at == 0 {
		at = e.At
	}
	if s.First == 0 {
		s.First = at
	} else {
		s.Intervals.add(at - s.Last)
	}
	s.Last = at
	for i, v := range e.Values {
		if i >= len(s.Values) || s.Values[i].Name != v.Name { // the usual order
			i = slices.IndexFunc(s.Values, func(m Measurement) bool { return m.Name == v.Name })
		}
		switch {
		case i >= 0:
			s.Values[i].add(v.Num)
		case len(s.Values) < maxMeasurements:
			if s.Values == nil {
				s.Values = make([]Measurement, 0, 2) // what most boards have
			}
			s.Values = append(s.Values, Measurement{Name: v.Name, N: 1, Min: v.Num, Max: v.Num, Mean: v.Num})
		}
	}
}

// add counts a value, as Welford's method does, so that nothing is lost by
// cancellation.
func (m *Measurement) add(x float64) {
	m.N++
	m.Min, m.Max = min(m.Min, x), max(m.Max, x)
	d := x - m.Mean
	m.Mean += d / float64(m.N)
	m.Squares += d * (x - m.Mean)
	if math.IsInf(m.Squares, 0) || math.IsNaN(m.Squares) || math.IsInf(m.Mean, 0) || math.IsNaN(m.Mean) {
		m.Squares, m.Mean = 0, x // numbers near the largest there is: no statistics, but a valid snapshot
	}
}

func (s *SessionStats) countRejected(e *Rejected) {
	i := slices.IndexFunc(s.Rejected, func(c CodeCount) bool { return c.Code == e.Code })
	switch {
	case i >= 0:
		s.Rejected[i].Count += e.Count
	case len(s.Rejected) < maxRejected:
		s.Rejected = append(s.Rejected, CodeCount{e.Code, e.Count})
	}
}
