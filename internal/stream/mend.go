package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// wait is the time that one record takes: it makes the log refuse once that
// is too long.
type wait struct {
	l       *Log
	start   time.Time
	stalled bool
}

// stall marks the log as stalled if it is time.
func (w *wait) stall() {
	if d := time.Since(w.start); d >= w.l.o.StallAfter {
		w.stalled = true
		w.l.queue.stall(&BusyError{For: d})
	}
}

// end takes the mark away.
func (w *wait) end() {
	if w.stalled {
		w.l.queue.stall(nil)
		w.l.o.Logger.Info("log moves again", "after", time.Since(w.start).Round(time.Millisecond).String())
	}
}

// space waits until the disk is above its reserve.
func (w *wait) space(ctx context.Context) error {
	for {
		low := w.l.disk.check()
		if low == nil {
			return nil
		}
		if !w.stalled {
			w.stalled = true
			w.l.o.Logger.Error("log does not write", "err", low)
		}
		w.l.queue.stall(low)
		if err := pause(ctx, diskEvery); err != nil {
			return fmt.Errorf("%w: %w", low, err)
		}
	}
}

// publish makes one attempt, and marks the log as stalled meanwhile if it
// takes long.
func (w *wait) publish(ctx context.Context, k *link, msg *nats.Msg) (uint64, error) {
	t := time.AfterFunc(max(0, w.l.o.StallAfter-time.Since(w.start)), func() {
		w.l.queue.stall(&BusyError{For: time.Since(w.start)})
	})
	seq, err := k.publish(ctx, msg, w.l.o.CommitTimeout)
	if !t.Stop() {
		w.stalled = true
	}
	return seq, err
}

// mend makes the next attempt worthwhile: it waits for the external server,
// or restarts the embedded one, whose write error would otherwise stay.
func (l *Log) mend(ctx context.Context, k *link, why error) error {
	if k.srv == nil {
		if errors.Is(why, context.DeadlineExceeded) {
			_ = k.nc.ForceReconnect() // half-open: silence without a disconnection
		}
		_ = pause(ctx, 100*time.Millisecond) // the caller looks at ctx
		return nil
	}
	return l.restart(ctx, why)
}

// restart replaces the embedded server by a new one over the same files.
func (l *Log) restart(ctx context.Context, why error) error {
	l.o.Logger.Warn("embedded nats is restarted", "err", why)
	l.mu.Lock()
	old := l.link
	l.link = deadLink
	l.mu.Unlock()
	if old != nil {
		old.close()
	}
	for {
		err := l.reopen(ctx)
		var lost *LostRecordsError
		if err == nil || errors.As(err, &lost) {
			return err
		}
		l.o.Logger.Error("embedded nats does not start", "err", err)
		if ctx.Err() != nil {
			return err
		}
		_ = pause(ctx, time.Second)
	}
}

func (l *Log) reopen(ctx context.Context) error {
	if err := l.disk.check(); err != nil {
		return err
	}
	known := mark{log: l.id, first: l.first, acked: l.acked.Load()}
	if err := checkFiles(l.o.Dir, l.o.Stream, known); err != nil {
		return err
	}
	k, err := l.dial(ctx)
	if err != nil {
		return err
	}
	st, err := k.state(ctx)
	if err == nil && st.last < known.acked {
		err = &LostRecordsError{Have: st.last, Want: known.acked}
	}
	if err != nil {
		k.close()
		return err
	}
	l.mu.Lock()
	l.link = k
	close(l.moved)
	l.moved = make(chan struct{})
	l.mu.Unlock()
	return nil
}
