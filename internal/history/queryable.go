package history

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// Queryable is the history as Prometheus' own machinery asks it: every sample under its
// series' name, those in memory included. A querier sees the blocks and the head as
// they were when it was made, and keeps blocks from being removed until it is closed.
// What is on disk and cannot be read is left out: a querier has a method Warnings that
// says so, as do the warnings of what it returns.
// It may be asked from any goroutine.
func (h *History) Queryable() storage.Queryable {
	return storage.QueryableFunc(h.querier)
}

// querier makes one for from <= t <= to, both included.
func (h *History) querier(from, to int64) (storage.Querier, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.closed {
		return nil, fmt.Errorf("history: %w", errClosed)
	}
	out := &querier{h: h}
	h.addLost(&out.unread, from, to)
	all := []storage.Querier{h.headQuerier(from, to)}
	for _, b := range h.blocks {
		if to < b.first || from >= b.end {
			continue
		}
		q, err := tsdb.NewBlockQuerier(b.reader(&out.unread), from, to)
		if err != nil {
			for _, q := range all {
				_ = q.Close() // read only
			}
			return nil, err
		}
		all = append(all, q)
	}
	out.Querier = storage.NewMergeQuerier(all, nil, storage.ChainedSeriesMerge)
	return out, nil
}

// querier asks blocks and head together. What it could not read is among the warnings.
type querier struct {
	storage.Querier
	h      *History
	unread unread
}

// Warnings say what could not be read until now: samples are read after the SeriesSet
// that they are of, so whoever has read them asks again. It may be called behind Close.
func (q *querier) Warnings() annotations.Annotations { return q.unread.warnings() }

func (q *querier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	return warningSet{q.Querier.Select(ctx, sorted, hints, ms...), q}
}

func (q *querier) LabelValues(ctx context.Context, name string, h *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	list, notes, err := q.Querier.LabelValues(ctx, name, h, ms...)
	return list, notes.Merge(q.Warnings()), err
}

func (q *querier) LabelNames(ctx context.Context, h *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	list, notes, err := q.Querier.LabelNames(ctx, h, ms...)
	return list, notes.Merge(q.Warnings()), err
}

func (q *querier) Close() error {
	err := q.Querier.Close()
	q.h.sayDamage()
	return err
}

type warningSet struct {
	storage.SeriesSet
	q *querier
}

func (s warningSet) Warnings() annotations.Annotations {
	notes := s.SeriesSet.Warnings()
	return notes.Merge(s.q.Warnings())
}

// headQuerier is what the head has for a querier, as it is now; h.mu is held.
func (h *History) headQuerier(from, to int64) *headQuerier {
	q := &headQuerier{from: from, to: to}
	if q.to < math.MaxInt64 {
		q.to++
	}
	for _, s := range h.head.series {
		if first, last := s.span(); first >= q.to || last < from {
			continue
		}
		chks, late := s.runs(from, q.to)
		q.series = append(q.series, headSeries{s.labels, chks, late})
	}
	slices.SortFunc(q.series, func(a, b headSeries) int { return labels.Compare(a.labels, b.labels) })
	return q
}

// headQuerier implements storage.Querier over the head, for from <= t < to.
type headQuerier struct {
	from, to int64
	series   []headSeries // by their labels
}

type headSeries struct {
	labels labels.Labels
	chunks []chunk
	late   []sample
}

// matching calls fn with every series that the matchers find, until ctx ends, whose
// error it then returns: a regular expression may take long over many series.
func (q *headQuerier) matching(ctx context.Context, ms []*labels.Matcher, fn func(headSeries)) error {
next:
	for _, s := range q.series {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, m := range ms {
			if !m.Matches(s.labels.Get(m.Name)) {
				continue next
			}
		}
		fn(s)
	}
	return nil
}

// Select implements [storage.Querier].
func (q *headQuerier) Select(ctx context.Context, _ bool, _ *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	set := &headSet{at: -1}
	err := q.matching(ctx, ms, func(s headSeries) {
		set.list = append(set.list, &storage.SeriesEntry{Lset: s.labels, SampleIteratorFn: func(chunkenc.Iterator) chunkenc.Iterator {
			return s.iterator(q.from, q.to)
		}})
	})
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	return set
}

// iterator walks the samples of from <= t < to: the head's are few enough to be laid
// out.
func (s headSeries) iterator(from, to int64) chunkenc.Iterator {
	var list samples
	err := each(s.chunks, s.late, from, to, func(t int64, v float64) { list = append(list, sample{t, v}) })
	if err != nil {
		return chunkenc.NewNopIterator() // chunks of our own, in memory
	}
	return storage.NewListSeriesIterator(list)
}

// LabelValues implements [storage.LabelQuerier].
func (q *headQuerier) LabelValues(ctx context.Context, name string, _ *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	values := map[string]bool{}
	err := q.matching(ctx, ms, func(s headSeries) {
		if v := s.labels.Get(name); v != "" {
			values[v] = true
		}
	})
	return slices.Sorted(maps.Keys(values)), nil, err
}

// LabelNames implements [storage.LabelQuerier].
func (q *headQuerier) LabelNames(ctx context.Context, _ *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	names := map[string]bool{}
	err := q.matching(ctx, ms, func(s headSeries) {
		s.labels.Range(func(l labels.Label) { names[l.Name] = true })
	})
	return slices.Sorted(maps.Keys(names)), nil, err
}

// Close implements [storage.LabelQuerier].
func (q *headQuerier) Close() error { return nil }

// headSet implements storage.SeriesSet.
type headSet struct {
	list []storage.Series
	at   int
}

func (s *headSet) Next() bool {
	s.at++
	return s.at < len(s.list)
}

func (s *headSet) At() storage.Series                { return s.list[s.at] }
func (s *headSet) Err() error                        { return nil }
func (s *headSet) Warnings() annotations.Annotations { return nil }

// samples are floats for the TSDB's list iterator.
type samples []sample

func (s samples) Get(i int) chunks.Sample { return s[i] }
func (s samples) Len() int                { return len(s) }

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.v }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }
