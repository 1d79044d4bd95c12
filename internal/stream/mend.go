package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// wait is the time that one record takes: it makes the log refuse once that
// is too long, or while the disk is full.
type wait struct {
	l     *Log
	start time.Time

	asking sync.Mutex // one probe at a time: they share a file

	mu      sync.Mutex
	why     error     // what the disk said, nil: nothing
	failed  time.Time // when it last did
	stalled bool
	ended   bool
	timer   *time.Timer
}

func (l *Log) wait() *wait {
	w := &wait{l: l, start: time.Now()}
	w.timer = time.AfterFunc(l.o.StallAfter, func() {
		w.askBriefly()
		w.stall(w.busy())
	})
	return w
}

// retryPause is how long to wait after that many failures.
func retryPause(try int) time.Duration {
	return min(50*time.Millisecond<<min(try, 5), time.Second)
}

func (w *wait) busy() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &BusyError{For: w.l.o.StallAfter, Why: w.why}
}

const (
	// askTime is how long a stall waits for the disk's word, so that what people are
	// told first is the cause: a disk that hangs gives none.
	askTime = 500 * time.Millisecond
	// whyTime is how long that word counts after a probe has gone well again: the
	// log needs a moment to go on, and nobody is to be told less meanwhile.
	whyTime = 10 * time.Second
)

// askBriefly is ask, but does not wait for a disk that hangs.
func (w *wait) askBriefly() {
	if w.l.o.URL != "" || w.l.o.Dir == "" {
		return // the disk is another machine's
	}
	asked := make(chan struct{})
	go func() { defer close(asked); w.ask() }()
	late := time.NewTimer(askTime)
	defer late.Stop()
	select {
	case <-asked:
	case <-late.C:
	}
}

// ask asks the disk why the store fails, so that people are told that and not
// only that nothing moves.
func (w *wait) ask() {
	w.asking.Lock()
	defer w.asking.Unlock()
	if w.over() {
		return
	}
	why := w.l.disk.probe()
	w.mu.Lock()
	if why == nil && time.Since(w.failed) < whyTime {
		why = w.why
	} else if why != nil {
		w.failed = time.Now()
	}
	news := w.stalled && fmt.Sprint(w.why) != fmt.Sprint(why)
	w.why = why
	w.mu.Unlock()
	if news {
		w.stall(w.busy())
	}
}

func (w *wait) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

// stall makes the log refuse with err until the record is written.
func (w *wait) stall(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	if !w.stalled {
		w.stalled = true
		w.l.o.Logger.Info("log does not move", "err", err) // people ask Health
	}
	w.l.queue.stall(err)
}

// end takes the refusal back. No stall comes after it.
func (w *wait) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.timer.Stop()
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
		w.stall(low)
		if err := pause(ctx, diskEvery); err != nil {
			return fmt.Errorf("%w: %w", low, err)
		}
	}
}

// mend makes the next attempt worthwhile: it waits for the external server,
// or restarts the embedded one, whose write error would otherwise stay. The
// more attempts there were, the longer it waits.
func (w *wait) mend(ctx context.Context, k *link, try int, why error) error {
	level := slog.LevelDebug
	if try == 0 {
		level = slog.LevelInfo
	}
	w.l.o.Logger.Log(ctx, level, "commit is repeated", "try", try+1, "err", why)
	if try > 0 {
		_ = pause(ctx, retryPause(try)) // the caller looks at ctx
	}
	if w.l.o.URL == "" {
		w.ask()
		return w.restart(ctx, level)
	}
	if errors.Is(why, context.DeadlineExceeded) {
		_ = k.nc.ForceReconnect() // half-open: silence without a disconnection
	}
	return nil
}

// restart replaces the embedded server by a new one over the same files. The
// error says that the log is damaged, or is the last one when ctx ended.
func (w *wait) restart(ctx context.Context, level slog.Level) error {
	l := w.l
	l.mu.Lock()
	old := l.link
	l.link = deadLink
	l.mu.Unlock()
	old.close()
	for try := 0; ; try++ {
		if err := w.space(ctx); err != nil {
			return err
		}
		err := l.reopen(ctx)
		if err == nil || damaged(err) || ctx.Err() != nil {
			return err
		}
		w.ask()
		l.o.Logger.Log(ctx, level, "embedded nats does not start", "try", try+1, "err", err)
		level = slog.LevelDebug
		_ = pause(ctx, retryPause(try))
	}
}

// damaged tells errors that another attempt cannot cure.
func damaged(err error) bool {
	var lost *LostRecordsError
	var missing *MissingError
	return errors.As(err, &lost) || errors.As(err, &missing) || errors.Is(err, ErrCorrupt)
}

func (l *Log) reopen(ctx context.Context) error {
	known := mark{log: l.id, first: l.first, acked: l.acked.Load(), clean: true}
	if _, err := checkFiles(ctx, l.o.Dir, l.o.Stream, known); err != nil {
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
