package stream

import (
	"context"
	"errors"

	"vaiven"
)

// maxTicket is the largest group of events, by eventBound, that is kept in one
// record; a larger append becomes several tickets with the same owner.
const maxTicket = MaxRecord / 2

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
	if l.disk.check() != nil {
		return busy("disk_full")
	}
	tickets, err := split(events, owner)
	if err != nil {
		return err
	}
	err = l.queue.put(ctx, tickets)
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

func busy(reason string) error {
	return &vaiven.Error{Code: vaiven.CodeBusy, Reason: reason, At: -1, Retry: busyRetry}
}

// split makes tickets of events that each fit in a record.
func split(events []vaiven.Event, owner any) ([]ticket, error) {
	var out []ticket
	var c codec
	size, from := 0, 0
	for i, ev := range events {
		n, err := c.bound(ev)
		if err != nil {
			return nil, err
		}
		if n > maxTicket {
			return nil, &vaiven.Error{Code: vaiven.CodeTooLarge, Reason: "event", Device: ev.Of(), At: -1}
		}
		if size+n > maxTicket {
			out = append(out, newTicket(events[from:i], owner, size))
			size, from = 0, i
		}
		size += n
	}
	return append(out, newTicket(events[from:], owner, size)), nil
}

func newTicket(events []vaiven.Event, owner any, size int) ticket {
	return ticket{Ticket: vaiven.Ticket{Events: events[:len(events):len(events)], Owner: owner}, size: size}
}
