package sim

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBucketsCoverEverythingOnce(t *testing.T) {
	last := -1
	for us := range uint64(1 << 16) {
		i := bucket(us)
		if i != last && i != last+1 {
			t.Fatalf("%d µs is in bucket %d, behind %d", us, i, last)
		}
		if us > top(i) {
			t.Fatalf("%d µs is in bucket %d, which ends at %d", us, i, top(i))
		}
		last = i
	}
	var h Histogram
	if i := bucket(1<<maxBits - 1); i != len(h.buckets)-1 {
		t.Errorf("the last bucket is %d of %d", i, len(h.buckets))
	}
}

func TestQuantileIsNearTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Histogram
		us := rapid.SliceOfN(rapid.Int64Range(0, 1<<34), 1, 200).Draw(t, "us")
		for _, u := range us {
			h.Add(time.Duration(u) * time.Microsecond)
		}
		slices.Sort(us)
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		rank := max(1, int(q*float64(len(us))+0.5))
		truth := time.Duration(us[rank-1]) * time.Microsecond
		got := h.Quantile(q)
		if got < truth || got > truth+truth/subBuckets+time.Microsecond {
			t.Fatalf("quantile %v is %v, want %v", q, got, truth)
		}
		if h.Max() != time.Duration(us[len(us)-1])*time.Microsecond || h.Count() != uint64(len(us)) {
			t.Fatalf("max %v of %d", h.Max(), h.Count())
		}
	})
}

func TestHistogramOfNothing(t *testing.T) {
	var h Histogram
	if h.Quantile(0.99) != 0 || h.Max() != 0 {
		t.Error("not 0")
	}
	h.Add(-time.Second)
	h.Add(1000 * time.Hour)
	if h.Quantile(0) != 0 || h.Quantile(1) < 19*time.Hour {
		t.Errorf("%v, %v", h.Quantile(0), h.Quantile(1))
	}
}

func TestWeatherIsThatOfARoom(t *testing.T) {
	w := newWeather(rand.New(rand.NewPCG(1, 2)))
	moved := false
	first := w.measure()
	for range 10_000 {
		v := w.measure()
		temp, hum := v[0].Num, v[1].Num
		if temp < 0 || temp > 50 || hum < 20 || hum > 90 {
			t.Fatalf("%v", v)
		}
		if tenths := temp * 10; tenths-float64(int(tenths+0.5)) > 1e-6 || hum != float64(int(hum)) {
			t.Fatalf("finer than a DHT11: %v", v)
		}
		moved = moved || v[0] != first[0] && v[1] != first[1]
	}
	if !moved {
		t.Error("nothing changes")
	}
}

func TestNaNMessage(t *testing.T) {
	for first, want := range map[int]string{
		7: `{"IDDEVICE":7,"TEMP":nan,"HUM":nan}`, 1001: `{"IDDEVICE":"1001","TEMP":nan,"HUM":nan}`,
	} {
		if got := string(newBoard(&Options{First: first}, new(tally), 0).nan); got != want {
			t.Errorf("%s", got)
		}
	}
}
