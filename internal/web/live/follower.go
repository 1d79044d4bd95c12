package live

import (
	"context"
	"errors"
	"os"
	"time"

	"vaiven"
	"vaiven/internal/event"
)

// streamMax bounds a batch out of the ring.
var streamMax = Max{Events: 4096, Bytes: 32 << 10}

// errSlow: a follower took nothing for too long.
var errSlow = errors.New("live: follower too slow")

// follower is one request that follows: a place in the log.
type follower struct {
	feed      *Feed
	transport Transport
	event.Query
	cursor vaiven.ID // up to here everything was written, or held back by the filter
}

// sink is where a stream of events goes. Its methods block until the peer's
// system has taken what they write, or has not for Options.WriteTimeout.
type sink interface {
	events(ctx context.Context, b *Batch) error
	position(ctx context.Context, id vaiven.ID) error
}

// follow writes events to s until the follower is over, and says why.
func (fo *follower) follow(ctx context.Context, s sink) Reason {
	pulse := time.NewTimer(fo.feed.o.Heartbeat)
	defer pulse.Stop()
	if err := s.position(ctx, fo.cursor); err != nil {
		return fo.feed.reason(err)
	}
	last, brisk := time.Now(), false
	for {
		n, wake, err := fo.batch(ctx, s)
		if err == nil {
			now := time.Now()
			quiet := now.Sub(last)
			switch {
			case n > 0:
				last, brisk = now, quiet < 2*fo.feed.o.Linger
			case quiet >= fo.feed.o.Heartbeat:
				last, err = now, s.position(ctx, fo.cursor)
			}
		}
		if err == nil && wake != nil {
			err = fo.rest(ctx, wake, pulse, last, brisk)
			brisk = false
		}
		if err != nil {
			return fo.feed.reason(err)
		}
	}
}

// batch writes one batch.
func (fo *follower) batch(ctx context.Context, s sink) (n int, wake <-chan struct{}, err error) {
	b := takeBatch()
	defer b.release()
	at := fo.cursor
	wake, err = fo.feed.step(ctx, &at, &fo.Filter, streamMax, b)
	if n = len(b.Events); n > 0 && err == nil {
		if err = s.events(ctx, b); err == nil {
			fo.feed.counts.sentBatch(fo.transport, b)
		}
	}
	if err == nil {
		fo.cursor = at
	}
	return n, wake, err
}

// rest waits for more. A brisk follower, one that was written to a moment ago,
// lets some time pass instead, so that it is woken and written to once for
// several records.
func (fo *follower) rest(ctx context.Context, wake <-chan struct{}, pulse *time.Timer, last time.Time, brisk bool) error {
	pause := fo.feed.o.Heartbeat - time.Since(last)
	if brisk {
		pause, wake = fo.feed.o.Linger, nil
	}
	pulse.Reset(pause)
	select {
	case <-wake:
	case <-pulse.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// errGone: the peer is not there any more.
var errGone = errors.New("live: follower gone")

// gone translates the error of a write.
func gone(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errShutdown):
		return errShutdown
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlow
	}
	return errGone
}

// reason says what an error means for a follower; one of the log ends here.
func (f *Feed) reason(err error) Reason {
	switch {
	case errors.Is(err, errShutdown):
		return Shutdown
	case errors.Is(err, errSlow):
		return TooSlow
	case errors.Is(err, ErrBusy):
		return Busy
	case errors.Is(err, errGone), errors.Is(err, context.Canceled):
		return Left
	}
	f.o.Logger.Error("live feed cannot read the log", "err", err)
	return Failed
}
