package views

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"vaiven/internal/atomicfile"
)

// cutTimeout bounds how long a checkpoint waits for the slowest view; one that
// is behind or fails holds checkpoints up, and a start then replays more.
const cutTimeout = 30 * time.Second

// checkpoints writes one every Options.Every, when something has changed.
func (p *Pump) checkpoints(ctx context.Context) {
	if p.opts.Dir == "" {
		return
	}
	pause := p.opts.Every
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.stop:
			return
		case <-timer.C:
		}
		began := time.Now()
		if err := p.checkpoint(ctx); err != nil && !errors.Is(err, errStopping) {
			p.opts.Logger.Warn("checkpoint not written", "err", err)
		}
		pause = max(p.opts.Every, 50*time.Since(began))
		timer.Reset(min(pause, 10*time.Minute))
	}
}

// checkpoint takes a consistent cut: the decider's state now, and each view's
// snapshot when it has come exactly as far.
func (p *Pump) checkpoint(ctx context.Context) error {
	p.mu.RLock()
	pos := p.pos
	if pos == p.saved {
		p.mu.RUnlock()
		return nil
	}
	state := p.decider.appendState(nil)
	var asked []*runner
	var marks []*mark
	for _, r := range p.runners {
		if r.follower {
			continue
		}
		m := &mark{pos: pos, done: make(chan cut, 1)}
		asked, marks = append(asked, r), append(marks, m)
		r.mark.Store(m)
		r.nudge()
	}
	p.mu.RUnlock()

	limit := time.NewTimer(cutTimeout)
	defer limit.Stop()
	snaps := make(map[string][]byte)
	for i, m := range marks {
		c, err := p.await(ctx, m, limit)
		if err != nil {
			for j := i; j < len(marks); j++ {
				asked[j].mark.CompareAndSwap(marks[j], nil)
			}
			return fmt.Errorf("view %s: %w", asked[i].view.Name(), err)
		}
		snaps[asked[i].view.Name()] = c
	}
	return p.save(pos, state, asked, snaps)
}

func (p *Pump) await(ctx context.Context, m *mark, limit *time.Timer) ([]byte, error) {
	select {
	case c := <-m.done:
		return c.data, c.err
	case <-limit.C:
		return nil, errors.New("does not come up")
	case <-p.stop:
		return nil, errStopping
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *Pump) save(pos uint64, state []byte, runners []*runner, snaps map[string][]byte) error {
	order := make([]string, len(runners))
	for i, r := range runners {
		order[i] = r.view.Name()
	}
	b := appendCheckpoint(nil, p.opts.Source.ID(), pos, state, order, snaps)
	if err := atomicfile.Write(filepath.Join(p.opts.Dir, CheckpointName), b); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saved = pos
	return nil
}

// lastCheckpoint writes the one of Close, when all views have come to the
// pump's place; otherwise the one before it stays.
func (p *Pump) lastCheckpoint() error {
	p.mu.RLock()
	pos, same := p.pos, p.pos == p.saved
	over := p.done || p.running == nil
	state := p.decider.appendState(nil)
	var runners []*runner
	for _, r := range p.runners {
		if !r.follower {
			runners = append(runners, r)
		}
	}
	p.mu.RUnlock()
	if p.opts.Dir == "" || same || !over {
		return nil
	}
	snaps := make(map[string][]byte)
	for _, r := range runners {
		if !r.idle() || r.at != pos || r.over || r.fresh {
			return nil
		}
		data, err := r.snapshot()
		if err != nil {
			return fmt.Errorf("checkpoint: view %s: %w", r.view.Name(), err)
		}
		snaps[r.view.Name()] = data
	}
	if err := p.save(pos, state, runners, snaps); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// idle reports whether the runner's goroutine has ended, or never began.
func (r *runner) idle() bool {
	if !r.started {
		return true
	}
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}
