package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vaiven"
)

// Run commits what is appended until ctx ends; then it refuses more, commits
// what is queued (for Options.DrainTimeout at most) and returns nil, or says
// what it could not commit. Any other error means that the log is uncertain:
// the process must stop.
func (l *Log) Run(ctx context.Context) error {
	if !l.running.CompareAndSwap(false, true) {
		return errors.New("log: Run was called twice")
	}
	defer close(l.ran)
	ctx, end := l.whileOpen(ctx)
	defer end()
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		l.queue.setRefusal(ErrClosed)
		t := time.AfterFunc(l.o.DrainTimeout, cancel)
		context.AfterFunc(hard, func() { t.Stop() })
	})()

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
	l.queue.setRefusal(ErrClosed)
	return err
}

// committer is Run's state: the record being made, and its tickets.
type committer struct {
	l       *Log
	enc     encoder
	tickets []ticket
	handed  []vaiven.Ticket
	msg     *nats.Msg // its data is the record
	pace    pace
}

// run commits until ctx ends and nothing is queued; hard ends it at once.
func (c *committer) run(ctx, hard context.Context) error {
	for {
		events, bytes := c.l.queue.pending()
		if events == 0 {
			select {
			case <-c.l.queue.ready:
				continue
			case <-ctx.Done():
				if events, bytes = c.l.queue.pending(); events == 0 {
					return nil
				}
			}
		}
		if c.l.o.CommitEvery > 0 {
			c.awaitMore(ctx)
		} else if d := c.pace.linger(); d > 0 && bytes < MaxRecord {
			_ = pause(ctx, d) // at the end of the context there is no waiting for more
		}
		if err := c.commit(hard); err != nil {
			return err
		}
	}
}

