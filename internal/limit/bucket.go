package limit

import (
	"math"
	"time"
)

// Bucket is how much of something may be had: so much at once, and so much a second
// in the long run. What is taken beyond makes a debt, which time pays. The zero value
// is a full one. It belongs to one goroutine at a time.
type Bucket struct {
	used float64
	at   time.Duration // when used was last brought up to date
}

// Rate is what a Bucket is filled with. One whose PerSecond is 0 bounds nothing.
type Rate struct {
	PerSecond float64
	Burst     float64 // at once
}

// settle brings the bucket up to date.
func (b *Bucket) settle(r Rate, now time.Duration) {
	b.used = max(0, b.used-r.PerSecond*(now-b.at).Seconds())
	b.at = now
}

// Take takes n, which must be no more than r.Burst, if that is there; otherwise nothing
// is taken, and wait is when it will be. now is of any clock that nobody sets.
func (b *Bucket) Take(r Rate, n float64, now time.Duration) (wait time.Duration) {
	if r.PerSecond <= 0 {
		return 0
	}
	b.settle(r, now)
	if over := b.used + n - r.Burst; over > 0 {
		return seconds(over / r.PerSecond)
	}
	b.used += n
	return 0
}

// Spend takes n whatever there is, and returns how long the next is to wait until the
// debt is paid.
func (b *Bucket) Spend(r Rate, n float64, now time.Duration) (wait time.Duration) {
	if r.PerSecond <= 0 {
		return 0
	}
	b.settle(r, now)
	b.used += n
	if over := b.used - r.Burst; over > 0 {
		return seconds(over / r.PerSecond)
	}
	return 0
}

// Full reports whether nothing of it is used.
func (b *Bucket) Full(r Rate, now time.Duration) bool {
	b.settle(r, now)
	return b.used == 0
}

// seconds is a duration of so many, rounded up: who comes then finds what there was to
// wait for.
func seconds(s float64) time.Duration {
	if s > math.MaxInt64/float64(2*time.Second) {
		return math.MaxInt64 / 2
	}
	return time.Duration(math.Ceil(s*1e3)) * time.Millisecond
}
