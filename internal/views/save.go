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

const (
	// lookAfter is how often it is looked whether a checkpoint is due.
	lookAfter = 5 * time.Second
	// tailEvents are so many events behind the last checkpoint that another one is due:
	// a start reads them in a fraction of a second.
	tailEvents = 50_000
)

// writeCheckpoints writes one every Options.Every, or behind many events, when something
// has changed, and sees to what the log keeps.
func (p *Pump) writeCheckpoints(ctx context.Context) {
	if p.opts.Dir == "" && p.keeper == nil {
		return
	}
	last := time.Now()
	next := last.Add(min(p.opts.Every, lookAfter))
	for {
		var room roomRequest
		select {
		case <-ctx.Done():
			return
		case <-p.stop:
			return
		case room = <-p.rooms:
		case <-time.After(min(p.opts.Every, lookAfter)):
			now := time.Now()
			due := !now.Before(next) && (now.Sub(last) >= p.opts.Every || p.behind() >= tailEvents)
			if !due && !p.snapshotDue(ctx) {
				p.tidy(ctx, nil, false)
				continue
			}
		}
		began := time.Now()
		freed := p.keep(ctx, room.answer != nil)
		if room.answer != nil {
			room.answer <- freed
		}
		last = time.Now()
		next = last.Add(min(50*last.Sub(began), 10*time.Minute))
	}
}

// behind is how many events came since the last checkpoint.
func (p *Pump) behind() uint64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.decider.stats.Events - p.counted
}

// keep writes a checkpoint, and sees to what the log keeps. It reports whether the log
// was trimmed.
func (p *Pump) keep(ctx context.Context, room bool) bool {
	if room { // the snapshots that are there may do, and do not wait for the views
		if freed, _ := p.retain(ctx, nil, true); freed {
			return true
		}
		p.settle(ctx) // needs room itself: what could go without it has gone
	}
	c, err := p.checkpoint(ctx, room)
	if err != nil && !errors.Is(err, errStopping) {
		p.opts.Logger.Warn("checkpoint not written", "err", err)
	}
	return p.tidy(ctx, c, room)
}

// tidy sees to what the log keeps, behind a cut or without one. It reports whether the
// log was trimmed.
func (p *Pump) tidy(ctx context.Context, c *cut, room bool) bool {
	freed, err := p.retain(ctx, c, room)
	if err != nil && !p.ending(ctx) {
		p.opts.Logger.Warn("log not trimmed", "err", err)
	}
	return freed
}

// ending reports whether nothing more is to be begun.
func (p *Pump) ending(ctx context.Context) bool {
	select {
	case <-p.stop:
		return true
	default:
		return ctx.Err() != nil
	}
}

// cut is everything as it was exactly behind one record.
type cut struct {
	pos   uint64
	time  logTime
	stats Stats
	data  []byte // as a checkpoint and a snapshot hold it
}

// checkpoint takes a consistent cut: the decider's state now, and each view's
// snapshot when it has come exactly as far. It is nil when nothing has changed, unless
// it is wanted all the same.
func (p *Pump) checkpoint(ctx context.Context, wanted bool) (*cut, error) {
	p.mu.RLock()
	pos := p.decider.Position()
	if pos == p.saved && (!wanted || pos == 0) {
		p.mu.RUnlock()
		return nil, nil
	}
	state, runners := p.decider.appendState(nil), p.keepers()
	made := &cut{pos: pos, time: p.decider.time, stats: p.decider.stats}
	made.time.jumps = slices.Clone(made.time.jumps)
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
			return nil, fmt.Errorf("view %s: %w", r.view.Name(), a.err)
		}
		snapshots[i] = viewSnapshot{r.view.Name(), a.snapshot}
	}
	made.data = appendCheckpoint(nil, p.opts.Source.ID(), pos, state, snapshots)
	return made, p.save(made)
}

// settle lets the views that keep a position of their own move it up to here, so that
// it does not hold up what the log gives away. One that cannot is left as it is: the
// log then keeps what that view needs.
func (p *Pump) settle(ctx context.Context) {
	asked := make(map[*runner]*settleRequest)
	p.mu.RLock()
	for _, r := range p.keepers() {
		if _, ok := r.view.(Settler); ok {
			asked[r] = &settleRequest{make(chan error, 1)}
			r.settle.Store(asked[r])
			select {
			case r.wake <- struct{}{}:
			default:
			}
		}
	}
	p.mu.RUnlock()
	late := time.After(cutTimeout)
	for r, s := range asked {
		var err error
		select {
		case err = <-s.answer:
		case <-late:
			err = errors.New("does not come up")
		case <-p.stop:
		case <-ctx.Done():
		}
		r.settle.CompareAndSwap(s, nil)
		if err != nil {
			p.opts.Logger.Warn("a view holds up the log's trimming", "view", r.view.Name(), "err", err)
		}
	}
}

// keepers are the views that the checkpoint holds. p.mu is held.
func (p *Pump) keepers() []*runner {
	return slices.DeleteFunc(slices.Clone(p.runners), func(r *runner) bool { return r.follower })
}

func (p *Pump) save(c *cut) error {
	if p.opts.Dir != "" {
		// It has what tokens are proved with.
		if err := atomicfile.WritePrivate(filepath.Join(p.opts.Dir, CheckpointName), c.data); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saved, p.counted = c.pos, c.stats.Events
	return nil
}

// lastCheckpoint writes the one of Close, when all views have come to the
// pump's place; otherwise the one before it stays.
func (p *Pump) lastCheckpoint() error {
	p.mu.RLock()
	pos, same := p.decider.Position(), p.decider.Position() == p.saved
	over := p.done || p.running == nil
	state, runners, stats := p.decider.appendState(nil), p.keepers(), p.decider.stats
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
	c := &cut{pos: pos, stats: stats, data: appendCheckpoint(nil, p.opts.Source.ID(), pos, state, snapshots)}
	if err := p.save(c); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}
