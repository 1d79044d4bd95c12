package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"vaiven"
	"vaiven/client"
)

// Run lets the boards do what o asks for, and returns when all of them have,
// or soon (Options.Grace) after ctx is done. The error is about options, or
// about the first board not reaching the server; what happened to each board is
// in the Result.
func Run(ctx context.Context, o Options) (Result, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Result{}, err
	}
	f := &fleet{o: &o, begun: time.Now()}
	for i := range o.Devices {
		f.boards = append(f.boards, newBoard(&o, &f.tally, i))
	}
	f.errs = make([]error, len(f.boards))
	if err := f.first(ctx); err != nil {
		return Result{}, err
	}
	watched := f.watch()
	f.run(ctx)
	watched()
	return f.result(ctx), nil
}

// fleet is one run.
type fleet struct {
	o      *Options
	begun  time.Time
	boards []*board
	errs   []error // how each board ended; each written by its own goroutine
	tally  tally
}

// first dials the first board alone, to find out about a wrong address before a
// thousand boards dial it.
func (f *fleet) first(ctx context.Context) error {
	if f.o.Background {
		return nil
	}
	err := f.boards[0].dial(ctx, false)
	if errors.Is(err, client.ErrFinished) {
		f.errs[0] = err
		return nil
	}
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	return nil
}

// run starts all boards, no faster than they may connect, and waits for them.
func (f *fleet) run(ctx context.Context) {
	var tasks sync.WaitGroup
	gap := time.NewTimer(0)
	defer gap.Stop()
	for i, b := range f.boards {
		if f.o.ConnectRate > 0 {
			due := f.begun.Add(time.Duration(float64(i) / f.o.ConnectRate * float64(time.Second)))
			gap.Reset(time.Until(due))
			select {
			case <-gap.C:
			case <-ctx.Done():
			}
		}
		tasks.Go(func() {
			f.errs[i] = f.one(ctx, b, f.errs[i])
			f.tally.ended.Add(1)
		})
	}
	tasks.Wait()
}

// one runs a board, which may have been dialled (or sent away) already.
func (f *fleet) one(ctx context.Context, b *board, err error) error {
	if err != nil {
		return err
	}
	if b.client.Load() == nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.dial(ctx, true); err != nil {
			return err
		}
	}
	return b.run(ctx)
}

// watch reports progress until the function that it returns is called, which
// waits for the last report.
func (f *fleet) watch() (stop func()) {
	if f.o.OnProgress == nil {
		return func() {}
	}
	done := make(chan struct{})
	var task sync.WaitGroup
	task.Go(func() {
		tick := time.NewTicker(f.o.ProgressEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f.o.OnProgress(f.progress())
			case <-done:
				f.o.OnProgress(f.progress())
				return
			}
		}
	})
	return func() { close(done); task.Wait() }
}

func (f *fleet) progress() Progress {
	p := Progress{
		Elapsed: time.Since(f.begun), Devices: len(f.boards), Total: f.o.Readings * uint64(len(f.boards)),
		Ended: int(f.tally.ended.Load()), Sent: f.tally.sent.Load(), Acked: f.tally.acked.Load(),
		Resent: f.tally.resent.Load(), Rejected: f.tally.rejected.Load(),
	}
	for _, b := range f.boards {
		if c := b.client.Load(); c != nil && c.Connected() {
			p.Connected++
		}
	}
	return p
}

func (f *fleet) result(ctx context.Context) Result {
	r := Result{
		Elapsed: time.Since(f.begun), Latency: &f.tally.latency, NaN: f.tally.nan.Load(),
		Accidents: f.tally.accidents.Load(), Switched: f.tally.switched.Load(), Late: f.tally.late.Load(),
		Local: f.tally.local.Load(), Rejected: make(map[vaiven.Code]uint64),
	}
	for i, b := range f.boards {
		d, st := b.result(ctx, f.errs[i], r.Rejected)
		r.Sent += d.Sent
		r.Acked += d.Acked
		r.Refused += d.Refused
		r.Resent += d.Resent
		r.Messages += st.Messages
		r.Connects += st.Connects
		r.Devices = append(r.Devices, d)
	}
	return r
}
