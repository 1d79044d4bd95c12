package vaiven

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestStatisticsAreThoseOfTheTextbook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1000, 1000), 1, 60).Draw(t, "values")
		s := &SessionStats{}
		sum := 0.0
		for _, v := range values {
			s.add(&Reading{Values: []Value{{Name: "T", Num: v}}})
			sum += v
		}
		mean, squares := sum/float64(len(values)), 0.0
		for _, v := range values {
			squares += (v - mean) * (v - mean)
		}
		dev := 0.0
		if len(values) > 1 {
			dev = math.Sqrt(squares / float64(len(values)-1))
		}
		got := summaryOf(s).Measurements[0]
		if got.N != uint64(len(values)) || got.Min != slices.Min(values) || got.Max != slices.Max(values) ||
			math.Abs(got.Mean-mean) > 1e-9 || math.Abs(got.Deviation-dev) > 1e-6 {
			t.Fatalf("%+v, want mean %g and deviation %g", got, mean, dev)
		}
	})
}

func TestStatisticsOfEnormousNumbersCanBeKept(t *testing.T) {
	s := &SessionStats{}
	for _, v := range []float64{math.MaxFloat64, -math.MaxFloat64, math.MaxFloat64, 1} {
		s.add(&Reading{Values: []Value{{Name: "T", Num: v}}})
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
}

func TestPercentileIsExactInALabAndWithinOnePerCentBeyond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Int64Range(0, 10_000_000), 1, 400).Draw(t, "intervals")
		var v Intervals
		sum := 0.0
		for _, ms := range list {
			v.add(ms)
			sum += float64(ms)
		}
		slices.Sort(list)
		want := float64(list[(len(list)*95+99)/100-1])
		got := v.percentile(95)
		limit := 0.0
		if len(list) > exactIntervals {
			limit = want*0.0101 + 0.5
		}
		if math.Abs(got-want) > limit || v.mean() != sum/float64(len(list)) {
			t.Fatalf("%d intervals: %g, want %g; mean %g", len(list), got, want, v.mean())
		}
	})
}

func TestIntervalsOfAMonthStaySmall(t *testing.T) {
	var v Intervals
	for i := range int64(500_000) {
		v.add(5000 + i%40)
	}
	if len(v.Steps) > 4 || v.Exact != nil || v.N != 500_000 {
		t.Errorf("%d steps", len(v.Steps))
	}
	v.add(-5)
	v.add(math.MaxInt64)
	if v.percentile(0) != 0 {
		t.Errorf("the smallest is %g", v.percentile(0))
	}
}

func summaryOf(s *SessionStats) Summary {
	d := DeviceInfo{Session: &Session{}, Stats: s}
	sum, _ := d.Summary()
	return sum
}
