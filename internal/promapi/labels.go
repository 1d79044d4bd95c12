package promapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// maxNames bounds the series, names or values of one answer whose request has no
// limit of its own: 20,000 boards with five series each.
const maxNames = 100_000

// seek is a look at the labels: which selectors, over which time, how many results.
type seek struct {
	span
	sets [][]*labels.Matcher
}

// seekOf reads the parameters, and opens the storage for them.
func (a *api) seekOf(r *http.Request) (seek, storage.Querier, *failure) {
	s, f := spanOf(r.Form)
	if f != nil {
		return seek{}, nil, f
	}
	sets, err := selectorsOf(a.parser, r.Form["match[]"])
	if err != nil {
		return seek{}, nil, badData(err)
	}
	q, err := a.o.Queryable.Querier(timestamp.FromTime(s.from), timestamp.FromTime(s.to))
	if err != nil {
		return seek{}, nil, failureOf(err)
	}
	return seek{s, sets}, q, nil
}

// most is how many results an answer has; one more is asked for, which shows that
// there are others.
func (s span) most() int {
	if s.limit == 0 || s.limit > maxNames {
		return maxNames
	}
	return s.limit
}

// cut leaves what an answer may have.
func cut[T any](s span, all []T, notes annotations.Annotations) ([]T, annotations.Annotations) {
	if len(all) > s.most() {
		return all[:s.most()], notes.Add(errTruncated)
	}
	return all, notes
}

// collect asks look once for each selector, or once without any, and joins the words
// that it finds, in their order, until ctx ends.
func (s seek) collect(ctx context.Context, look func(*storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error)) (*answer, *failure) {
	sets := s.sets
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil}
	}
	found, notes := map[string]bool{}, annotations.Annotations{}
	for _, set := range sets {
		if err := ctx.Err(); err != nil {
			return nil, failureOf(err)
		}
		words, said, err := look(&storage.LabelHints{Limit: s.most() + 1}, set...)
		if err != nil {
			return nil, failureOf(err)
		}
		notes.Merge(said)
		for _, w := range words {
			found[w] = true
		}
	}
	return list(cut(s.span, slices.Sorted(maps.Keys(found)), notes)), nil
}

// labelNames lists the names of labels.
func (a *api) labelNames(ctx context.Context, r *http.Request) (*answer, func(), *failure) {
	s, q, f := a.seekOf(r)
	if f != nil {
		return nil, nil, f
	}
	defer func() { _ = q.Close() }() // it was read only
	out, f := s.collect(ctx, func(h *storage.LabelHints, set ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return q.LabelNames(ctx, h, set...)
	})
	return out, nil, f
}

// labelValues lists the values of one label.
func (a *api) labelValues(ctx context.Context, r *http.Request) (*answer, func(), *failure) {
	name, f := labelName(r.PathValue("name"))
	if f != nil {
		return nil, nil, f
	}
	s, q, f := a.seekOf(r)
	if f != nil {
		return nil, nil, f
	}
	defer func() { _ = q.Close() }() // it was read only
	out, f := s.collect(ctx, func(h *storage.LabelHints, set ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return q.LabelValues(ctx, name, h, set...)
	})
	return out, nil, f
}

// series lists the series that any of the selectors matches.
func (a *api) series(ctx context.Context, r *http.Request) (*answer, func(), *failure) {
	if len(r.Form["match[]"]) == 0 {
		return nil, nil, badData(errors.New("no match[] parameter provided"))
	}
	if _, err := selectorsOf(a.parser, r.Form["match[]"]); err != nil {
		return nil, nil, badParam("match[]", err) // only here it is named
	}
	s, q, f := a.seekOf(r)
	if f != nil {
		return nil, nil, f
	}
	defer func() { _ = q.Close() }() // it was read only
	hints := &storage.SelectHints{
		Start: timestamp.FromTime(s.from), End: timestamp.FromTime(s.to), Limit: s.most() + 1,
		Func: "series", // without samples
	}
	var all []storage.SeriesSet
	for _, set := range s.sets {
		if err := ctx.Err(); err != nil {
			return nil, nil, failureOf(err)
		}
		all = append(all, q.Select(ctx, true, hints, set...))
	}
	set := storage.NewMergeSeriesSet(all, 0, storage.ChainedSeriesMerge)
	found := []labels.Labels{}
	for len(found) <= s.most() && set.Next() {
		if err := ctx.Err(); err != nil {
			return nil, nil, failureOf(err)
		}
		found = append(found, set.At().Labels())
	}
	if err := set.Err(); err != nil {
		return nil, nil, failureOf(err)
	}
	found, notes := cut(s.span, found, set.Warnings())
	return &answer{notes: notes, write: func(s *jsoniter.Stream) {
		writeArray(s, found, func(l labels.Labels) { writeLabels(s, l) })
	}}, nil, nil
}
