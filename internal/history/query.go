package history

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"vaiven"
)

// maxCells bounds the buckets of all curves of one query: 32 MB.
const maxCells = 1 << 20

// Curves computes what a query asks for. Buckets are at least as wide as Points asks
// for, and begin at multiples of their width, so that asking again a little later gives
// the same ones. What is on disk and cannot be read is left out, and Unread says so. The
// error is ctx's, or vaiven.ErrTooManyBuckets.
func (h *History) Curves(ctx context.Context, q vaiven.CurveQuery) (vaiven.Curves, error) {
	out := vaiven.Curves{From: q.From, To: q.To, Width: width(q)}
	if q.From >= q.To {
		return out, nil
	}
	f := &finder{
		ctx: ctx, q: q, width: out.Width, first: floorDiv(q.From, out.Width),
		devices: make(map[vaiven.Device]bool), names: make(map[string]bool), cells: map[key][]sums{},
		hidden: math.MinInt64,
	}
	f.buckets = int(floorDiv(q.To-1, out.Width) - f.first + 1)
	for _, d := range q.Devices {
		f.devices[d] = true
	}
	for _, n := range q.Names {
		f.names[n] = true
	}
	blocks, fresh, earlier := h.pin(f)
	defer h.sayDamage()
	defer func() {
		for _, b := range blocks {
			b.use.RUnlock()
		}
	}()
	for _, b := range blocks {
		if !b.overlaps(q.From, q.To) {
			continue
		}
		if err := f.readBlock(b); err != nil {
			return out, fmt.Errorf("history: %w", err)
		}
	}
	for _, r := range fresh {
		err := f.cell(r.key)
		if err == nil {
			err = each(r.chunks, r.late, q.From, q.To, f.add)
		}
		if err != nil {
			return out, err
		}
	}
	if err := f.findBefore(blocks, earlier); err != nil {
		return out, fmt.Errorf("history: %w", err)
	}
	out.Curves, out.Unread = f.curves(), f.unread.within(q.From, q.To)
	return out, ctx.Err()
}

// width is how wide the buckets of a query are, in ms. From the step of the roll-ups on
// it is a multiple of that.
func width(q vaiven.CurveQuery) int64 {
	points := int64(max(q.Points, 2)) - 1 // one more when the range begins inside a bucket
	w := max((q.To-q.From+points-1)/points, 1)
	if w > step/2 {
		w = (w + step - 1) / step * step
	}
	return w
}

// headRun is what the head has of one series for a query.
type headRun struct {
	key    key
	chunks []chunk
	late   []sample
}

// pin returns the blocks that a query is about, earlier ones included, which stay open
// until their use is given back, and what the head has in the time that is asked for and
// last, of states, before it; as all that is at one moment. f is told of blocks
// that could not even be opened.
func (h *History) pin(f *finder) (blocks []*block, fresh, earlier []headRun) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, b := range h.blocks {
		if b.first < f.q.To {
			b.use.RLock()
			blocks = append(blocks, b)
		}
	}
	h.addLost(&f.unread, f.q.From, f.q.To)
	for _, l := range h.lost {
		f.hides(l.Stretch)
	}
	for k, s := range h.head.series {
		if !f.wants(k) {
			continue
		}
		first, last := s.span()
		if first < f.q.To && last >= f.q.From {
			chunks, late := s.runs(f.q.From, f.q.To)
			fresh = append(fresh, headRun{k, chunks, late})
		}
		if k.state && first < f.q.From {
			chunks, late := s.lastRuns(f.q.From)
			earlier = append(earlier, headRun{k, chunks, late})
		}
	}
	return blocks, fresh, earlier
}

// finder works on one query.
type finder struct {
	ctx     context.Context
	q       vaiven.CurveQuery
	width   int64
	first   int64 // number of the first bucket
	buckets int
	devices map[vaiven.Device]bool
	names   map[string]bool

	unread unread
	cells  map[key][]sums
	before map[key]sample // of states, the last one before From
	hidden int64          // see hides; such as are earlier are not known to hold
	now    []sums         // of the series that is being read
	it     chunkenc.Iterator
}

func (f *finder) wants(k key) bool {
	return (len(f.devices) == 0 || f.devices[k.device]) && (len(f.names) == 0 || f.names[k.name])
}

// cell makes a series the one that is being read.
func (f *finder) cell(k key) error {
	if f.now = f.cells[k]; f.now != nil {
		return f.ctx.Err()
	}
	if (len(f.cells)+1)*f.buckets > maxCells {
		return vaiven.ErrTooManyBuckets
	}
	f.now = make([]sums, f.buckets)
	f.cells[k] = f.now
	return f.ctx.Err()
}

