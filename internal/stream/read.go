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
	dec  codec
	err  error // why the Read is over
}

// follow reads over one connection. It returns an error when the connection,
// or the consumer on it, has to be made anew; what ends the Read is in r.err.
func (r *reader) follow(ctx context.Context, k *link) error {
	if k.js == nil {
		return ErrClosed
	}
	c, err := r.consumer(ctx, k)
	if err != nil {
		return err
	}
	defer k.forget(c.CachedInfo().Name)
	it, err := c.Messages(jetstream.PullMaxMessagesWithBytesLimit(fetchRecords, fetchBytes))
	if err != nil {
		return err
	}
	defer it.Stop()
	defer context.AfterFunc(ctx, it.Stop)()
	defer k.watch(func(why error) {
		if errors.Is(why, errCut) {
			it.Stop()
		}
	})()
	for r.to == 0 || r.next <= r.to {
		m, err := it.Next(jetstream.NextMaxWait(silence))
		if errors.Is(err, nats.ErrTimeout) {
			err = r.behind(ctx, k)
		} else if err == nil {
			err = r.message(ctx, k, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// consumer makes an ephemeral one that begins with the next record.
func (r *reader) consumer(ctx context.Context, k *link) (jetstream.Consumer, error) {
	ctx, cancel := k.ask(ctx)
	defer cancel()
	return k.js.CreateConsumer(ctx, k.stream, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       r.next,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute, // for when we go without a word
	})
}

// message takes what the consumer delivered. When it has passed over a record,
// that may be lost on the way or missing from the log: the server is asked.
func (r *reader) message(ctx context.Context, k *link, m jetstream.Msg) error {
	meta, err := m.Metadata()
	if err != nil {
		return err
	}
	if meta.Sequence.Stream == r.next {
		return r.take(r.next, m.Data())
	}
	if meta.Sequence.Stream > r.next {
		if err := r.single(ctx, k); err != nil {
			return err
		}
	}
	return errStopped
}

// What is fetched ahead of fn, at most.
const (
	fetchRecords = 512
	fetchBytes   = 4 << 20
)

// forget removes a consumer that is not needed any more; one that stays is
// removed by the server after a while.
func (k *link) forget(name string) {
	if !k.nc.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = k.js.DeleteConsumer(ctx, k.stream, name)
}

// silence is after how long without a record the reader asks whether there
// should be one. JetStream passes in silence over what it cannot read.
const silence = 2 * time.Second

// behind returns nil when there is nothing to read yet. Otherwise the next
// record is asked for by its number: it is missing, which ends the Read, or
// the consumer has stopped, and is made anew.
func (r *reader) behind(ctx context.Context, k *link) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	st, err := k.state(ctx)
	if err != nil || st.last < r.next {
		return err
	}
	if err := r.single(ctx, k); err != nil {
		return err
	}
	return errStopped
}

// errStopped is why a consumer is made anew.
var errStopped = errors.New("consumer has stopped")

// single reads the next record alone. If it is not there, another look at the
// log's end tells what is.
func (r *reader) single(ctx context.Context, k *link) error {
	b, err := k.get(ctx, r.next)
	var missing *MissingError
	if errors.As(err, &missing) {
		if st, serr := k.state(ctx); serr == nil && st.first > r.next {
			missing.Got = st.first
		}
		r.err = missing
	}
	if err != nil {
		return err
	}
	return r.take(r.next, b)
}

// take checks a record and hands it on. Its errors end the Read.
func (r *reader) take(seq uint64, b []byte) error {
	rec, err := r.dec.decode(seq, b)
	switch {
	case err != nil:
		r.err = err
	case seq == r.l.first && !startsLog(rec, r.l.id):
		r.err = fmt.Errorf("record %d: %w", seq, ErrNotALog)
	default:
		r.next++
		r.err = r.fn(rec)
	}
	return r.err
}

func startsLog(rec vaiven.Record, id string) bool {
	if len(rec.Events) == 0 {
		return false
	}
	s, ok := rec.Events[0].(*vaiven.LogStart)
	return ok && s.Log == id
}
