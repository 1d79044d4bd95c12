package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
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
	defer context.AfterFunc(ctx, it.Stop)()
	defer it.Stop()
	for r.to == 0 || r.next <= r.to {
		m, err := it.Next(jetstream.NextMaxWait(silence))
		if errors.Is(err, nats.ErrTimeout) {
			if err := r.stuck(ctx, k); err != nil {
				return err
			}
			continue
		}
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

// silence is after how long without a record the reader asks whether there
// should be one. JetStream passes in silence over what it cannot read.
const silence = 2 * time.Second

// stuck returns nil when there is nothing to read yet. Otherwise the next
// record is asked for by its number: it is missing, which ends the Read, or
// the consumer has stopped, and is made anew.
func (r *reader) stuck(ctx context.Context, k *link) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	st, err := k.state(ctx)
	if err != nil || st.last < r.next {
		return err
	}
	b, err := k.get(ctx, r.next)
	var missing *MissingError
	if errors.As(err, &missing) {
		r.err = err
	}
	if err != nil {
		return err
	}
	if err := r.take(r.next, b); err != nil {
		r.err = err
		return err
	}
	return errStopped
}

// errStopped is why a consumer is made anew.
var errStopped = errors.New("consumer has stopped")

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
