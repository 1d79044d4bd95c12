package views

import (
	"context"
	"errors"

	"vaiven"
)

// ErrStop ends a History early, without an error.
var ErrStop = errors.New("stop")

// History hands the events behind the id after, up to the last record that was
// decided, to fn in log order: those that views were handed, and no others. It
// reads the log itself, so that what is far back costs no memory; many at a time
// are the caller's to avoid. It returns fn's first error, but for ErrStop.
func (p *Pump) History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error {
	to, _ := p.Position()
	from := max(after.Record, First(p.opts.Source))
	if to < from {
		return nil
	}
	err := p.opts.Source.Read(ctx, from, to, func(rec vaiven.Record) error {
		p.mu.RLock()
		drops, fills := p.decider.dropped.in(rec.Seq), p.decider.fills.in(rec.Seq)
		p.mu.RUnlock()
		for i, ev := range rec.Events {
			id := vaiven.ID{Record: rec.Seq, Index: uint32(i)}
			if !after.Before(id) || drops.has(id.Index) {
				continue
			}
			if err := fn(vaiven.Entry{ID: id, Event: ev, Fills: fills.has(id.Index)}); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, ErrStop) {
		return nil
	}
	return err
}
