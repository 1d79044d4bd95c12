package registry

import (
	"math"

	"vaiven"
)

// Statistic is what a session says of one measurement.
type Statistic struct {
	Name      string  `json:"name"`
	N         uint64  `json:"n"`
	Min       float64 `json:"min"`
	Max       float64 `json:"max"`
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"` // of the sample, 0 for a single reading
	Squares   float64 `json:"squares"`   // sum of the squared distances from the mean
}

// Count is how many messages of one kind were refused.
type Count struct {
	Code  vaiven.Code `json:"code"`
	Count uint64      `json:"count"`
}

// Summary is a session in numbers, as the lab asks for. Times are Unix ms and
// intervals ms; the readings' times are those of measuring where the board told
// them, and of reception otherwise.
type Summary struct {
	Session      vaiven.Session
	End          int64 // 0: going on
	First, Last  int64 // readings
	Measurements []Statistic
	Intervals    uint64  // between one reading and the next
	IntervalMean float64 // 0 when there is none
	IntervalP95  float64 // nearest rank; exact up to exactIntervals of them, within 1 % beyond
	Rejected     []Count
	Refusals     uint64
	Gaps         uint64 // less the readings that came after all
	Lost         uint64
}

// stats is what is kept of a session while it goes on.
type stats struct {
	End       int64       `json:"end,omitempty"`
	First     int64       `json:"first,omitempty"`
	Last      int64       `json:"last,omitempty"`
	Values    []Statistic `json:"values,omitempty"` // without Deviation
	Intervals intervals   `json:"intervals"`
	Rejected  []Count     `json:"rejected,omitempty"`
	Refusals  uint64      `json:"refusals,omitempty"`
	Gaps      uint64      `json:"gaps,omitempty"`
	Lost      uint64      `json:"lost,omitempty"`
}

func (s *stats) reading(e *vaiven.Reading) {
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
		if i < len(s.Values) && s.Values[i].Name == v.Name {
			s.Values[i].add(v.Num)
			continue
		}
		s.value(v)
	}
}

func (s *stats) value(v vaiven.Value) {
	for i := range s.Values {
		if s.Values[i].Name == v.Name {
			s.Values[i].add(v.Num)
			return
		}
	}
	if len(s.Values) == maxMeasurements {
		return
	}
	if s.Values == nil {
		s.Values = make([]Statistic, 0, 2) // what most boards have
	}
	s.Values = append(s.Values, Statistic{Name: v.Name, N: 1, Min: v.Num, Max: v.Num, Mean: v.Num})
}

// add counts a value, as Welford's method does, so that nothing is lost by
// cancellation.
func (t *Statistic) add(x float64) {
	t.N++
	t.Min, t.Max = min(t.Min, x), max(t.Max, x)
	d := x - t.Mean
	t.Mean += d / float64(t.N)
	t.Squares += d * (x - t.Mean)
	if math.IsInf(t.Squares, 0) || math.IsNaN(t.Squares) || math.IsInf(t.Mean, 0) || math.IsNaN(t.Mean) {
		t.Squares, t.Mean = 0, x // numbers near the largest there is: no statistics, but a valid snapshot
	}
}

func count(list []Count, code vaiven.Code, n uint64) []Count {
	for i := range list {
		if list[i].Code == code {
			list[i].Count += n
			return list
		}
	}
	if len(list) == maxRejected {
		return list
	}
	return append(list, Count{code, n})
}

func (s *stats) summary(session *vaiven.Session) Summary {
	sum := Summary{
		Session: *session, End: s.End, First: s.First, Last: s.Last,
		Measurements: append([]Statistic(nil), s.Values...),
		Intervals:    s.Intervals.N,
		IntervalMean: s.Intervals.mean(),
		IntervalP95:  s.Intervals.percentile(95),
		Rejected:     append([]Count(nil), s.Rejected...),
		Refusals:     s.Refusals, Gaps: s.Gaps, Lost: s.Lost,
	}
	for i := range sum.Measurements {
		if m := &sum.Measurements[i]; m.N > 1 {
			m.Deviation = math.Sqrt(m.Squares / float64(m.N-1))
		}
	}
	return sum
}
