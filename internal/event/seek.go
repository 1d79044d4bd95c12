package event

import (
	"math"
	"time"

	"vaiven"
)

// Disorder is by how much an event may always have been received before another one
// that stands in front of it in the log: they are of several gateways, or one of them
// waited for a log that was busy. A log whose clock was set back has more.
const Disorder = 5 * time.Second

// Seek returns an id that is not behind the first event at the moment ms (Unix, UTC)
// or later, and not far before it, by halving the log between first and last: some
// twenty looks for a million records. timeAt returns the time of the first event in a
// record, or behind it; found is false when there is none. No event's time is behind
// that of an earlier one by more than disorder, so it looks for a moment that is earlier
// by as much.
func Seek(first, last vaiven.ID, ms int64, disorder time.Duration, timeAt func(record uint64) (at int64, found bool, err error)) (vaiven.ID, error) {
	record, err := halve(first, last, ms-disorder.Milliseconds(), timeAt)
	if err != nil || record < 3 {
		return vaiven.ID{}, err
	}
	return vaiven.ID{Record: record - 2, Index: math.MaxUint32}, nil // the record before may hold the first of them
}

// SeekEnd returns an id that is behind every event at the moment ms or earlier, and
// not far behind it; see Seek.
func SeekEnd(first, last vaiven.ID, ms int64, disorder time.Duration, timeAt func(record uint64) (at int64, found bool, err error)) (vaiven.ID, error) {
	record, err := halve(first, last, ms+disorder.Milliseconds()+1, timeAt)
	return vaiven.ID{Record: record}, err
}

// halve finds a record that begins at the moment ms or later, while one in front of it
// begins earlier; one behind the last when there is none.
func halve(first, last vaiven.ID, ms int64, timeAt func(record uint64) (at int64, found bool, err error)) (uint64, error) {
	lo, hi := max(first.Record, 1), last.Record+1
	for lo < hi {
		mid := lo + (hi-lo)/2
		at, found, err := timeAt(mid)
		if err != nil {
			return 0, err
		}
		if !found || at >= ms {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo, nil
}
