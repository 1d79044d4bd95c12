package history

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"

	"vaiven"
)

// A state holds until the next report, so what it was when the time that is asked for
// began is in the last report before that: minutes ago, or years. Every block from
// before is asked for its index, and for one chunk at most of each state.

// holders tells whose states are looked for: of devices that are asked for by name, and
// of those that have something in the time that is asked for. All others may be gone
// since years.
func (f *finder) holders() func(k key) bool {
	if len(f.q.Devices) > 0 {
		return f.wants
	}
	devices := map[vaiven.Device]bool{}
	for k, cells := range f.cells {
		if slices.ContainsFunc(cells, func(s sums) bool { return s.count > 0 }) {
			devices[k.device] = true
		}
	}
	return func(k key) bool { return devices[k.device] && f.wants(k) }
}

// hides notes that what is in a stretch cannot be found: a state may have been reported
// there, whatever an earlier report says.
func (f *finder) hides(s vaiven.Stretch) {
	if s.From < f.q.From {
		f.hidden = max(f.hidden, min(s.To, f.q.From))
	}
}

// findBefore finds for each state the last sample before From.
func (f *finder) findBefore(blocks []*block, fresh []headRun) error {
	wanted := f.holders()
	f.before = map[key]sample{}
	note := func(k key, s sample) {
		if old, there := f.before[k]; !there || s.t > old.t {
			f.before[k.clone()] = s
		}
	}
	for _, r := range fresh {
		if !wanted(r.key) {
			continue
		}
		last := sample{t: math.MinInt64}
		err := each(r.chunks, r.late, math.MinInt64, f.q.From, func(t int64, v float64) { last = sample{t, v} })
		if err != nil {
			return err
		}
		if last.t > math.MinInt64 {
			note(r.key, last)
		}
	}
	newest := slices.SortedFunc(slices.Values(blocks), func(a, b *block) int { return cmp.Compare(b.end, a.end) })
	for _, b := range newest {
		if b.first < f.q.From {
			if err := f.findBeforeIn(b, wanted, note); err != nil {
				return err
			}
		}
	}
	maps.DeleteFunc(f.before, func(_ key, s sample) bool { return s.t < f.hidden })
	return f.ctx.Err()
}

// findBeforeIn looks into one block.
func (f *finder) findBeforeIn(b *block, wanted func(key) bool, note func(key, sample)) error {
	r := &reader{Block: b.tsdb, b: b, u: &f.unread}
	defer func() {
		if r.blind {
			f.hides(vaiven.Stretch{From: b.first, To: b.end})
		}
	}()
	index, err := r.Index()
	if err != nil {
		return err
	}
	defer func() { _ = index.Close() }() // read only
	data, err := r.Chunks()
	if err != nil {
		return err
	}
	defer func() { _ = data.Close() }() // read only
	found, err := tsdb.PostingsForMatchers(f.ctx, index, f.matchers(vaiven.MetricState)...)
	if err != nil {
		return err
	}
	var (
		name labels.ScratchBuilder
		chks []chunks.Meta
	)
	for found.Next() {
		if f.ctx.Err() != nil {
			return f.ctx.Err()
		}
		if index.Series(found.At(), &name, &chks) != nil { // f.unread knows
			continue
		}
		k := keyOf(name.Labels())
		i, _ := slices.BinarySearchFunc(chks, f.q.From, func(c chunks.Meta, t int64) int { return cmp.Compare(c.MinTime, t) })
		if i == 0 || !wanted(k) {
			continue
		}
		if old, there := f.before[k]; there && old.t >= chks[i-1].MaxTime {
			continue
		}
		last, err := f.lastOf(data, chks[i-1])
		if err != nil {
			return err
		}
		note(k, last)
	}
	return found.Err()
}

// lastOf is the last sample before From of a chunk, which has one. Of a chunk that cannot
// be read it is not a number: what an earlier one says does not hold any more.
func (f *finder) lastOf(data tsdb.ChunkReader, of chunks.Meta) (last sample, err error) {
	c, _, err := data.ChunkOrIterable(of)
	if err != nil {
		return last, err
	}
	last = sample{of.MaxTime, math.NaN()}
	f.it = c.Iterator(f.it)
	for f.it.Next() != chunkenc.ValNone {
		t, v := f.it.At()
		if t >= f.q.From {
			break
		}
		last = sample{t, v}
	}
	return last, f.it.Err()
}
