package load

import (
	"testing"
	"time"
)

func TestHistogramQuantiles(t *testing.T) {
	var h Histogram
	for i := 1; i <= 10_000; i++ {
		h.Add(time.Duration(i) * time.Microsecond)
	}
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{{0.5, 5 * time.Millisecond}, {0.99, 9900 * time.Microsecond}, {1, 10 * time.Millisecond}} {
		got := h.Quantile(c.q)
		if diff := (got - c.want).Abs(); diff > c.want/50 {
			t.Errorf("quantile %v = %v, want %v within 2 %%", c.q, got, c.want)
		}
	}
	if h.Max() != 10*time.Millisecond || h.Count() != 10_000 {
		t.Errorf("max %v, count %d", h.Max(), h.Count())
	}
}

// Every value must lie in the bucket whose bounds enclose it.
func TestHistogramBuckets(t *testing.T) {
	for _, v := range []uint64{0, 1, 63, 64, 65, 127, 128, 1000, 1 << 20, 1<<20 - 1, 1<<62 + 12345} {
		i := bucket(v)
		if v > uint64(upper(i)) {
			t.Errorf("%d lies above its bucket %d, which ends at %d", v, i, upper(i))
		}
		if i > 0 && v <= uint64(upper(i-1)) {
			t.Errorf("%d lies below its bucket %d", v, i)
		}
	}
}

func TestHistogramEmpty(t *testing.T) {
	var h Histogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing = %v", got)
	}
}

func TestHistogramMerge(t *testing.T) {
	var a, b, both Histogram
	for i := range 1000 {
		d := time.Duration(i*i) * time.Microsecond
		both.Add(d)
		if i%3 == 0 {
			a.Add(d)
		} else {
			b.Add(d)
		}
	}
	a.Merge(&b)
	if a != both {
		t.Errorf("%d durations up to %v, want %d up to %v", a.Count(), a.Max(), both.Count(), both.Max())
	}
}
