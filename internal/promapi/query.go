package promapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/prometheus/prometheus/util/stats"
)

var errTruncated = errors.New("results truncated due to limit")

// query evaluates an expression at one moment.
func (a *api) query(ctx context.Context, r *http.Request) (*answer, func(), *failure) {
	limit, f := limitOf(r.Form)
	if f != nil {
		return nil, nil, f
	}
	at, f := timeOf(r.Form, "time", a.o.Now())
	if f != nil {
		return nil, nil, f
	}
	return a.evaluate(ctx, r, limit, func(ctx context.Context, in storage.Queryable, opts promql.QueryOpts, text string) (promql.Query, error) {
		return a.engine.NewInstantQuery(ctx, in, opts, text, at)
	})
}

// queryRange evaluates one at many moments.
func (a *api) queryRange(ctx context.Context, r *http.Request) (*answer, func(), *failure) {
	limit, f := limitOf(r.Form)
	if f != nil {
		return nil, nil, f
	}
	s, f := stepsOf(r.Form)
	if f != nil {
		return nil, nil, f
	}
	return a.evaluate(ctx, r, limit, func(ctx context.Context, in storage.Queryable, opts promql.QueryOpts, text string) (promql.Query, error) {
		return a.engine.NewRangeQuery(ctx, in, opts, text, s.from, s.to, s.step)
	})
}

// evaluate runs a query, of whose series limit are wanted, 0: all. Its result belongs to it until the returned function is
// called, when the answer is written.
func (a *api) evaluate(ctx context.Context, r *http.Request, limit int,
	prepare func(context.Context, storage.Queryable, promql.QueryOpts, string) (promql.Query, error)) (*answer, func(), *failure) {
	if s := r.Form.Get("timeout"); s != "" {
		d, err := parseDuration(s)
		if err != nil {
			return nil, nil, badParam("timeout", err)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	var lookback time.Duration
	if s := r.Form.Get("lookback_delta"); s != "" {
		d, err := parseDuration(s)
		if err != nil {
			return nil, nil, badData(fmt.Errorf("error parsing lookback delta duration: %w", err))
		}
		lookback = d
	}
	text, wanted := r.Form.Get("query"), r.Form.Get("stats")
	asked := &asked{Queryable: a.o.Queryable}
	q, err := prepare(ctx, asked, promql.NewPrometheusQueryOpts(wanted == "all", lookback), text)
	if err != nil {
		return nil, nil, badParam("query", err)
	}
	res := q.Exec(ctx)
	if res.Err != nil {
		q.Close()
		return nil, nil, failureOf(res.Err)
	}
	notes := res.Warnings.Merge(asked.warnings())
	value, cut := truncate(res, limit)
	if cut {
		notes = notes.Add(errTruncated)
	}
	return result(value, q, wanted != "", text, notes), q.Close, nil
}

// asked remembers the queriers of one query. The engine asks a series for its warnings
// before it reads the samples, so what those could not be read of is asked for behind it.
type asked struct {
	storage.Queryable
	queriers []storage.Querier
}

// Querier implements [storage.Queryable].
func (a *asked) Querier(from, to int64) (storage.Querier, error) {
	q, err := a.Queryable.Querier(from, to)
	if err == nil {
		a.queriers = append(a.queriers, q)
	}
	return q, err
}

// warnings are those of the queriers that have some of their own.
func (a *asked) warnings() (notes annotations.Annotations) {
	for _, q := range a.queriers {
		if w, ok := q.(interface {
			Warnings() annotations.Annotations
		}); ok {
			notes.Merge(w.Warnings())
		}
	}
	return notes
}

// truncate leaves so many series of a result; 0 leaves all.
func truncate(res *promql.Result, limit int) (any, bool) {
	switch v := res.Value.(type) {
	case promql.Matrix:
		if limit > 0 && len(v) > limit {
			return v[:limit], true
		}
	case promql.Vector:
		if limit > 0 && len(v) > limit {
			return v[:limit], true
		}
	}
	return res.Value, false
}

// result is the answer to a query: the kind of the value, the value, and what it cost
// for whoever wants to know.
func result(value any, q promql.Query, wantStats bool, text string, notes annotations.Annotations) *answer {
	return &answer{notes: notes, query: text, write: func(s *jsoniter.Stream) {
		s.WriteRaw(`{"resultType":`)
		switch v := value.(type) {
		case promql.Vector:
			s.WriteRaw(`"vector","result":`)
			writeArray(s, v, func(p promql.Sample) { writeSample(s, p) })
		case promql.Matrix:
			s.WriteRaw(`"matrix","result":`)
			writeArray(s, v, func(p promql.Series) { writeSeries(s, p) })
		case promql.Scalar:
			s.WriteRaw(`"scalar","result":`)
			writePoint(s, v.T, v.V)
		case promql.String:
			s.WriteRaw(`"string","result":`)
			writeText(s, v)
		}
		if wantStats {
			s.WriteMore()
			s.WriteObjectField("stats")
			s.WriteVal(stats.NewQueryStats(q.Stats()))
		}
		s.WriteObjectEnd()
	}}
}

// formatQuery writes an expression in the usual form.
func (a *api) formatQuery(_ context.Context, r *http.Request) (*answer, func(), *failure) {
	expr, err := a.parser.ParseExpr(r.Form.Get("query"))
	if err != nil {
		return nil, nil, badParam("query", err)
	}
	return fixed(expr.Pretty(0)), nil, nil
}
