package views

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"vaiven/internal/atomicfile"
)

// cutTimeout bounds how long a checkpoint waits for the slowest view; one that
// is behind or fails holds checkpoints up, and a start then replays more.
const cutTimeout = 30 * time.Second

// writeCheckpoints writes one every Options.Every, when something has changed.
func (p *Pump) writeCheckpoints(ctx context.Context) {
	if p.opts.Dir == "" {
		return
	}
	pause := p.opts.Every
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.stop:
			return
		case <-time.After(pause):
		}
		began := time.Now()
		if err := p.checkpoint(ctx); err != nil && !errors.Is(err, errStopping) {
			p.opts.Logger.Warn("checkpoint not written", "err", err)
		}
		pause = min(max(p.opts.Every, 50*time.Since(began)), 10*time.Minute)
	}
}

// checkpoint takes a consistent cut: the decider's state now, and each view's
// snapshot when it has come exactly as far.
func (p *Pump) checkpoint(ctx context.Context) error {
	p.mu.RLock()
	pos := p.decider.Position()
	if pos == p.saved {
		p.mu.RUnlock()
		return nil
	}
	state, runners := p.decider.appendState(nil), p.keepers()
	cuts := make([]*cutRequest, len(runners))
	for i, r := range runners {
		cuts[i] = &cutRequest{pos: pos, answer: make(chan cutAnswer, 1)}
		r.cut.Store(cuts[i])
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
	p.mu.RUnlock()
	defer func() { // of those that have not answered
		for i, r := range runners {
			r.cut.CompareAndSwap(cuts[i], nil)
		}
	}()
	late := time.After(cutTimeout)
	snapshots := make([]viewSnapshot, len(runners))
	for i, r := range runners {
		var a cutAnswer
		select {
		case a = <-cuts[i].answer:
		case <-late:
			a.err = errors.New("does not come up")
		case <-p.stop:
			a.err = errStopping
		case <-ctx.Done():
			a.err = ctx.Err()
		}
		if a.err != nil {
			return fmt.Errorf("view %s: %w", r.view.Name(), a.err)
		}
		snapshots[i] = viewSnapshot{r.view.Name(), a.snapshot}
	}
	return p.save(pos, state, snapshots)
}

// keepers are the views that the checkpoint holds. p.mu is held.
func (p *Pump) keepers() []*runner {
	return slices.DeleteFunc(slices.Clone(p.runners), func(r *runner) bool { return r.follower })
}

func (p *Pump) save(pos uint64, state []byte, snapshots []viewSnapshot) error {
	b := appendCheckpoint(nil, p.opts.Source.ID(), pos, state, snapshots)
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
	pos, same := p.decider.Position(), p.decider.Position() == p.saved
	over := p.done || p.running == nil
	state, runners := p.decider.appendState(nil), p.keepers()
	p.mu.RUnlock()
	if p.opts.Dir == "" || same || !over {
		return nil
	}
	snapshots := make([]viewSnapshot, len(runners))
	for i, r := range runners {
		if r.started {
			select {
			case <-r.ended:
			default:
				return nil // it hangs
			}
		}
		if r.applied != pos || r.lost || r.replaying {
			return nil
		}
		data, err := r.snapshot()
		if err != nil {
			return fmt.Errorf("checkpoint: view %s: %w", r.view.Name(), err)
		}
		snapshots[i] = viewSnapshot{r.view.Name(), data}
	}
	if err := p.save(pos, state, snapshots); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}
