package stream

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"vaiven"
)

func oneTicket(t *testing.T, seq int) []ticket {
	t.Helper()
	ts, err := cutTickets([]vaiven.Event{reading(1, seq)}, seq)
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

func TestAFullQueueWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue
		q.init(2, 1<<20, false)
		for i := range 2 {
			if err := q.putTickets(t.Context(), oneTicket(t, i+1)); err != nil {
				t.Fatal(err)
			}
		}
		done := make(chan error, 1)
		go func() { done <- q.putTickets(t.Context(), oneTicket(t, 3)) }()
		synctest.Wait()
		taken := q.encodeTickets(&encoder{}, nil)
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("there was room while events are under way: %v", err)
		default:
		}
		q.releaseTickets(taken)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func TestAStalledQueueRefusesAtOnceAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Log{o: Options{StallAfter: 2 * time.Second, Logger: quiet()}}
		l.queue.init(1, 1<<20, false)
		if err := l.Append(t.Context(), []vaiven.Event{reading(1, 1)}, nil); err != nil {
			t.Fatal(err)
		}
		w := l.watchRecord()
		start := time.Now()
		err := l.Append(t.Context(), []vaiven.Event{reading(1, 2)}, nil)
		var e *vaiven.Error
		if !errors.As(err, &e) || e.Code != vaiven.CodeBusy || e.Retry <= 0 {
			t.Errorf("append to a stalled log: %v", err)
		}
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("refused after %s", d)
		}
		if l.queue.refusal() == nil {
			t.Error("healthy while stalled")
		}
		l.queue.releaseTickets(l.queue.encodeTickets(&encoder{}, nil))
		w.end()
		if err := l.Append(t.Context(), []vaiven.Event{reading(1, 2)}, nil); err != nil {
			t.Errorf("append after the stall: %v", err)
		}
		time.Sleep(time.Minute) // a timer that was left would refuse again
		if err := l.queue.refusal(); err != nil {
			t.Errorf("stalled again: %v", err)
		}
	})
}

func TestAnAppendEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue
		q.init(1, 1<<20, false)
		if err := q.putTickets(t.Context(), oneTicket(t, 1)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := q.putTickets(ctx, oneTicket(t, 2)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("put: %v", err)
		}
		if events, _ := q.pending(); events != 1 {
			t.Errorf("%d events wait", events)
		}
	})
}

func TestLingerOnlyWhereItGains(t *testing.T) {
	for _, c := range []struct {
		name    string
		commit  time.Duration
		arrived int // during one commit
		want    time.Duration
	}{
		{"each waits for its acknowledgement", 250 * time.Microsecond, 0, 0},
		{"20,000 a second", 250 * time.Microsecond, 5, time.Millisecond},
		{"a slow disk", 10 * time.Millisecond, 50, 5 * time.Millisecond},
		{"a slow disk, few boards", 10 * time.Millisecond, 1, 0},
	} {
		var p pace
		for range 100 {
			p.committed(c.commit, c.arrived)
		}
		if got := p.linger().Round(10 * time.Microsecond); got != c.want {
			t.Errorf("%s: lingers %s, want %s", c.name, got, c.want)
		}
	}
}
