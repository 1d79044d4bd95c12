package stream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"vaiven"
)

// queue is what was appended and is not committed yet: bounded in events and
// bytes, counting what is under way. When it is full, put waits while the log
// moves, and is refused once it is stalled.
type queue struct {
	maxEvents, maxBytes int
	ready               chan struct{} // holds one token when there may be something to take

	mu      sync.Mutex
	waiting []ticket
	events  int // waiting and under way
	bytes   int
	ahead   int           // events waiting
	queued  int           // and their bytes
	refuse  error         // stalled or closed: why nothing is taken
	closed  bool          // refuse is for good
	room    chan struct{} // closed, and made anew, when there may be room
}

// ticket is one group of events that is to stand in one record.
type ticket struct {
	vaiven.Ticket
	size int // bytes, at most
}

// busyRetry is when a board may try again after CodeBusy.
const busyRetry = 2 * time.Second

// BusyError says that the log does not move, and for how long.
type BusyError struct {
	For time.Duration // at least
	Why error         // what the disk said to a write of ours, a *DiskError; nil: not known
}

func (e *BusyError) Error() string {
	text := fmt.Sprintf("the log is stalled: nothing was committed for %s", e.For.Round(100*time.Millisecond))
	if e.Why != nil {
		text += ": " + e.Why.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *BusyError) Unwrap() error { return e.Why }

func (q *queue) init(maxEvents, maxBytes int) {
	q.maxEvents, q.maxBytes = maxEvents, maxBytes
	q.ready = make(chan struct{}, 1)
	q.room = make(chan struct{})
}

// put queues the tickets of one append, all or none. An empty queue takes any.
func (q *queue) put(ctx context.Context, ts []ticket) error {
	events, bytes := 0, 0
	for _, t := range ts {
		events, bytes = events+len(t.Events), bytes+t.size
	}
	for {
		q.mu.Lock()
		if q.refuse != nil {
			defer q.mu.Unlock()
			return q.refuse
		}
		if q.events == 0 || q.events+events <= q.maxEvents && q.bytes+bytes <= q.maxBytes {
			q.waiting = append(q.waiting, ts...)
			q.events, q.bytes = q.events+events, q.bytes+bytes
			q.ahead, q.queued = q.ahead+events, q.queued+bytes
			q.mu.Unlock()
			q.wake()
			return nil
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take moves the tickets that wait into buf, as long as fit says so.
func (q *queue) take(buf []ticket, fit func(t *ticket) bool) []ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.waiting) && fit(&q.waiting[n]) {
		q.ahead, q.queued = q.ahead-len(q.waiting[n].Events), q.queued-q.waiting[n].size
		n++
	}
	buf = append(buf, q.waiting[:n]...)
	rest := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[rest:])
	q.waiting = q.waiting[:rest]
	return buf
}

// pending counts the events that wait to be taken, and their bytes.
func (q *queue) pending() (events, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ahead, q.queued
}

// release gives the room of committed tickets back.
func (q *queue) release(ts []ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range ts {
		q.events, q.bytes = q.events-len(t.Events), q.bytes-t.size
	}
	q.changed()
}

// stall makes put refuse with err; nil ends it.
func (q *queue) stall(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.refuse = err
		q.changed()
	}
}

// close makes put refuse for good.
func (q *queue) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed, q.refuse = true, err
		q.changed()
	}
}

func (q *queue) changed() {
	close(q.room)
	q.room = make(chan struct{})
}

func (q *queue) health() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.refuse
}
