package main

import (
	"context"
	"errors"
	"runtime"
	"time"

	"vaiven/bench/internal/load"
	"vaiven/bench/internal/machine"
)

// turnTime is how long the fleet plays between two looks at what goes on
// beside it.
const turnTime = 50 * time.Millisecond

// beside plays the fleet's load while fn runs on a goroutine of its own.
func (t *trial) beside(ctx context.Context, f *load.Fleet, fn func(context.Context) error) error {
	// The fleet's thread waits in the kernel by itself and takes a processor
	// of the runtime along; the others are for those who follow and ask.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 2))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	for {
		if _, err := f.Run(ctx, turnTime); err != nil {
			cancel()
			return errors.Join(err, <-done)
		}
		select {
		case err := <-done:
			return err
		default:
		}
	}
}

// look is what was used up to a moment.
type look struct {
	at        time.Time
	server    time.Duration // CPU
	own       time.Duration // CPU
	busy, all uint64        // of the machine, in ticks
}

func (t *trial) look() (look, error) {
	u, err := t.server.Usage()
	l := look{at: time.Now(), server: u.CPU, own: load.OwnCPU()}
	l.busy, l.all = machine.Busy()
	return l, err
}

// spent is what was used between two looks.
type spent struct {
	took   time.Duration
	server time.Duration // CPU
	busy   float64       // % of the machine that did anything
	others float64       // % of the machine that did neither theirs nor ours
}

// cores is how many processors the server kept busy.
func (s spent) cores() float64 { return s.server.Seconds() / s.took.Seconds() }

func (t *trial) since(before look) (spent, error) {
	now, err := t.look()
	s := spent{took: now.at.Sub(before.at), server: now.server - before.server}
	s.others = othersShare(before.busy, before.all, s.server+now.own-before.own)
	if now.all > before.all {
		s.busy = 100 * float64(now.busy-before.busy) / float64(now.all-before.all)
	}
	return s, err
}

// during waits for warm and measures the d behind it; fn, when there is one, is
// told when the measurement begins and ends.
func (t *trial) during(ctx context.Context, warm, d time.Duration, fn func(begins bool)) (s spent, err error) {
	if err := pause(ctx, warm); err != nil {
		return s, err
	}
	before, err := t.look()
	if err != nil {
		return s, err
	}
	if fn != nil {
		fn(true)
		defer fn(false)
	}
	if err := pause(ctx, d); err != nil {
		return s, err
	}
	return t.since(before)
}

// pause waits for d, or until ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
