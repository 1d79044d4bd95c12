package vaiven

import (
	"math"
	"slices"
)

// exactIntervals is up to how many intervals a session keeps each of them. The
// lab's 10 and the workshop's 50 readings are exact.
const exactIntervals = 64

// Intervals are the times between the readings of a session, in ms. The first
// exactIntervals are kept; beyond, they are counted in steps of 2 %, so that a
// board that sends for months takes no more than a few hundred bytes (at worst,
// with times all over from 1 ms to 49 days, some 1,100 steps).
type Intervals struct {
	N     uint64         `json:"n,omitempty"`
	Sum   float64        `json:"sum,omitempty"`
	Exact []uint32       `json:"exact,omitempty"`
	Steps []IntervalStep `json:"steps,omitempty"` // sorted, once there are too many for Exact
}

// IntervalStep counts the intervals from growth^(At-1) to growth^At ms; step 0 those
// below 1 ms.
type IntervalStep struct {
	At    uint16 `json:"at"`
	Count uint32 `json:"n"`
}

const growth = 1.02

// add counts an interval. One that is negative, as when a board's clock was
// set back or old readings came late, counts as 0.
func (v *Intervals) add(ms int64) {
	ms = min(max(ms, 0), math.MaxUint32) // 49 days
	v.N++
	v.Sum += float64(ms)
	if v.Steps == nil {
		if len(v.Exact) < exactIntervals {
			v.Exact = append(v.Exact, uint32(ms))
			return
		}
		for _, x := range v.Exact {
			v.count(int64(x))
		}
		v.Exact = nil
	}
	v.count(ms)
}

func (v *Intervals) count(ms int64) {
	at := uint16(0)
	if ms > 0 {
		at = uint16(min(1+math.Log(float64(ms))/math.Log(growth), math.MaxUint16))
	}
	i, found := slices.BinarySearchFunc(v.Steps, at, func(s IntervalStep, at uint16) int { return int(s.At) - int(at) })
	if !found {
		v.Steps = slices.Insert(v.Steps, i, IntervalStep{At: at})
	}
	if v.Steps[i].Count < math.MaxUint32 {
		v.Steps[i].Count++
	}
}

func (v *Intervals) mean() float64 {
	if v.N == 0 {
		return 0
	}
	return v.Sum / float64(v.N)
}

// percentile returns the smallest interval that p per cent do not exceed.
func (v *Intervals) percentile(p int) float64 {
	if v.N == 0 {
		return 0
	}
	if v.Steps == nil {
		sorted := slices.Sorted(slices.Values(v.Exact))
		return float64(sorted[(len(sorted)*p+99)/100-1])
	}
	total := uint64(0)
	for _, s := range v.Steps {
		total += uint64(s.Count)
	}
	rank := (total*uint64(p) + 99) / 100
	for _, s := range v.Steps {
		if rank <= uint64(s.Count) {
			if s.At == 0 {
				return 0
			}
			return math.Pow(growth, float64(s.At)-0.5) // the step's middle
		}
		rank -= uint64(s.Count)
	}
	return 0
}
