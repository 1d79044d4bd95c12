package button

import (
	"context"
	"slices"
	"sync"
	"time"
)

// lamp is one indicator: lit when any of its states is on. After Open its own
// goroutine uses the line; show may be called from anywhere.
type lamp struct {
	p       *Panel
	b       Binding
	out     output // nil: the line could not be had
	trouble trouble
	changed chan struct{} // holds a token when a state changed

	mu sync.Mutex
	on []bool // of each target
}

func newLamp(p *Panel, b Binding) *lamp {
	l := &lamp{p: p, b: b, changed: make(chan struct{}, 1), on: make([]bool, len(b.Targets))}
	for i, t := range b.Targets {
		l.on[i] = p.o.State(t.Device, t.State)
	}
	return l
}

// show notes what a state is; only the last one counts.
func (l *lamp) show(t Target, on bool) {
	i := slices.Index(l.b.Targets, t)
	if i < 0 {
		return
	}
	l.mu.Lock()
	l.on[i] = on
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *lamp) lit() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.on, true)
}

// open tries to get the line, with what it has to show.
func (l *lamp) open() {
	l.trouble.p, l.trouble.line = l.p, l.b.Line
	out, err := l.p.lines.Output(l.b, l.lit())
	if err != nil {
		l.trouble.noteFailure(err)
		return
	}
	l.trouble.noteWorking()
	l.out = out
}

// close switches the lamp off and gives the line back.
func (l *lamp) close() error {
	if l.out == nil {
		return nil
	}
	out := l.out
	l.out = nil
	_ = out.Set(false) // a line that is gone is dark
	return out.Close()
}

// run drives the lamp until ctx is done, over all that happens to its line.
func (l *lamp) run(ctx context.Context) {
	defer func() { _ = l.close() }() // nobody could do anything about it
	for ctx.Err() == nil {
		if l.out == nil {
			if !l.trouble.awaitRetry(ctx) {
				return
			}
			l.open()
			continue
		}
		began := time.Now()
		err := l.drive(ctx)
		if ctx.Err() != nil {
			return
		}
		_ = l.close()
		l.trouble.resetPause(time.Since(began))
		l.trouble.noteFailure(err)
	}
}

// drive follows the states until the line fails or ctx is done.
func (l *lamp) drive(ctx context.Context) error {
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	for {
		if err := l.out.Set(l.lit()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-l.changed:
		case <-check.C:
			if err := l.out.Check(); err != nil {
				return err
			}
		}
	}
}
