package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vaiven"
	"vaiven/internal/event"
)

var (
	// ErrBusy: too many followers read the log already; come again later.
	ErrBusy = errors.New("live: too many readers of the log")
	// errEnough ends a reading of the log.
	errEnough = errors.New("live: enough")
)

// Next fills b with what stands behind after and passes the filter, from the
// ring or from the log; when there is nothing yet it waits, wait at most, and
// then leaves b empty. next is how far it has looked, past what the filter held
// back; it is right even with an error, which is ctx's, that the feed is closed,
// ErrBusy, or the log's own.
func (f *Feed) Next(ctx context.Context, after vaiven.ID, flt *event.Filter, m Max, wait time.Duration, b *Batch) (next vaiven.ID, err error) {
	next = after
	b.reset()
	began, limit := time.Now(), time.NewTimer(wait)
	defer limit.Stop()
	for {
		wake, err := f.step(ctx, &next, flt, m, b)
		if err != nil || len(b.Events) > 0 {
			return next, err
		}
		if wake == nil { // the log has more
			if wait <= time.Since(began) {
				return next, nil
			}
			continue
		}
		select {
		case <-wake:
		case <-limit.C:
			return next, nil
		case <-ctx.Done():
			return next, context.Cause(ctx)
		case <-f.ctx.Done():
			return next, errShutdown
		}
	}
}

// step fills b with what is there now, and moves the cursor on. A wake that is
// not nil says that there is no more, and is closed when that changes.
func (f *Feed) step(ctx context.Context, cursor *vaiven.ID, flt *event.Filter, m Max, b *Batch) (wake <-chan struct{}, err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	where, wake := f.ring.read(cursor, flt, m, b)
	switch {
	case where == inRing:
		return wake, nil
	case where == unborn && !cursor.Before(endOf(f.o.History.Position())):
		return wake, nil
	}
	return nil, f.past(ctx, cursor, flt, m, b)
}

// Bounds of one reading of the log.
const (
	maxScan      = 1 << 16   // events looked at: then somebody else's turn comes
	historyBytes = 32 << 20  // of pages, for all followers together
	minPage      = 32 << 10  // of one follower
	maxPage      = 256 << 10 // of one follower
)

// page is how much one follower reads from the log at once: a reading costs
// something to begin, and what it yields is held until it is written.
func (f *Feed) page() int {
	_, n := f.followers()
	return min(max(historyBytes/max(n, 1), minPage), maxPage)
}

// past reads from the log. The turn ends before anything is written to the
// follower, so that one that does not read holds up nobody.
func (f *Feed) past(ctx context.Context, cursor *vaiven.ID, flt *event.Filter, m Max, b *Batch) error {
	if err := f.turn(ctx); err != nil {
		return err
	}
	defer func() { <-f.readers }()
	f.counts.readings.Add(1)
	m.Bytes = max(m.Bytes, f.page())
	scanned, enough := 0, false
	to := f.o.History.Position()
	err := f.o.History.History(ctx, *cursor, func(en vaiven.Entry) error {
		if enough {
			return errEnough
		}
		if !cursor.Before(en.ID) {
			return nil
		}
		*cursor = en.ID
		if k := vaiven.KindOf(en.Event); flt.Passes(k, en.Event.Of()) {
			b.encode(k, en, f.o.Encode)
		}
		scanned++
		if enough = scanned >= maxScan || b.full(m); enough {
			return errEnough
		}
		return nil
	})
	if enough {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("live: read the log behind %s: %w", *cursor, err)
	}
	if cursor.Before(endOf(to)) {
		*cursor = endOf(to)
	}
	return nil
}

// turn waits for a place among those that read the log.
func (f *Feed) turn(ctx context.Context) error {
	select {
	case f.readers <- struct{}{}:
		return nil
	default:
	}
	f.counts.waiting.Add(1)
	defer f.counts.waiting.Add(-1)
	limit := time.NewTimer(f.o.ReaderWait)
	defer limit.Stop()
	select {
	case f.readers <- struct{}{}:
		return nil
	case <-limit.C:
		return ErrBusy
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
