package event

import (
	"math"
	"time"

	"vaiven"
)

// Disorder is by how much an event may have been received before another one that
// stands in front of it in the log: they are of several gateways, or one of them
// waited for a log that was busy.
const Disorder = 5 * time.Second

// Seek returns an id that is not behind the first event at the moment ms (Unix, UTC)
// or later, and not far before it, by halving the log between first and last: some
// twenty looks for a million records. timeAt returns the time of the first event in a
// record, or behind it; found is false when there is none. What was looked at may be
// out of order, so it looks for a moment that is earlier by as much.
func Seek(first, last vaiven.ID, ms int64, timeAt func(record uint64) (at int64, found bool, err error)) (vaiven.ID, error) {
	ms -= Disorder.Milliseconds()
	lo, hi := max(first.Record, 1), last.Record+1
	for lo < hi {
		mid := lo + (hi-lo)/2
		at, found, err := timeAt(mid)
		if err != nil {
			return vaiven.ID{}, err
		}
		if !found || at >= ms {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if lo < 3 {
		return vaiven.ID{}, nil
	}
	return vaiven.ID{Record: lo - 2, Index: math.MaxUint32}, nil // the record before may hold the first of them
}
