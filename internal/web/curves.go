package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/web/api"
)

// Curves computes curves of the past.
type Curves interface {
	// Curves returns what a query finds. The error is ctx's, or
	// vaiven.ErrTooManyBuckets.
	Curves(ctx context.Context, q vaiven.CurveQuery) (vaiven.Curves, error)
}

func (absent) Curves(context.Context, vaiven.CurveQuery) (c vaiven.Curves, err error) {
	return c, errNoHistory
}

// errNoHistory is what a server answers that keeps none.
var errNoHistory = errors.New("no history is kept")

// noHistory says so to a person, and how there would be one.
func noHistory(l vaiven.Lang) *api.Problem {
	return api.NewProblem(http.StatusNotFound, api.CodeNoHistory, l.Say("this server keeps no history", "este servidor no guarda historial"),
		l.Say("start it without --no-history (nor no-history in its configuration): it then builds one from what its log has",
			"inícialo sin --no-history (ni no-history en su configuración): entonces construye uno con lo que tiene su registro"))
}

func (s *server) curveOperations() {
	register(s, operation{
		method: http.MethodGet, path: "/history", id: "getHistory", needs: readsSome.atCost(), busy: busyReading, tag: "events", refusals: []int{404},
		summary: "Measurements and states over time: minimum, maximum and mean",
		about: "Computed from every sample, at the time of measuring, however late it came. A point's stretch is at least as long as points asks for. Where nothing " +
			"was measured there is no point. A state holds until the next report: before is what held at from, and a state of which nothing was reported since has no points. It is " +
			"told of the devices that are asked for, or without any, of those that have something in that time. from, to and last say which part of the past: last goes up to to, or with from, on from there; without any of them it " +
			"is the last hour.",
		examples: []example{
			{name: "get-history.json", title: "A minute of one measurement, in six points at most", path: "/history?device=101&measurement=TEMP&last=1m&points=6"},
			{name: "get-history-range.json", title: "What several devices had in two minutes", path: "/history?device=101,102&from=2026-11-22T09:58:00Z&to=2026-11-22T10:00:00Z&points=3"},
			{name: "get-history-state.json", title: "A state that was reported before", path: "/history?device=101&measurement=LED&last=1m&points=2"},
			{name: "get-history-bad.json", title: "A time that is none", path: "/history?last=yesterday", status: 422},
		},
	}, s.getHistory)
}

type getHistory struct {
	exchange
	Device      []string  `query:"device" nullable:"false" maxItems:"1000" doc:"Only of these devices, with commas; repeatable" example:"[\"101\",\"102\"]"`
	Measurement []string  `query:"measurement" nullable:"false" maxItems:"100" doc:"Only these measurements and states, with commas; repeatable" example:"[\"TEMP\"]"`
	From        time.Time `query:"from" doc:"From this moment on, RFC 3339" example:"2026-11-22T09:00:00Z"`
	To          time.Time `query:"to" doc:"Before this moment, RFC 3339; now" example:"2026-11-22T10:00:00Z"`
	Last        string    `query:"last" maxLength:"40" doc:"How long, as 90s, 1h, 7d, 2w or 1y; 1h" example:"1h"`
	Points      int       `query:"points" minimum:"2" maximum:"10000" default:"300" doc:"Points of a curve, at most"`
}

// Bounds of one answer.
const (
	maxPoints     = 100_000 // of all curves together
	curvesTimeout = 10 * time.Second
	defaultLast   = time.Hour
)

func (s *server) getHistory(ctx context.Context, in *getHistory) (*body[api.Curves], error) {
	q, err := s.curveQuery(in)
	if err != nil {
		return nil, err
	}
	in.extendDeadline(maxTurn + curvesTimeout)
	if err := s.limitCurves(ctx, &q); err != nil {
		return nil, err
	}
	if !who(ctx).SeesAll() && len(q.Devices) == 0 { // there are none that it may see
		return &body[api.Curves]{curvesOf(vaiven.Curves{From: q.From, To: q.To})}, nil
	}
	if err := acquire(ctx, s.reading); err != nil {
		return nil, s.readingFailed(err)
	}
	defer func() { <-s.reading }()
	ctx, cancel := context.WithTimeout(ctx, curvesTimeout)
	defer cancel()
	found, err := s.o.Curves.Curves(ctx, q)
	total := 0
	for _, c := range found.Curves {
		total += len(c.Buckets)
	}
	switch {
	case errors.Is(err, vaiven.ErrTooManyBuckets), err == nil && total > maxPoints:
		return nil, s.invalid("query.points", fmt.Sprintf(s.o.Lang.Say(
			"that would be more than %d points: ask for fewer of them, or for fewer devices or measurements",
			"serían más de %d puntos: pide menos, o menos dispositivos o medidas"), maxPoints))
	case err != nil:
		return nil, s.readingFailed(err)
	}
	return &body[api.Curves]{curvesOf(found)}, nil
}

