package sim

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Histogram counts durations in buckets whose width grows with the duration
// (64 for each doubling), so that a quantile is at most 1.6 % too high, from a
// microsecond to 19 hours, in 16 KB whatever the number of durations. Several
// goroutines may use it. The zero value is ready.
type Histogram struct {
	buckets [subBuckets * (maxBits - subBits + 1)]atomic.Uint64
	count   atomic.Uint64
	max     atomic.Int64 // µs
}

const (
	subBits    = 6
	subBuckets = 1 << subBits
	maxBits    = 36 // of the longest duration, in µs
)

// Add counts d. Negative durations count as 0, longer ones than 19 hours as
// that.
func (h *Histogram) Add(d time.Duration) {
	us := min(max(0, d.Microseconds()), 1<<maxBits-1)
	h.buckets[bucket(uint64(us))].Add(1)
	h.count.Add(1)
	for {
		m := h.max.Load()
		if us <= m || h.max.CompareAndSwap(m, us) {
			return
		}
	}
}

// bucket returns the index for us: one bucket a microsecond at first, then 64
// for each doubling.
func bucket(us uint64) int {
	if us < subBuckets {
		return int(us)
	}
	shift := bits.Len64(us) - subBits - 1
	return shift<<subBits + int(us>>shift)
}

// top returns the largest duration of a bucket, in µs.
func top(i int) uint64 {
	if i < subBuckets {
		return uint64(i)
	}
	shift := i>>subBits - 1
	return (uint64(i&(subBuckets-1))+subBuckets+1)<<shift - 1
}

// Count returns how many durations were added.
func (h *Histogram) Count() uint64 { return h.count.Load() }

// Max returns the longest duration.
func (h *Histogram) Max() time.Duration {
	return time.Duration(h.max.Load()) * time.Microsecond
}

// Quantile returns a duration that a share q of all does not exceed: 0.5 is
// the median. 0 without any.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := uint64(q*float64(h.count.Load()) + 0.5)
	var seen uint64
	for i := range h.buckets {
		seen += h.buckets[i].Load()
		if seen >= max(rank, 1) {
			return min(time.Duration(top(i))*time.Microsecond, h.Max())
		}
	}
	return h.Max()
}
