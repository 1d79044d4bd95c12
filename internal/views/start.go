package views

import (
	"context"
	"errors"
	"fmt"

	"vaiven"
)

// Open loads the checkpoint, checks it against the log, restores the views, and
// replays to the log's end. It returns a *LostRecordsError when the log lacks
// records that the checkpoint or a writer's count knows of, and any view's own
// fatal error. A view that merely fails is reported in Status, and catches up
// in Run; only here do the views wait for each other.
func Open(ctx context.Context, o Options) (*Pump, error) {
	if o.Source == nil {
		return nil, errors.New("pump: no source")
	}
	o = o.withDefaults()
	p := &Pump{opts: o, stop: make(chan struct{}), rooms: make(chan roomRequest), decider: NewDecider(o.Source.ID())}
	for _, v := range o.Views {
		for _, r := range p.runners {
			if r.view.Name() == v.Name() {
				return nil, fmt.Errorf("pump: two views are called %q", v.Name())
			}
		}
		p.runners = append(p.runners, p.newRunner(v))
	}
	p.keeper, _ = o.Source.(Keeper)
	last, err := o.Source.Last(ctx)
	if err == nil {
		err = p.replayToEnd(ctx, last)
	}
	if err != nil {
		return nil, fmt.Errorf("pump: %w", err)
	}
	return p, nil
}

// replayToEnd brings pump and views from the checkpoint to the log's last record.
func (p *Pump) replayToEnd(ctx context.Context, last uint64) error {
	cp, err := p.findCheckpoint(ctx, last)
	if err != nil {
		return err
	}
	var snapshots map[string][]byte
	if cp != nil {
		p.decider, p.saved, p.counted, snapshots = cp.decider, cp.pos, cp.decider.stats.Events, cp.views
	}
	for _, r := range p.runners {
		if err := p.restore(ctx, r, snapshots, last); err != nil {
			return err
		}
	}
	if err := p.replay(ctx, p.decider, last, last, p.runners...); err != nil {
		return err
	}
	if at := p.decider.Position(); at != last {
		return &LostRecordsError{Seq: at + 1, Expected: last}
	}
	for _, r := range p.runners {
		r.head = last
		if r.lost || r.alone != nil {
			continue
		}
		err := r.flush()
		if err == nil {
			err = r.replayed()
		}
		if err := p.leaveBehind(r, p.decider, err); err != nil {
			return err
		}
	}
	return nil
}

// findCheckpoint returns the state to begin with: the checkpoint, or else the newest
// snapshot beside the log, so that a start is bounded by the log's tail. It is nil for
// a log of which neither is there.
func (p *Pump) findCheckpoint(ctx context.Context, last uint64) (*checkpoint, error) {
	src := p.opts.Source
	if p.opts.Dir != "" {
		cp, aside, err := loadCheckpoint(p.opts.Dir, src.ID(), p.opts.Now())
		if err != nil {
			return nil, err
		}
		if aside != nil {
			p.opts.Notify(aside)
		}
		if cp != nil && cp.pos > last {
			return nil, &LostRecordsError{Seq: last, Checkpoint: cp.pos}
		}
		if cp != nil && cp.pos+1 >= First(src) { // otherwise the log was trimmed while we were away
			return cp, nil
		}
	}
	return newestSnapshot(ctx, src, last)
}

// restore brings a view to the checkpoint. One that is not in it, or whose own data
// does not match, is replayed alone up to there.
func (p *Pump) restore(ctx context.Context, r *runner, snapshots map[string][]byte, last uint64) error {
	r.replaying = true
	res, ok := r.view.(Restorer)
	if !ok {
		r.applied, r.flushed, r.durable = p.saved, p.saved, p.saved
		return nil
	}
	snap, ok := snapshots[r.view.Name()]
	if v, keeps := r.view.(Positioned); keeps && snapshots != nil && v.Kept() > 0 {
		ok = true // the snapshot was taken while there was no such view; what it kept is there still
	}
	if ok {
		err := res.Restore(snap)
		if err == nil {
			return p.bringUp(ctx, r)
		}
		p.opts.Notify(&ReplayNotice{View: r.view.Name(), Err: err})
	}
	if err := r.startOver(ctx); err != nil {
		r.lost = true
		return p.leaveBehind(r, p.decider, err)
	}
	d := r.alone
	r.alone = nil
	if err := p.replay(ctx, d, p.saved, last, r); err != nil {
		return err
	}
	r.flushed = r.applied
	return nil
}

// bringUp brings a restored view to the checkpoint, which is where it stands unless it
// keeps an earlier position of its own: then it is handed again what is between. One
// that fails there begins again in Run.
func (p *Pump) bringUp(ctx context.Context, r *runner) error {
	r.applied = p.saved
	if v, ok := r.view.(Positioned); ok && v.Kept() < p.saved {
		r.applied = v.Kept()
		if err := p.sayMissed(ctx, r.view); err != nil {
			return err
		}
		err := p.readBetween(ctx, r)
		if err != nil || r.lost {
			return err
		}
	}
	r.flushed, r.durable = r.applied, r.applied
	return nil
}

// readBetween hands a view what is between its own position and the checkpoint.
func (p *Pump) readBetween(ctx context.Context, r *runner) error {
	from := max(following(p.opts.Source, r.applied), First(p.opts.Source))
	if from > p.saved { // the log begins behind the checkpoint
		r.applied = p.saved
		return nil
	}
	return p.opts.Source.Read(ctx, from, p.saved, func(rec vaiven.Record) error {
		if r.lost {
			return nil
		}
		r.current = decided{rec.Seq, p.decider.decidedBefore(rec)}
		err := r.apply()
		if err != nil && !fatal(err) {
			r.lost = true
			return p.leaveBehind(r, p.decider, err)
		}
		return err
	})
}

// sayMissed tells a view of what it lacks and the log does not have any more.
func (p *Pump) sayMissed(ctx context.Context, v View) error {
	first := First(p.opts.Source)
	whole, err := beginsAsLog(ctx, p.opts.Source, first)
	if err != nil || whole {
		return err
	}
	return sayMissed(ctx, p.opts.Source, v, first-1)
}

// replay gives views the records behind the last that d has decided, up to to. A view
// that fails is left behind here, and catches up in Run; only fatal errors are
// returned, and those of the log.
func (p *Pump) replay(ctx context.Context, d *Decider, to, last uint64, views ...*runner) error {
	if d.Position() >= to {
		return nil
	}
	return p.opts.Source.Read(ctx, following(p.opts.Source, d.Position()), to, func(rec vaiven.Record) error {
		entries, err := d.Decide(rec)
		if err != nil {
			return err
		}
		for _, r := range views {
			if r.lost || r.alone != nil || rec.Seq <= r.applied {
				continue
			}
			r.current = decided{rec.Seq, entries}
			if err := p.leaveBehind(r, d, r.apply()); err != nil {
				return err
			}
		}
		if rec.Seq%256 == 0 || rec.Seq == last {
			p.opts.Progress(rec.Seq, last)
		}
		return nil
	})
}

// leaveBehind makes a view that has failed go on alone in Run, behind what d has
// decided. It returns err when it is fatal.
func (p *Pump) leaveBehind(r *runner, d *Decider, err error) error {
	if err == nil || fatal(err) {
		return err
	}
	r.alone = d.Clone()
	r.judge(err)
	return nil
}