func (f *finder) add(t int64, v float64) { f.now[floorDiv(t, f.width)-f.first].add(v) }

// readBlock adds what a block has: its roll-ups where the buckets are made of whole
// steps, and samples elsewhere.
func (f *finder) readBlock(b *block) error {
	q, err := tsdb.NewBlockQuerier(b.reader(&f.unread), f.q.From, f.q.To-1)
	if err != nil {
		return err
	}
	defer func() { _ = q.Close() }() // read only
	var r *rollup
	if f.width%step == 0 && b.file != nil {
		if r, err = readRollup(b.file); err != nil {
			r = nil // then all samples are read
		}
	}
	set := q.Select(f.ctx, false, nil, f.matchers(vaiven.MetricReading+"|"+vaiven.MetricState)...)
	for set.Next() {
		s := set.At()
		k := keyOf(s.Labels())
		if !f.wants(k) {
			continue
		}
		if err := f.cell(k); err != nil {
			return err
		}
		if r != nil {
			if done, err := f.readRolled(b, r, k.clone()); done || err != nil {
				if err != nil {
					return err
				}
				continue
			}
		}
		f.it = s.Iterator(f.it)
		for f.it.Next() != chunkenc.ValNone {
			f.add(f.it.At())
		}
		if err := cmp.Or(f.it.Err(), f.ctx.Err()); err != nil {
			return err
		}
	}
	return set.Err()
}

// readRolled adds a series of a block from its roll-up, and the samples of the steps
// that are not wholly asked for. It reports false when there is no good roll-up.
func (f *finder) readRolled(b *block, r *rollup, k key) (done bool, err error) {
	from, to := floorDiv(f.q.From+step-1, step), floorDiv(f.q.To, step)
	if from >= to {
		return false, nil
	}
	entries, ok, err := r.entries(k, from, to)
	if err != nil || !ok {
		return false, nil // then all samples are read
	}
	for _, e := range entries {
		f.now[floorDiv(e.step*step, f.width)-f.first].join(e.sums)
	}
	for _, edge := range [][2]int64{{f.q.From, from * step}, {to * step, f.q.To}} {
		if edge[0] == edge[1] || !b.overlaps(edge[0], edge[1]) {
			continue
		}
		err := b.read(&f.unread, k, edge[0], edge[1], func(t int64, v float64) bool {
			f.add(t, v)
			return true
		})
		if err != nil {
			return false, err
		}
	}
	return true, f.ctx.Err()
}

// matchers find at least what is asked for, of metrics that a regular expression names.
func (f *finder) matchers(metrics string) []*labels.Matcher {
	m := []*labels.Matcher{labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, metrics)}
	switch len(f.q.Devices) {
	case 0:
	case 1:
		m = append(m, labels.MustNewMatcher(labels.MatchEqual, vaiven.LabelDevice, string(f.q.Devices[0])))
	default:
		quoted := make([]string, len(f.q.Devices))
		for i, d := range f.q.Devices {
			quoted[i] = regexp.QuoteMeta(string(d))
		}
		m = append(m, labels.MustNewMatcher(labels.MatchRegexp, vaiven.LabelDevice, strings.Join(quoted, "|")))
	}
	return m
}

// curves are what was found, in the order of devices and names, measurements first.
func (f *finder) curves() []vaiven.Curve {
	out := make([]vaiven.Curve, 0, len(f.cells))
	for k := range f.before {
		if _, there := f.cells[k]; !there {
			f.cells[k] = nil
		}
	}
	for k, cells := range f.cells {
		k = k.clone()
		c := vaiven.Curve{Device: k.device, Name: k.name, State: k.state}
		if s, ok := f.before[k]; ok && !math.IsNaN(s.v) {
			c.Before = &vaiven.Held{At: s.t, Num: s.v}
		}
		for i, s := range cells {
			if s.count == 0 {
				continue
			}
			mean := s.sum / float64(s.count)
			if math.IsInf(s.sum, 0) || math.IsNaN(s.sum) {
				mean = s.min/2 + s.max/2 // numbers near the largest there is
			}
			c.Buckets = append(c.Buckets, vaiven.Bucket{
				Start: (f.first + int64(i)) * f.width, Count: s.count, Min: s.min, Max: s.max, Mean: min(max(mean, s.min), s.max),
			})
		}
		if len(c.Buckets) > 0 || c.Before != nil {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b vaiven.Curve) int {
		kind := 0
		if a.State != b.State {
			if kind = -1; a.State {
				kind = 1
			}
		}
		return cmp.Or(cmp.Compare(a.Device, b.Device), kind, cmp.Compare(a.Name, b.Name))
	})
	return out
}