// limitCurves keeps a query to the devices that whoever asks may see: to all of these
// where it names none.
func (s *server) limitCurves(ctx context.Context, q *vaiven.CurveQuery) error {
	p := who(ctx)
	switch {
	case p.SeesAll():
		return nil
	case len(q.Devices) > 0:
		if slices.ContainsFunc(q.Devices, func(d vaiven.Device) bool { return !p.Sees(d) }) {
			return s.guard.otherDevices()
		}
		return nil
	}
	err := s.scan(ctx, func(d *vaiven.DeviceInfo) bool {
		q.Devices = append(q.Devices, d.ID)
		return len(q.Devices) < maxTargets
	})
	if err != nil {
		return s.tableFailed(err)
	}
	return nil
}

// curveQuery reads what is asked for.
func (s *server) curveQuery(in *getHistory) (q vaiven.CurveQuery, err error) {
	form := in.r.URL.Query()
	for id := range strings.FieldsFuncSeq(strings.Join(form["device"], ","), isComma) {
		d, err := vaiven.ParseDevice(id)
		if err != nil {
			return q, s.invalid("query.device", fmt.Sprintf(s.o.Lang.Say("%q cannot be a device's id", "%q no puede ser el id de un dispositivo"), vaiven.Shorten(id)))
		}
		q.Devices = append(q.Devices, d)
	}
	for name := range strings.FieldsFuncSeq(strings.Join(form["measurement"], ","), isComma) {
		q.Names = append(q.Names, strings.ToUpper(name))
	}
	last := defaultLast
	if in.Last != "" {
		if last, err = vaiven.ParseAge(in.Last); err != nil || last < time.Millisecond {
			return q, s.invalid("query.last", s.o.Lang.Say("want a time as 90s, 1h, 7d or 1y", "se espera un tiempo como 90s, 1h, 7d o 1y"))
		}
	}
	from, to := in.From, in.To
	switch {
	case from.IsZero() && to.IsZero():
		to = s.now()
		from = to.Add(-last)
	case from.IsZero():
		from = to.Add(-last)
	case to.IsZero() && in.Last != "":
		to = from.Add(last)
	case to.IsZero():
		to = s.now()
	case in.Last != "":
		return q, s.invalid("query.last", s.o.Lang.Say("from and to say already how long", "from y to ya dicen cuánto tiempo"))
	}
	q.From, q.To, q.Points = from.UnixMilli(), to.UnixMilli(), in.Points
	if q.From >= q.To || q.To > lastMoment || q.From < -lastMoment {
		return q, s.invalid("query.from", s.o.Lang.Say("want a moment before the end", "se espera un momento anterior al final"))
	}
	return q, nil
}

func isComma(r rune) bool { return r == ',' }

// curvesOf writes curves as the API does.
func curvesOf(found vaiven.Curves) api.Curves {
	out := api.Curves{From: moment(found.From), To: moment(found.To), WidthMS: found.Width, Curves: []api.Curve{}}
	for _, s := range found.Unread {
		out.Unread = append(out.Unread, api.Unread{From: moment(s.From), To: moment(s.To)})
	}
	for _, c := range found.Curves {
		curve := api.Curve{Device: c.Device, Points: make([]api.Point, 0, len(c.Buckets))}
		if c.State {
			curve.State = c.Name
		} else {
			curve.Measurement = c.Name
		}
		if c.Before != nil {
			curve.Before = &api.Held{At: moment(c.Before.At), Value: c.Before.Num}
		}
		for _, b := range c.Buckets {
			curve.Points = append(curve.Points, api.Point{At: moment(b.Start), Min: b.Min, Max: b.Max, Mean: b.Mean, N: b.Count})
		}
		out.Curves = append(out.Curves, curve)
	}
	return out
}
