package load

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// Load is what the fleet is asked to send. The zero value sends nothing.
type Load struct {
	// Window is the most readings in flight on one connection, at most
	// MaxWindow.
	Window int
	// Rate is how many readings a second the fleet sends together, the
	// boards in turn; 0: as fast as acknowledgements come back.
	Rate float64
}

// Tally is what happened during one Run.
type Tally struct {
	Took    time.Duration
	Acked   uint64        // readings acknowledged
	Skipped uint64        // turns of a paced board whose window was full
	Latency Histogram     // from the moment a reading was due to its acknowledgement
	CPU     time.Duration // of the generator itself
}

// Rate returns the readings acknowledged per second.
func (t *Tally) Rate() float64 { return float64(t.Acked) / t.Took.Seconds() }

// SetLoad changes what is sent from now on, by boards that have greeted.
func (f *Fleet) SetLoad(l Load) error {
	l.Window = min(l.Window, MaxWindow)
	f.load = l
	f.nextDue = f.now()
	if l.Rate > 0 {
		return nil
	}
	for i := range f.boards {
		b := &f.boards[i]
		f.scratch = f.refill(b, f.scratch[:0], f.nextDue)
		if len(f.scratch) == 0 {
			continue
		}
		if err := f.send(b, f.scratch); err != nil {
			return fmt.Errorf("board %d: %w", i, err)
		}
	}
	return nil
}

// Run plays the load for d and returns what was acknowledged in that time.
func (f *Fleet) Run(ctx context.Context, d time.Duration) (*Tally, error) {
	t := &Tally{}
	f.tally = t
	defer func() { f.tally = nil }()
	cpu := OwnCPU()
	begin := f.now()
	end := begin + int64(d)
	for now := begin; now < end; now = f.now() {
		wait := min(time.Duration(end-now), pollAtLeast)
		if f.load.Rate > 0 {
			if err := f.sendDue(now); err != nil {
				return nil, err
			}
			wait = min(wait, time.Duration(f.nextDue-now))
		}
		if err := f.turn(ctx, wait); err != nil {
			return nil, err
		}
	}
	t.Took = time.Duration(f.now() - begin)
	t.CPU = OwnCPU() - cpu
	return t, nil
}

// Drain stops sending and waits, at most d, until all that was sent is
// acknowledged.
func (f *Fleet) Drain(ctx context.Context, d time.Duration) error {
	f.load = Load{}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for f.acked < f.sent {
		if err := f.turn(ctx, pollAtLeast); err != nil {
			return fmt.Errorf("%d readings without acknowledgement: %w", f.sent-f.acked, err)
		}
	}
	return nil
}

// Acked returns how many readings were acknowledged since the fleet was made.
func (f *Fleet) Acked() uint64 { return f.acked }

// Sent returns how many readings were sent since the fleet was made.
func (f *Fleet) Sent() uint64 { return f.sent }

// SentBy returns how many readings board i has sent since the fleet was made.
func (f *Fleet) SentBy(i int) uint64 { return f.boards[i].sent }

// sendDue sends every reading whose time has come. Times are fixed in advance:
// a board that is late, or that waits for the server, does not shift the next
// ones, so the latency of a server that stalls is not hidden.
func (f *Fleet) sendDue(now int64) error {
	step := int64(float64(time.Second) / f.load.Rate)
	for ; f.nextDue <= now; f.nextDue += step {
		b := &f.boards[f.next]
		f.next = (f.next + 1) % len(f.boards)
		if b.inFlight() >= f.load.Window {
			f.tally.Skipped++
			continue
		}
		if err := f.send(b, f.reading(b, f.scratch[:0], f.nextDue)); err != nil {
			return fmt.Errorf("board %d: %w", b.index, err)
		}
	}
	return nil
}

// refill appends as many readings as the window has room for, unless paced.
func (f *Fleet) refill(b *board, out []byte, now int64) []byte {
	if f.load.Rate > 0 || b.stage != stageReady {
		return out
	}
	for b.inFlight() < f.load.Window {
		out = f.reading(b, out, now)
	}
	return out
}

func (f *Fleet) reading(b *board, out []byte, due int64) []byte {
	b.sent++
	f.sent++
	b.due[b.sent%MaxWindow] = due
	return b.says.Reading(out, b.sent)
}

// OwnCPU returns what this process has used since it began.
func OwnCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
