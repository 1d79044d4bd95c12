package load

import (
	"math/bits"
	"time"
)

const (
	fine    = 64 // buckets per power of two: values are known to 1.6 %
	fineLog = 6
)

// Histogram counts durations in buckets of constant relative width. The zero
// value is empty.
type Histogram struct {
	buckets [(64 - fineLog + 1) * fine]uint64
	count   uint64
	max     time.Duration
}

// Add counts one duration; a negative one counts as zero.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.buckets[bucket(uint64(d))]++
	h.count++
	h.max = max(h.max, d)
}

// Merge adds all that was added to other.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
	h.count += other.count
	h.max = max(h.max, other.max)
}

// Count returns how many durations were added.
func (h *Histogram) Count() uint64 { return h.count }

// Max returns the longest duration, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns the duration that the fraction q (0..1) of all durations do
// not exceed, to 1.6 %; 0 when nothing was added.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.count))
	var seen uint64
	for i, n := range h.buckets {
		seen += n
		if n > 0 && seen >= rank {
			return min(upper(i), h.max)
		}
	}
	return h.max
}

// bucket numbers are exact below fine; above, the highest bits after the
// leading one choose among the buckets of that power of two.
func bucket(v uint64) int {
	if v < fine {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - fineLog
	return (shift+1)*fine + int(v>>shift) - fine
}

func upper(i int) time.Duration {
	if i < fine {
		return time.Duration(i)
	}
	shift := i/fine - 1
	return time.Duration((uint64(i%fine+fine+1) << shift) - 1)
}