// awaitMore waits until what is queued is to be committed: the interval has passed
// since the first of it came, somebody waits for it, it fills a record, or ctx ended.
func (c *committer) awaitMore(ctx context.Context) {
	for {
		d := c.l.queue.waitMore(c.l.o.CommitEvery)
		if d == 0 {
			return
		}
		timer := time.NewTimer(d)
		select {
		case <-c.l.queue.ready:
			timer.Stop()
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// commit writes one record with what is queued, and tells of it.
func (c *committer) commit(ctx context.Context) error {
	l := c.l
	c.tickets = l.queue.encodeTickets(&c.enc, c.tickets[:0])
	l.n++
	c.msg.Data = c.enc.finish(c.msg.Data[:0], l.writer, l.n)
	start := time.Now()
	seq, err := c.storeRecord(ctx)
	if err != nil {
		return err
	}
	index := uint32(0)
	c.handed = c.handed[:0]
	for i := range c.tickets {
		t := &c.tickets[i]
		t.First = vaiven.ID{Record: seq, Index: index}
		index += uint32(len(t.Events))
		c.handed = append(c.handed, t.Ticket)
	}
	arrived, _ := l.queue.pending()
	c.pace.committed(time.Since(start), arrived)
	l.o.OnCommit(c.handed)
	l.queue.releaseTickets(c.tickets)
	clear(c.tickets)
	clear(c.handed)
	return nil
}

// storeRecord publishes the record until its outcome is known, brings its place into
// the witness, and returns it. Whatever happens in between, the bytes stay the same,
// and nothing else is written: whoever reads the log recognises a repeat by (writer,
// n). The log refuses while it takes too long.
func (c *committer) storeRecord(ctx context.Context) (uint64, error) {
	l := c.l
	w := l.watchRecord()
	defer w.end()
	var seq uint64
	var unknown, stored bool
	for try := 0; !stored; try++ {
		if err := w.awaitSpace(ctx); err != nil {
			return 0, c.gaveUp(err)
		}
		s, _ := l.current()
		var err error
		switch seq, err = s.publish(ctx, c.msg, l.o.CommitTimeout); {
		case err == nil:
			stored = true
		case errors.Is(err, errNever):
			return 0, fmt.Errorf("%w: record %d of writer %016x: %w", ErrUncertain, l.n, l.writer, err)
		default:
			unknown = unknown || errors.Is(err, errUnknown)
			lost := w.prepareRetry(ctx, s, try, err)
			if ctx.Err() != nil {
				return 0, c.gaveUp(err)
			}
			if lost != nil {
				return 0, fmt.Errorf("%w: %w", ErrUncertain, lost)
			}
		}
	}
	if last := l.acked.Load(); seq <= last {
		return 0, fmt.Errorf("%w: sequence %d was given out again, %d was acknowledged", ErrUncertain, seq, last)
	}
	newest := seq
	if unknown {
		var err error
		if seq, err = c.firstCopy(ctx, seq); err != nil {
			return 0, err
		}
	}
	if l.journal != nil {
		if err := c.putInJournal(ctx, w, newest, c.msg.Data); err != nil {
			return 0, err
		}
	}
	l.acked.moveTo(newest)
	if l.witness == nil {
		return seq, nil
	}
	// If we die here, the witness knows less than the log, as after a power cut.
	for try := 0; ; try++ {
		err := l.witness.set(seq)
		if err == nil {
			return seq, nil
		}
		l.o.Logger.Debug("witness is written again", "try", try+1, "err", err)
		w.askDisk()
		if pause(ctx, retryPause(try)) != nil {
			return 0, c.gaveUp(err)
		}
	}
}

// putInJournal makes a record durable, and those before it that are not yet: JetStream
// has a record twice whose first outcome was not known. It waits for room, or for the
// disk.
func (c *committer) putInJournal(ctx context.Context, w *recordWatch, seq uint64, data []byte) error {
	l := c.l
	for at := l.acked.Load() + 1; at < seq; at++ {
		if err := c.putCopyInJournal(ctx, w, at); err != nil {
			return err
		}
	}
	select {
	case <-l.flusher.lost:
		return fmt.Errorf("%w: %w", ErrUncertain, l.flusher.why)
	default:
	}
	for try := 0; ; try++ {
		filled, less := l.journal.filled()
		err := l.journal.put(seq, data)
		if filled > 0.5 {
			l.askFlush()
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errJournalFull):
			select {
			case <-less:
			case <-l.flusher.lost:
				return fmt.Errorf("%w: %w", ErrUncertain, l.flusher.why)
			case <-ctx.Done():
				return c.gaveUp(err)
			}
			continue
		}
		// A disk that fails just now is waited for: the record is there, and nobody
		// was told of it.
		l.o.Logger.Debug("journal is written again", "try", try+1, "err", err)
		w.askDisk()
		if pause(ctx, retryPause(try)) != nil {
			return c.gaveUp(err)
		}
	}
}

// putCopyInJournal makes a record durable that is in the log already.
func (c *committer) putCopyInJournal(ctx context.Context, w *recordWatch, at uint64) error {
	s, _ := c.l.current()
	b, err := s.record(ctx, at)
	if err != nil {
		return fmt.Errorf("%w: record %d for the journal: %w", ErrUncertain, at, err)
	}
	if err := c.putInJournal(ctx, w, at, b); err != nil {
		return err
	}
	c.l.acked.moveTo(at)
	return nil
}

// firstCopy looks for the record before the place that the store gave for it. After an
// attempt with an unknown outcome it may be there twice: its place is the first, which
// is the one that every reader takes.
func (c *committer) firstCopy(ctx context.Context, seq uint64) (uint64, error) {
	l := c.l
	for at := l.acked.Load() + 1; at < seq; at++ {
		s, _ := l.current()
		b, err := s.record(ctx, at)
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

func (c *committer) gaveUp(err error) error {
	events, _ := c.l.queue.pending()
	for _, t := range c.tickets {
		events += len(t.Events)
	}
	return fmt.Errorf("%d events were not committed before the end: %w", events, err)
}

// How an attempt to write a record ended, where it did not succeed.
var (
	// errUnknown: the record may be in the log, or may still get there.
	errUnknown = errors.New("outcome of the commit is not known")
	// errNotNow: the record was not taken, and may be later.
	errNotNow = errors.New("the store does not take records now")
	// errNever: the record was refused for good.
	errNever = errors.New("the store refused the record")
)

// publish makes one attempt to write a record. The error is errUnknown, errNotNow,
// errNever or the context's.
func (s *store) publish(ctx context.Context, msg *nats.Msg, timeout time.Duration) (uint64, error) {
	wait, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	wait, cut := context.WithCancelCause(wait)
	defer cut(nil)
	defer s.onTrouble(cut)()
	if s.nc == nil || !s.nc.IsConnected() {
		return 0, fmt.Errorf("%w: not connected", errNotNow)
	}
	resp, err := s.nc.RequestMsgWithContext(wait, msg)
	switch {
	case err == nil:
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrReconnectBufExceeded),
		errors.Is(err, nats.ErrConnectionClosed):
		return 0, fmt.Errorf("%w: %w", errNotNow, err)
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrHeadersNotSupported):
		return 0, fmt.Errorf("%w: %w", errNever, err)
	case wait.Err() != nil:
		return 0, fmt.Errorf("%w: %w", errUnknown, context.Cause(wait))
	default:
		return 0, fmt.Errorf("%w: %w", errUnknown, err)
	}
	var ack struct {
		Error  *jetstream.APIError `json:"error"`
		Stream string              `json:"stream"`
		Seq    uint64              `json:"seq"`
	}
	if err := json.Unmarshal(resp.Data, &ack); err != nil {
		return 0, fmt.Errorf("%w: answer does not parse: %w", errUnknown, err)
	}
	if e := ack.Error; e != nil {
		if e.ErrorCode == codeWrongLast || e.Code < 500 && e.Code != 408 && e.Code != 429 {
			return 0, fmt.Errorf("%w: %w", errNever, e)
		}
		return 0, fmt.Errorf("%w: %w", errNotNow, e)
	}
	if ack.Stream != s.stream || ack.Seq == 0 {
		return 0, fmt.Errorf("%w: stream %q answered for record %d", errNever, ack.Stream, ack.Seq)
	}
	return ack.Seq, nil
}

// pace measures how long commits take and how many events arrive meanwhile,
// and says when it is worth to wait for more of them before the next commit. A
// commit costs the same CPU whatever it holds, so at a high rate a short wait
// saves most of it; at a low rate, or for boards that send again only after
// their acknowledgement, it would only delay that.
type pace struct {
	commit  float64 // EWMA of a commit, s
	arrived float64 // EWMA of the events that came during one
}

const (
	maxLinger  = 5 * time.Millisecond
	minArrival = 2.0 // events expected during the wait that make it worthwhile
	ewmaWeight = 0.125
)

// linger is how long to wait now: 4 times the commit time, at most 5 ms, or
// not at all.
func (p *pace) linger() time.Duration {
	d := min(4*p.commit, maxLinger.Seconds())
	if p.commit <= 0 || p.arrived/p.commit*d < minArrival {
		return 0
	}
	return time.Duration(d * float64(time.Second))
}

// committed takes in one commit, during which so many events arrived.
func (p *pace) committed(took time.Duration, arrived int) {
	t := min(took, time.Second).Seconds()
	if p.commit == 0 {
		p.commit = t
	}
	p.commit += ewmaWeight * (t - p.commit)
	p.arrived += ewmaWeight * (float64(arrived) - p.arrived)
}

// pause waits for d, or for the context's end.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
