package console

import (
	"time"

	"vaiven"
)

// sparkLen is how many values a sparkline shows.
const sparkLen = 40

// row is what the full-screen view knows of one device. Its size is bounded: its
// board, and sparkLen numbers.
type row struct {
	board
	name      string // the roster's, or what people call it
	spark     ring[float64]
	sparkName string // what spark shows: TEMP, or the first measurement
	filling   bool   // the last reading had counted as lost
}

// drawSpark takes over a reading for the sparkline.
func (r *row) drawSpark(e *vaiven.Reading) {
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

// session is the device's last one, an empty one if it had none.
func (r *row) session() vaiven.Session {
	if r.info.Session == nil {
		return vaiven.Session{}
	}
	return *r.info.Session
}

// overdue says when a device that sends nothing is worth a look: after three
// intervals, where one was asked for.
func (r *row) overdue() time.Duration {
	if ms := r.session().Interval; ms > 0 {
		return max(3*time.Duration(ms)*time.Millisecond, 5*time.Second)
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
