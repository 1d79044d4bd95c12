package stream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"vaiven"
)

// feed appends readings until it is stopped, as boards do: what is refused as
// busy is tried again.
type feed struct {
	sent atomic.Int64
	busy atomic.Int64
	stop context.CancelFunc
	done chan error
}

func startFeed(l *running, devices int) *feed {
	ctx, cancel := context.WithCancel(context.Background())
	f := &feed{stop: cancel, done: make(chan error, devices)}
	for d := range devices {
		go func() {
			for seq := 1; ctx.Err() == nil; {
				err := l.Append(ctx, []vaiven.Event{reading(d, seq)}, nil)
				var e *vaiven.Error
				switch {
				case err == nil:
					seq++
					f.sent.Add(1)
				case errors.As(err, &e) && e.Code == vaiven.CodeBusy:
					f.busy.Add(1)
				case ctx.Err() == nil:
					f.done <- err
					return
				}
				_ = pause(ctx, time.Millisecond)
			}
			f.done <- nil
		}()
	}
	return f
}

func (f *feed) end(t *testing.T) {
	t.Helper()
	f.stop()
	for range cap(f.done) {
		if err := <-f.done; err != nil {
			t.Errorf("append: %v", err)
		}
	}
}

// follower reads along while the log runs, over every restart.
func follower(t *testing.T, l *running) (end func(), caughtUp func() bool) {
	ctx, cancel := context.WithCancel(context.Background())
	var next atomic.Uint64
	next.Store(l.First())
	done := make(chan error, 1)
	go func() {
		done <- l.Read(ctx, l.First(), 0, func(r vaiven.Record) error {
			if !next.CompareAndSwap(r.Seq, r.Seq+1) {
				return fmt.Errorf("record %d instead of %d", r.Seq, next.Load())
			}
			return nil
		})
	}()
	end = func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("read: %v", err)
		}
	}
	return end, func() bool { return next.Load() > l.acked.Load() }
}

// until polls with a deadline.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	over := time.Now().Add(deadline)
	for !cond() {
		if time.Now().After(over) {
			t.Fatalf("never happened: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
