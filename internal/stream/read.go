package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vaiven"
)

const (
	// What is fetched ahead of Read's user, at most.
	fetchRecords = 512
	fetchBytes   = 4 << 20

	// silence is after how long without a record the reader asks whether there
	// should be one. JetStream passes in silence over what it cannot read.
	silence = 2 * time.Second
)

// Read hands the records from..to to fn, in log order, each once; to = 0
// follows the log until ctx ends. A to that is not written yet is waited for.
// Read survives restarts of the embedded server and disconnections from an
// external one. The error is fn's, the context's, a *TrimmedError, a *MissingError,
// ErrCorrupt, ErrLater, or ErrClosed. The record and its events are fn's to keep.
//
// While fn is slow, only Read waits: at most a few MiB are fetched ahead.
func (l *Log) Read(ctx context.Context, from, to uint64, fn func(vaiven.Record) error) error {
	return l.read(ctx, &reader{l: l, next: max(from, 1), to: to, fn: fn})
}

func (l *Log) read(ctx context.Context, r *reader) error {
	ctx, end := l.whileOpen(ctx)
	defer end()
	to := r.to
	if first := l.First(); r.next >= l.genesis && r.next < first {
		return &TrimmedError{Want: r.next, First: first}
	}
	tried := uint64(0) // the record that the last attempt began with
	for to == 0 || r.next <= to {
		s, moved := l.current()
		var err error
		if r.next == tried { // and nothing came: is it the record that breaks the connection?
			err = r.readIfThere(ctx, s)
		}
		if tried = r.next; err == nil {
			err = r.readStore(ctx, s)
		}
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
	raw  func(seq uint64, record []byte) error // instead of fn, when the bytes are wanted
	dec  codec
	err  error // why the Read is over
}

// errStopped is why a consumer is made anew.
var errStopped = errors.New("consumer has stopped")

// readStore reads over one connection. It returns an error when the connection,
// or the consumer on it, has to be made anew; what ends the Read is in r.err.
func (r *reader) readStore(ctx context.Context, s *store) error {
	if s.js == nil {
		return ErrClosed
	}
	c, err := r.makeConsumer(ctx, s)
	if err != nil {
		return err
	}
	defer func() { // one that stays is removed by the server after a while
		if s.nc.IsConnected() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = s.js.DeleteConsumer(ctx, s.stream, c.CachedInfo().Name)
		}
	}()
	it, err := c.Messages(jetstream.PullMaxMessagesWithBytesLimit(fetchRecords, fetchBytes))
	if err != nil {
		return err
	}
	defer it.Stop()
	defer context.AfterFunc(ctx, it.Stop)()
	defer s.onTrouble(func(why error) {
		if errors.Is(why, errCut) {
			it.Stop()
		}
	})()
	for r.to == 0 || r.next <= r.to {
		m, err := it.Next(jetstream.NextMaxWait(silence))
		if errors.Is(err, nats.ErrTimeout) {
			if err := r.lookBehindSilence(ctx, s); err != nil {
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
		if meta.Sequence.Stream != r.next {
			// A record that the consumer has passed over may be lost on the way or
			// missing from the log: the server is asked.
			if meta.Sequence.Stream > r.next {
				err = r.readOne(ctx, s)
			}
			if err == nil {
				err = errStopped
			}
			return err
		}
		if r.err = s.checkSubject(r.next, m.Subject()); r.err != nil {
			return r.err
		}
		if err := r.l.awaitDurable(ctx, r.next); err != nil {
			return err
		}
		if err := r.handOn(r.next, m.Data()); err != nil {
			return err
		}
	}
	return nil
}

// makeConsumer makes an ephemeral one that begins with the next record.
func (r *reader) makeConsumer(ctx context.Context, s *store) (jetstream.Consumer, error) {
	ctx, cancel := s.boundQuestion(ctx)
	defer cancel()
	return s.js.CreateConsumer(ctx, s.stream, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       r.next,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute, // for when we go without a word
	})
}

// lookBehindSilence returns nil when there is nothing to read yet. Otherwise the next
// record is missing, which ends the Read, or the consumer has stopped, and is made
// anew.
func (r *reader) lookBehindSilence(ctx context.Context, s *store) error {
	next := r.next
	if err := r.readIfThere(ctx, s); err != nil || r.next == next {
		return err
	}
	return errStopped
}

// readIfThere reads the next record by its number, unless it is not written yet.
func (r *reader) readIfThere(ctx context.Context, s *store) error {
	st, err := s.state(ctx)
	if err != nil || st.last < r.next {
		return err
	}
	return r.readOne(ctx, s)
}

// readOne reads the next record alone. If it is not there, another look at the
// log's end tells what is.
func (r *reader) readOne(ctx context.Context, s *store) error {
	b, err := s.record(ctx, r.next)
	var missing *MissingError
	if errors.As(err, &missing) {
		st, err := s.state(ctx)
		if err == nil && st.first > r.next {
			missing.Got = st.first
			err = r.l.trimmedAway(ctx, s, r.next, st)
		}
		var trimmed *TrimmedError
		switch {
		case errors.As(err, &trimmed):
			r.err = trimmed
		case err != nil:
			return err // that the record is lost is not said before it is known
		default:
			r.err = missing
		}
		return r.err
	}
	if errors.Is(err, ErrCorrupt) {
		r.err = err
	}
	if err == nil {
		err = r.l.awaitDurable(ctx, r.next)
	}
	if err != nil {
		return err
	}
	return r.handOn(r.next, b)
}

// handOn checks a record and gives it to the Read's user. Its errors end the Read.
func (r *reader) handOn(seq uint64, b []byte) error {
	if r.raw != nil {
		return r.handOnRaw(seq, b)
	}
	rec, err := r.dec.decode(seq, b)
	switch {
	case err != nil:
		r.err = err
	case seq == r.l.genesis && startedLog(rec) != r.l.id:
		r.err = fmt.Errorf("record %d: %w", seq, ErrNotALog)
	default:
		r.next++
		r.err = r.fn(rec)
	}
	return r.err
}

// startedLog returns the name of the log that begins with this record, "" if none does.
func startedLog(rec vaiven.Record) string {
	if len(rec.Events) > 0 {
		if s, ok := rec.Events[0].(*vaiven.LogStart); ok {
			return s.Log
		}
	}
	return ""
}

// ackedMark is the last record that is durable, and waits for the ones behind it.
type ackedMark struct {
	atomic.Uint64
	mu    sync.Mutex
	moved chan struct{} // closed when it moves; nil: nobody waits
}

// moveTo moves the mark.
func (a *ackedMark) moveTo(seq uint64) {
	a.Store(seq)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.moved != nil {
		close(a.moved)
		a.moved = nil
	}
}

// wait returns a channel that is closed when the mark moves; nil: it has come to seq.
func (a *ackedMark) wait(seq uint64) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.Load() >= seq {
		return nil
	}
	if a.moved == nil {
		a.moved = make(chan struct{})
	}
	return a.moved
}

// awaitDurable waits until a record is on the disk: JetStream shows it before that, and
// nobody is to see what a power cut may take away.
func (l *Log) awaitDurable(ctx context.Context, seq uint64) error {
	for l.journal != nil && l.acked.Load() < seq {
		moved := l.acked.wait(seq)
		if moved == nil {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
