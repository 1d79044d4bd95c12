package stream

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"vaiven"
)

// Read hands the records from..to to fn, in log order, each once; to = 0
// follows the log until ctx ends. A to that is not written yet is waited for.
// Read survives restarts of the embedded server and disconnections from an
// external one. The error is fn's, the context's, a *MissingError, ErrCorrupt,
// ErrLater, or ErrClosed. The record and its events are fn's to keep.
//
// While fn is slow, only Read waits: at most a few MiB are fetched ahead.
func (l *Log) Read(ctx context.Context, from, to uint64, fn func(vaiven.Record) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-l.done:
			cancel(ErrClosed)
		case <-stop:
		}
	}()
	r := &reader{l: l, next: max(from, 1), to: to, fn: fn}
	for to == 0 || r.next <= to {
		k, moved := l.current()
		err := r.follow(ctx, k)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r.err != nil {
			return r.err
		}
		if err == nil {
			continue
		}
		l.o.Logger.Debug("reading is resumed", "next", r.next, "err", err)
		select {
		case <-moved:
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// reader is the progress of one Read.
type reader struct {
	l    *Log
	next uint64
	to   uint64
	fn   func(vaiven.Record) error
	dec  decoder
	err  error // why the Read is over
}

// follow reads over one connection. It returns an error when the connection,
// or the consumer on it, has to be made anew; what ends the Read is in r.err.
func (r *reader) follow(ctx context.Context, k *link) error {
	if k.js == nil {
		return ErrClosed
	}
	create, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	c, err := k.js.OrderedConsumer(create, k.stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   r.next,
	})
	if err != nil {
		return err
	}
	it, err := c.Messages(jetstream.PullMaxMessagesWithBytesLimit(512, 4<<20))
	if err != nil {
		return err
	}
	defer it.Stop()
	for r.to == 0 || r.next <= r.to {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if err := r.take(meta.Sequence.Stream, m.Data()); err != nil {
			r.err = err
			return err
		}
	}
	return nil
}

// take checks one record and hands it on.
func (r *reader) take(seq uint64, b []byte) error {
	if seq < r.next {
		return nil
	}
	if seq > r.next {
		return &MissingError{Want: r.next, Got: seq}
	}
	rec, err := r.dec.decode(seq, b)
	if err != nil {
		return err
	}
	if seq == r.l.first && !startsLog(rec, r.l.id) {
		return fmt.Errorf("record %d: %w", seq, ErrNotALog)
	}
	r.next++
	return r.fn(rec)
}

func startsLog(rec vaiven.Record, id string) bool {
	if len(rec.Events) == 0 {
		return false
	}
	s, ok := rec.Events[0].(*vaiven.LogStart)
	return ok && s.Log == id
}
