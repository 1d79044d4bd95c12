package views

import (
	"context"
	"errors"
	"slices"

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
		entries := p.decider.decidedBefore(rec)
		p.mu.RUnlock()
		for _, en := range entries {
			if !after.Before(en.ID) {
				continue
			}
			if err := fn(en); err != nil {
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

// decidedBefore returns what Decide found to be new in a record that it has decided.
func (d *Decider) decidedBefore(rec vaiven.Record) []vaiven.Entry {
	dropped, fills := d.dropped.of(rec.Seq), d.fills.of(rec.Seq)
	entries := make([]vaiven.Entry, 0, len(rec.Events))
	for i, ev := range rec.Events {
		id := vaiven.ID{Record: rec.Seq, Index: uint32(i)}
		if !dropped.has(id.Index) {
			entries = append(entries, vaiven.Entry{ID: id, Event: ev, Fills: fills.has(id.Index)})
		}
	}
	return entries
}

// wholeRecord stands for all events of a record.
const wholeRecord = ^uint32(0)

// maxListed bounds a list of events: 16 MB. Gateways keep repeats out of the log
// but for cases of doubt, and gaps are seldom filled, so it stays short; beyond the
// bound the oldest are forgotten, and whoever reads the log's history sees those
// twice, or without the word that they filled a gap.
const maxListed = 1 << 20

// eventList holds, in log order, what the decider has not handed on, or has found to
// fill a gap, so that the log's history can be read without deciding it all again.
type eventList []vaiven.ID

func (l *eventList) add(id vaiven.ID) {
	if len(*l) >= maxListed {
		*l = slices.Clone((*l)[maxListed/4:])
	}
	*l = append(*l, id)
}

// of returns what is listed of one record.
func (l eventList) of(record uint64) eventList {
	from, _ := slices.BinarySearchFunc(l, record, func(id vaiven.ID, rec uint64) int {
		if id.Record < rec {
			return -1
		}
		return 1
	})
	to := from
	for to < len(l) && l[to].Record == record {
		to++
	}
	return l[from:to]
}

// has reports whether an event of the record that l is about is listed.
func (l eventList) has(index uint32) bool {
	return slices.ContainsFunc(l, func(id vaiven.ID) bool { return id.Index == index || id.Index == wholeRecord })
}
