package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"vaiven"
)

// maxTicket is the largest group of events, by codec.bound, that is kept in one
// record; a larger append becomes several tickets with the same owner.
const maxTicket = MaxRecord / 2

// busyRetry is when a board may try again after CodeBusy.
const busyRetry = 2 * time.Second

// Append queues events, in order and next to each other; OnCommit is told of
// them with owner when they are durable. It waits while the queue is full. The
// error is a *vaiven.Error with CodeBusy (and a Retry) when the log is stalled
// or its disk full, with CodeTooLarge for an event that fits in no record; or
// ErrClosed, or the context's. After an error nothing was queued.
//
// The events must not be changed any more.
func (l *Log) Append(ctx context.Context, events []vaiven.Event, owner any) error {
	if len(events) == 0 {
		return nil
	}
	busy := func(reason string) error {
		return &vaiven.Error{Code: vaiven.CodeBusy, Reason: reason, At: -1, Retry: busyRetry}
	}
	if l.lowDisk() != nil {
		return busy("disk_full")
	}
	tickets, err := cutTickets(events, owner)
	if err != nil {
		return err
	}
	err = l.queue.putTickets(ctx, tickets)
	var stalled *BusyError
	var full *LowDiskError
	switch {
	case errors.As(err, &full):
		return busy("disk_full")
	case errors.As(err, &stalled):
		return busy("stalled")
	}
	return err
}

// ticket is one group of events that is to stand in one record.
type ticket struct {
	vaiven.Ticket
	size   int  // bytes, at most
	urgent bool // it is not to wait for others
}

// urgent reports whether somebody waits for what the event says: a person, or a board
// for its states. What boards measure, and that they come and go, can wait for others.
func urgent(ev vaiven.Event) bool {
	switch ev.(type) {
	case *vaiven.Change, *vaiven.Sent, *vaiven.ChangeEnd, *vaiven.Report, *vaiven.Described, *vaiven.Forgotten,
		*vaiven.Admitted, *vaiven.Granted, *vaiven.Verified, *vaiven.Revoked, *vaiven.Opened:
		return true
	}
	return false
}

// bounders are codecs for cutTickets, which many goroutines call.
var bounders = sync.Pool{New: func() any { return new(codec) }}

// cutTickets makes tickets of events that each fit in a record.
func cutTickets(events []vaiven.Event, owner any) ([]ticket, error) {
	c := bounders.Get().(*codec)
	defer bounders.Put(c)
	var out []ticket
	size, from, hurry := 0, 0, false
	cut := func(to int) {
		out = append(out, ticket{Ticket: vaiven.Ticket{Events: events[from:to:to], Owner: owner}, size: size, urgent: hurry})
		size, from, hurry = 0, to, false
	}
	for i, ev := range events {
		n, err := c.bound(ev)
		if err != nil {
			return nil, err
		}
		if n > maxTicket {
			return nil, &vaiven.Error{Code: vaiven.CodeTooLarge, Reason: "event", Device: ev.Of(), At: -1}
		}
		if size+n > maxTicket {
			cut(i)
		}
		size += n
		hurry = hurry || urgent(ev)
	}
	cut(len(events))
	return out, nil
}

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

// queue is what was appended and is not committed yet: bounded in events and
// bytes, counting what is under way. When it is full, putTickets waits while the
// log moves, and is refused once it is stalled.
type queue struct {
	maxEvents, maxBytes int
	ready               chan struct{} // holds one token when there may be something to take, or hurry began

	mu      sync.Mutex
	waiting []ticket
	events  int // waiting and under way
	bytes   int
	ahead   int                   // events waiting
	queued  int                   // and their bytes
	since   time.Time             // when the first that waits came
	hurry   bool                  // what waits is to be committed at once
	of      map[vaiven.Device]int // readings that wait, by device; nil: nothing waits
	refuse  error                 // stalled or closed: why nothing is taken
	room    chan struct{}         // closed, and made anew, when there may be room
}

// init makes the queue; joins says that what is in it waits for others.
func (q *queue) init(maxEvents, maxBytes int, joins bool) {
	q.maxEvents, q.maxBytes = maxEvents, maxBytes
	q.ready = make(chan struct{}, 1)
	q.room = make(chan struct{})
	if joins {
		q.of = make(map[vaiven.Device]int)
	}
}

// putTickets queues the tickets of one append, all or none. An empty queue takes any.
func (q *queue) putTickets(ctx context.Context, ts []ticket) error {
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
		fits := q.events == 0 || q.events+events <= q.maxEvents && q.bytes+bytes <= q.maxBytes
		if fits {
			if len(q.waiting) == 0 {
				q.since = time.Now()
			}
			q.waiting = append(q.waiting, ts...)
			if q.of != nil {
				q.judgeHurry(ts)
			}
			q.events, q.bytes = q.events+events, q.bytes+bytes
			q.ahead, q.queued = q.ahead+events, q.queued+bytes
		} else {
			q.hurry = len(q.waiting) > 0 // there is no waiting for more while there is no room for it
		}
		room := q.room
		q.mu.Unlock()
		select {
		case q.ready <- struct{}{}:
		default:
		}
		if fits {
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// windowFull is how many readings of one device make the queue hurry: a board sends no
// more than its window allows (32 in the firmware) before it is answered, so one with
// much to send, or a fast one, would be held up.
const windowFull = 16

// judgeHurry looks whether what was just queued may wait for others. The caller holds mu.
func (q *queue) judgeHurry(ts []ticket) {
	for _, t := range ts {
		q.hurry = q.hurry || t.urgent
		for _, ev := range t.Events {
			if q.hurry {
				return
			}
			if r, ok := ev.(*vaiven.Reading); ok {
				q.of[r.Device]++
				q.hurry = q.of[r.Device] >= windowFull
			}
		}
	}
}

// waitMore is how much longer what waits may wait for others, when every is how long
// the first of it does: 0 when it is to be committed now.
func (q *queue) waitMore(every time.Duration) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.hurry || q.queued >= MaxRecord || len(q.waiting) == 0 {
		return 0
	}
	return max(every-time.Since(q.since), 0)
}

// pending counts the events that wait to be taken, and their bytes.
func (q *queue) pending() (events, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ahead, q.queued
}

// encodeTickets moves tickets from the queue into buf and their events into the
// record, as many as surely fit.
func (q *queue) encodeTickets(e *encoder, buf []ticket) []ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.waiting) && e.length()+q.waiting[n].size <= MaxRecord {
		t := &q.waiting[n]
		for _, ev := range t.Events {
			e.add(ev)
		}
		q.ahead, q.queued = q.ahead-len(t.Events), q.queued-t.size
		n++
	}
	buf = append(buf, q.waiting[:n]...)
	rest := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[rest:])
	q.waiting = q.waiting[:rest]
	// What did not fit has waited as long: without urgency of its own, it goes next.
	q.hurry = q.hurry && rest > 0
	clear(q.of)
	return buf
}

// releaseTickets gives the room of committed tickets back.
func (q *queue) releaseTickets(ts []ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range ts {
		q.events, q.bytes = q.events-len(t.Events), q.bytes-t.size
	}
	close(q.room)
	q.room = make(chan struct{})
}

// setRefusal makes putTickets refuse with err; nil ends it, after ErrClosed nothing does.
func (q *queue) setRefusal(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !errors.Is(q.refuse, ErrClosed) {
		q.refuse = err
		close(q.room) // those who wait look again
		q.room = make(chan struct{})
	}
}

// refusal is why nothing is taken, nil while it is.
func (q *queue) refusal() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.refuse
}
