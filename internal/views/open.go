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
	p := &Pump{opts: o, stop: make(chan struct{})}
	for _, v := range o.Views {
		for _, r := range p.runners {
			if r.view.Name() == v.Name() {
				return nil, fmt.Errorf("pump: two views are called %q", v.Name())
			}
		}
		p.runners = append(p.runners, p.newRunner(v))
	}
	last, err := o.Source.Last(ctx)
	if err != nil {
		return nil, fmt.Errorf("pump: %w", err)
	}
	cp, err := p.load(last)
	if err != nil {
		return nil, fmt.Errorf("pump: %w", err)
	}
	if err := p.restore(ctx, cp, last); err != nil {
		return nil, fmt.Errorf("pump: %w", err)
	}
	if err := p.replay(ctx, last); err != nil {
		return nil, fmt.Errorf("pump: %w", err)
	}
	return p, nil
}

// load returns the checkpoint to begin from, an empty one when there is none.
func (p *Pump) load(last uint64) (*checkpoint, error) {
	none := &checkpoint{decider: NewDecider(p.opts.Source.ID())}
	if p.opts.Dir == "" {
		return none, nil
	}
	cp, aside, err := loadCheckpoint(p.opts.Dir, p.opts.Source.ID(), p.opts.Now())
	if err != nil {
		return nil, err
	}
	if aside != nil {
		p.opts.Notify(aside)
	}
	if cp == nil {
		return none, nil
	}
	if cp.pos > last {
		return nil, &LostRecordsError{Seq: last, Checkpoint: cp.pos}
	}
	p.saved = cp.pos
	return cp, nil
}

// restore brings each view to the checkpoint. One that is not in it, or whose
// own data does not match, is replayed alone up to there.
func (p *Pump) restore(ctx context.Context, cp *checkpoint, last uint64) error {
	p.decider, p.pos = cp.decider, cp.pos
	for _, r := range p.runners {
		res, ok := r.view.(Restorer)
		if !ok {
			r.at = cp.pos
			continue
		}
		if snap, ok := cp.views[r.view.Name()]; ok {
			err := res.Restore(snap)
			if err == nil {
				r.at = cp.pos
				continue
			}
			p.opts.Notify(&ReplayNotice{View: r.view.Name(), Err: err})
		}
		if err := r.startOver(); err != nil {
			if fatal(err) {
				return err
			}
			r.over = true
			r.report(err)
			continue
		}
		r.catch = nil
		if err := p.replayAlone(ctx, r, cp.pos, last); err != nil {
			return err
		}
	}
	for _, r := range p.runners {
		r.pos, r.ahead, r.fresh = r.at, cp.pos, true
	}
	return nil
}

// replayAlone gives one view the log up to the checkpoint, with a decider of
// its own.
func (p *Pump) replayAlone(ctx context.Context, r *runner, to, last uint64) error {
	if to == 0 {
		return nil
	}
	d := NewDecider(p.opts.Source.ID())
	return p.opts.Source.Read(ctx, First(p.opts.Source), to, func(rec vaiven.Record) error {
		entries, err := d.Decide(rec)
		if err != nil {
			return err
		}
		p.progress(rec.Seq, last)
		return p.hand(r, item{rec.Seq, entries}, d)
	})
}

// begin returns where a pump that has read nothing begins.
func (p *Pump) begin() uint64 {
	if p.pos == 0 {
		return First(p.opts.Source)
	}
	return 0
}

// replay gives all views the log from the checkpoint to its end.
func (p *Pump) replay(ctx context.Context, last uint64) error {
	if p.pos < last {
		err := p.opts.Source.Read(ctx, max(p.pos+1, p.begin()), last, func(rec vaiven.Record) error {
			entries, err := p.decider.Decide(rec)
			if err != nil {
				return err
			}
			p.pos = rec.Seq
			for _, r := range p.runners {
				if err := p.hand(r, item{rec.Seq, entries}, p.decider); err != nil {
					return err
				}
			}
			p.progress(rec.Seq, last)
			return nil
		})
		if err != nil {
			return err
		}
		if p.pos != last {
			return &LostRecordsError{Seq: p.pos + 1, Expected: last}
		}
	}
	for _, r := range p.runners {
		if err := p.finish(r); err != nil {
			return err
		}
	}
	return nil
}

// progress tells how far a replay is, now and then and at its end.
func (p *Pump) progress(done, total uint64) {
	if done%256 == 0 || done == total {
		p.opts.Progress(done, total)
	}
}

// hand gives a view one record during the start. A view that fails is left
// behind here, and catches up in Run; only fatal errors are returned.
func (p *Pump) hand(r *runner, it item, d *Decider) error {
	r.ahead = it.pos
	if r.over || r.catch != nil {
		return nil
	}
	r.cur = &it
	err := r.apply()
	if err == nil {
		return nil
	}
	if fatal(err) {
		return err
	}
	r.catch, r.over = d.Clone(), rewinds(err)
	r.report(err)
	return nil
}

// finish ends a view's replay.
func (p *Pump) finish(r *runner) error {
	if r.over || r.catch != nil {
		return nil
	}
	err := r.flush()
	if v, ok := r.view.(Replayed); ok && err == nil {
		err = v.Replayed()
	}
	switch {
	case err == nil:
		r.fresh = false
		return nil
	case fatal(err):
		return err
	}
	// Run calls both again.
	r.catch, r.over = p.decider.Clone(), rewinds(err)
	r.report(err)
	return nil
}
