package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
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
	if err := f.dialFirst(ctx); err != nil {
		return Result{}, err
	}
	stopReports := f.reportProgress()
	f.run(ctx)
	stopReports()
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

// dialFirst dials the first board alone, to find out about a wrong address
// before a thousand boards dial it. When the server does not let that board in yet, the
// others do not wait for it.
func (f *fleet) dialFirst(ctx context.Context) error {
	if f.o.Background {
		return nil
	}
	first := f.boards[0]
	first.dialled = make(chan error, 1)
	go func() { first.dialled <- first.dial(ctx, false) }()
	var err error
	select {
	case err = <-first.dialled:
		first.dialled = nil
	case <-first.barred: // runBoard waits on
	}
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
			f.errs[i] = f.runBoard(ctx, b, f.errs[i])
			f.tally.ended.Add(1)
		})
	}
	tasks.Wait()
}

// runBoard runs a board, which may have been dialled (or sent away) already.
func (f *fleet) runBoard(ctx context.Context, b *board, err error) error {
	if err != nil {
		return err
	}
	if b.dialled != nil {
		if err := <-b.dialled; errors.Is(err, client.ErrFinished) {
			return err
		}
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

// reportProgress reports progress until the function that it returns is called,
// which waits for the last report.
func (f *fleet) reportProgress() (stop func()) {
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

// Progress is how far things are.
type Progress struct {
	Elapsed   time.Duration
	Devices   int
	Connected int    // boards that the server has welcomed, now
	Ended     int    // boards that have nothing left to do
	Total     uint64 // readings asked for, 0: no end
	Sent      uint64 // readings, each counted once
	Acked     uint64 // of those, on the server's disk
	Resent    uint64 // times that one was sent again
	Rejected  uint64 // errors from the server
}

// Result is what came of it.
type Result struct {
	Elapsed  time.Duration
	Sent     uint64 // readings, each counted once
	Acked    uint64 // of those, on the server's disk; none in the course's form
	Refused  uint64 // of those, refused for good
	Resent   uint64 // times that one was sent again
	Messages uint64 // WebSocket messages written

	NaN       uint64                 // times that nan was sent
	Accidents uint64                 // connections ended on purpose (Options.Loss, Drop; Board.Drop)
	Switched  uint64                 // times that a board did what the server wanted, repetitions included
	Late      uint64                 // times that it did not, for the deadline
	Local     uint64                 // times that somebody pressed a board's own switch
	Connects  uint64                 // connections that were welcomed
	Rejected  map[vaiven.Code]uint64 // errors from the server

	// Latency from the first time that a reading was given to the socket to its
	// acknowledgement, reconnecting included.
	Latency *Histogram

	Devices []Device
}

// Failed counts the boards that could not do what they were asked to.
func (r *Result) Failed() int {
	n := 0
	for _, d := range r.Devices {
		if d.Outcome == Failed {
			n++
		}
	}
	return n
}

// Device is what came of one board.
type Device struct {
	ID      vaiven.Device
	Boot    vaiven.Boot // "" in the course's form
	Sent    uint64
	Acked   uint64
	Resent  uint64
	Refused uint64
	Outcome Outcome
	Err     error // why it failed, or in which words the server finished it
}

// Outcome says how a board ended.
type Outcome int

// How boards end.
const (
	Failed    Outcome = iota // see Device.Err
	Completed                // sent all it was asked to, all acknowledged
	Finished                 // the server said that it is done
	Stopped                  // the context ended
)

// String is the outcome in one lower-case word.
func (o Outcome) String() string {
	switch o {
	case Completed:
		return "completed"
	case Finished:
		return "finished"
	case Stopped:
		return "stopped"
	}
	return "failed"
}

// tally counts while boards run.
type tally struct {
	sent, acked, resent, rejected, nan, accidents atomic.Uint64
	switched, late, local                         atomic.Uint64
	ended                                         atomic.Int64
	latency                                       Histogram
}
