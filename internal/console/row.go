package console

import (
	"time"

	"vaiven"
)

// sparkLen is how many values a sparkline shows.
const sparkLen = 40

// row is what the full-screen view knows of one device. Its size is bounded:
// vaiven.MaxValues values, sparkLen numbers, and its life.
type row struct {
	life
	device    vaiven.Device
	name      string
	values    []vaiven.Value // the latest of each measurement
	spark     ring[float64]
	sparkName string // what spark shows: TEMP, or the first measurement
	readings  uint64
	rejected  uint64
	filling   bool // the last reading had counted as lost

	fw       string
	conflict int64    // when several boards last fought over the id, Unix ms
	rivals   []string // their addresses

	session  bool
	asked    uint64 // readings, 0: no limit
	taken    uint64 // in this session
	deadline int64
	interval time.Duration
	ended    bool
}

func (r *row) reading(e *vaiven.Reading) {
	r.readings++
	if r.session && !r.ended && !e.Uncounted {
		r.taken++
	}
	r.values = merge(r.values, e.Values)
	if r.sparkName == "" && len(e.Values) > 0 {
		r.sparkName = e.Values[0].Name
	}
	if t, ok := vaiven.Find(e.Values, "TEMP"); ok {
		if r.sparkName != "TEMP" {
			r.sparkName, r.spark = "TEMP", ring[float64]{}
		}
		r.spark.push(t, sparkLen)
	} else if v, ok := vaiven.Find(e.Values, r.sparkName); ok {
		r.spark.push(v, sparkLen)
	}
}

func (r *row) start(e *vaiven.SessionStart) {
	r.session, r.ended, r.taken = true, false, 0
	r.asked, r.deadline = e.Readings, e.Deadline
	r.interval = time.Duration(e.Interval) * time.Millisecond
}

// overdue says when a device that sends nothing is worth a look: after three
// intervals, where one was asked for.
func (r *row) overdue() time.Duration {
	if r.interval > 0 {
		return max(3*r.interval, 5*time.Second)
	}
	return 30 * time.Second
}

// ring keeps the last few of a sequence.
type ring[T any] struct {
	items []T
	next  int // where the next one goes once the ring is full
}

func (r *ring[T]) push(v T, limit int) {
	if len(r.items) < limit {
		r.items = append(r.items, v)
		return
	}
	r.items[r.next] = v
	r.next = (r.next + 1) % limit
}

// last returns up to n items, the oldest first.
func (r *ring[T]) last(n int) []T {
	n = min(n, len(r.items))
	out := make([]T, 0, n)
	for i := len(r.items) - n; i < len(r.items); i++ {
		out = append(out, r.items[(r.next+i)%len(r.items)])
	}
	return out
}
