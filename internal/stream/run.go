package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"vaiven"
)

// committer is Run's state: the record being made, and its tickets.
type committer struct {
	l       *Log
	enc     encoder
	tickets []ticket
	handed  []vaiven.Ticket
	rec     []byte
	msg     *nats.Msg
	pace    pace
}

// Run commits what is appended until ctx ends; then it refuses more, commits
// what is queued (for Options.DrainTimeout at most) and returns nil, or says
// what it could not commit. Any other error means that the log is uncertain:
// the process must stop.
func (l *Log) Run(ctx context.Context) error {
	if !l.running.CompareAndSwap(false, true) {
		return errors.New("log: Run was called twice")
	}
	defer close(l.ran)
	ctx, end := context.WithCancel(ctx)
	defer end()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-l.done:
			end()
		case <-stop:
		}
	}()
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	drain := context.AfterFunc(ctx, func() {
		l.queue.close(ErrClosed)
		l.queue.wake()
		t := time.AfterFunc(l.o.DrainTimeout, cancel)
		context.AfterFunc(hard, func() { t.Stop() })
	})
	defer drain()

	c := &committer{l: l, msg: nats.NewMsg(l.subject)}
	c.msg.Header = nil
	err := c.run(ctx, hard)
	if err != nil {
		err = fmt.Errorf("log: %w", err)
	}
	l.mu.Lock()
	if l.fatal = err; err == nil {
		l.fatal = ErrClosed
	}
	l.mu.Unlock()
	l.queue.close(ErrClosed)
	return err
}

func (c *committer) run(ctx, hard context.Context) error {
	for {
		if events, _ := c.l.queue.pending(); events == 0 {
			select {
			case <-c.l.queue.ready:
				continue
			case <-ctx.Done():
				if events, _ := c.l.queue.pending(); events == 0 {
					return nil
				}
			}
		}
		c.linger(ctx)
		if err := c.commit(hard); err != nil {
			return err
		}
	}
}

// linger waits for more events where that saves commits.
func (c *committer) linger(ctx context.Context) {
	d := c.pace.linger()
	if d == 0 {
		return
	}
	if _, bytes := c.l.queue.pending(); bytes < MaxRecord {
		_ = pause(ctx, d) // at the end of the context there is no waiting for more
	}
}

// commit writes one record with what is queued, and tells of it.
func (c *committer) commit(ctx context.Context) error {
	l := c.l
	c.tickets = l.queue.take(c.tickets[:0], c.fit)
	l.n++
	c.rec = c.enc.finish(c.rec[:0], l.writer, l.n)
	start := time.Now()
	seq, err := c.store(ctx)
	if err != nil {
		return err
	}
	events := 0
	c.handed = c.handed[:0]
	for i := range c.tickets {
		t := &c.tickets[i]
		t.First = vaiven.ID{Record: seq, Index: uint32(events)}
		events += len(t.Events)
		c.handed = append(c.handed, t.Ticket)
	}
	arrived, _ := l.queue.pending()
	c.pace.committed(time.Since(start), arrived)
	l.o.OnCommit(c.handed)
	l.queue.release(c.tickets)
	clear(c.tickets)
	clear(c.handed)
	return nil
}

// fit adds a ticket to the record if it surely fits.
func (c *committer) fit(t *ticket) bool {
	if c.enc.length()+t.size > MaxRecord {
		return false
	}
	for _, ev := range t.Events {
		c.enc.add(ev)
	}
	return true
}

// store brings the record to the disk and into the witness, and returns its
// place. The log refuses while that takes too long.
func (c *committer) store(ctx context.Context) (uint64, error) {
	w := c.l.wait()
	defer w.end()
	seq, err := c.write(ctx, w)
	if err != nil {
		return 0, err
	}
	c.l.acked.Store(seq)
	return seq, c.remember(ctx, w, seq)
}

// remember writes into the witness that seq is about to be acknowledged. A disk
// that fails just now is waited for: the record is there, and nobody was told of
// it. If we die here, the witness knows less than the log, as after a power cut.
func (c *committer) remember(ctx context.Context, w *wait, seq uint64) error {
	l := c.l
	if l.witness == nil {
		return nil
	}
	for try := 0; ; try++ {
		err := l.witness.set(seq)
		if err == nil {
			return nil
		}
		l.o.Logger.Debug("witness is written again", "try", try+1, "err", err)
		w.ask()
		if pause(ctx, retryPause(try)) != nil {
			return c.gaveUp(err)
		}
	}
}

// write publishes the record until its outcome is known, and returns its
// place. Whatever happens in between, the bytes stay the same, and nothing
// else is written: whoever reads the log recognises a repeat by (writer, n).
func (c *committer) write(ctx context.Context, w *wait) (uint64, error) {
	l := c.l
	c.msg.Data = c.rec
	unknown := false
	for try := 0; ; try++ {
		if err := w.space(ctx); err != nil {
			return 0, c.gaveUp(err)
		}
		k, _ := l.current()
		seq, err := k.publish(ctx, c.msg, l.o.CommitTimeout)
		if err == nil {
			return c.place(ctx, seq, unknown)
		}
		if errors.Is(err, errNever) {
			return 0, fmt.Errorf("%w: record %d of writer %016x: %w", ErrUncertain, l.n, l.writer, err)
		}
		unknown = unknown || errors.Is(err, errUnknown)
		lost := w.mend(ctx, k, try, err)
		if ctx.Err() != nil {
			return 0, c.gaveUp(err)
		}
		if lost != nil {
			return 0, fmt.Errorf("%w: %w", ErrUncertain, lost)
		}
	}
}

func (c *committer) gaveUp(err error) error {
	events := 0
	for _, t := range c.tickets {
		events += len(t.Events)
	}
	ahead, _ := c.l.queue.pending()
	return fmt.Errorf("%d events were not committed before the end: %w", events+ahead, err)
}

// place checks the sequence that the store gave. After an attempt with an
// unknown outcome the record may be there twice: its place is the first, which
// is the one that every reader takes.
func (c *committer) place(ctx context.Context, seq uint64, unknown bool) (uint64, error) {
	l := c.l
	last := l.acked.Load()
	if seq <= last {
		return 0, fmt.Errorf("%w: sequence %d was given out again, %d was acknowledged", ErrUncertain, seq, last)
	}
	if !unknown {
		return seq, nil
	}
	for at := last + 1; at < seq; at++ {
		k, _ := l.current()
		b, err := k.get(ctx, at)
		if err != nil {
			return 0, fmt.Errorf("%w: looking for record %d of writer %016x: %w", ErrUncertain, l.n, l.writer, err)
		}
		rec, err := DecodeRecord(at, b)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrUncertain, err)
		}
		if rec.Writer == l.writer && rec.N == l.n {
			return at, nil
		}
	}
	return seq, nil
}
