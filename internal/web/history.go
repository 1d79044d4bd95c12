package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"time"

	"vaiven"
	"vaiven/internal/event"
	"vaiven/internal/web/api"
)

func (s *server) historyOperations() {
	register(s, operation{
		method: http.MethodGet, path: "/events", id: "listEvents", tag: "events",
		summary: "What has happened, from the log", parameters: parametersOf("100", eventParameters...),
		about: "In the log's order, the oldest first. Where several gateways write one log its times may be a little out of order; since and until are exact " +
			"as long as that is less than five seconds. One request looks at 200,000 events at most; next says where to go on, with the same since and until.",
		examples: []example{
			{name: "list-events.json", title: "Readings of a device, from an id on", path: "/events?after=1.0&device=101&kind=reading&limit=2"},
			{name: "list-events-time.json", title: "What happened in two seconds", path: "/events?since=2026-11-22T10:00:04Z&until=2026-11-22T10:00:06Z"},
			{name: "list-events-bad.json", title: "An id that is none", path: "/events?after=yesterday", status: 422},
		},
	}, s.listEvents)
	s.csvOperation()
}

// eventParameters are what GET /events may be asked.
var eventParameters = []string{event.ParamAfter, event.ParamBefore, event.ParamSince, event.ParamUntil, event.ParamLimit, event.ParamDevice, event.ParamKind}

const defaultLimit = 100

type listEvents struct{ exchange }

// Bounds of one answer.
const (
	maxScanned      = 200_000
	maxAnswer       = 4 << 20 // bytes of events
	historyTimeout  = 10 * time.Second
	historyPatience = 5 * time.Second // that it waits for its turn
)

// disorder is by how much an event may have been received before another one that
// stands in front of it in the log: they are of several gateways, or one of them
// waited for a log that was busy.
const disorder = 5 * time.Second

// errEnough ends the reading of the log early.
var errEnough = errors.New("enough")

// stretch is the part of the log that is asked for, and what was found of it.
type stretch struct {
	event.Query
	scanned, size int
	found         []api.Event
	next          vaiven.ID // the last event not behind until
	seen          vaiven.ID // the last event looked at
	more          bool
}

// cut ends the answer before the stretch does: what was looked at is done.
func (st *stretch) cut() { st.more, st.next = true, st.seen }

func (s *server) listEvents(ctx context.Context, in *listEvents) (*body[api.Events], error) {
	q, err := event.ParseQuery(in.r.URL.Query(), eventParameters, s.o.Lang)
	var wrong *event.QueryError
	if errors.As(err, &wrong) {
		return nil, s.invalid("query."+wrong.Parameter, wrong.Want)
	}
	if q.Limit == 0 {
		q.Limit = defaultLimit
	}
	st, after := &stretch{Query: q, found: []api.Event{}}, q.After
	in.linger(historyPatience + historyTimeout)
	if err := s.turn(ctx); err != nil {
		return nil, s.fail(err)
	}
	defer func() { <-s.reading }()
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	if st.Since != 0 {
		from, err := s.since(ctx, st.Since)
		if err != nil {
			return nil, s.fail(err)
		}
		if after.Before(from) {
			after = from
		}
	}
	st.next, st.seen = after, after
	err = s.o.Events.History(ctx, after, st.look)
	if err != nil && !errors.Is(err, errEnough) {
		if st.scanned == 0 || !errors.Is(err, context.DeadlineExceeded) {
			return nil, s.fail(err)
		}
		st.cut()
	}
	return &body[api.Events]{api.Events{Events: st.found, Next: st.next.String(), More: st.more}}, nil
}

// turn waits until the log may be read.
func (s *server) turn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, historyPatience)
	defer cancel()
	select {
	case s.reading <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look takes over one event, if it is asked for.
func (st *stretch) look(en vaiven.Entry) error {
	at := en.Event.Time().At
	late := st.Until != 0 && at > st.Until
	if st.Before != (vaiven.ID{}) && !en.ID.Before(st.Before) || late && at > st.Until+disorder.Milliseconds() {
		return errEnough
	}
	if len(st.found) == st.Limit || st.size >= maxAnswer || st.scanned == maxScanned {
		st.cut()
		return errEnough
	}
	st.scanned++
	st.seen = en.ID
	if late {
		return nil
	}
	st.next = en.ID
	if at < st.Since || !st.Passes(vaiven.KindOf(en.Event), en.Event.Of()) {
		return nil
	}
	raw := event.Append(nil, en, "")
	st.size += len(raw)
	st.found = append(st.found, api.Event{Raw: raw})
	return nil
}

// since returns an id that is not behind the first event at the moment or later,
// and not far before it, by halving the log: some twenty looks for a million
// records. What was looked at may be out of order, so it looks for a moment that
// is earlier by as much.
func (s *server) since(ctx context.Context, ms int64) (vaiven.ID, error) {
	ms -= disorder.Milliseconds()
	first, last := s.o.Events.Bounds()
	lo, hi := max(first.Record, 1), last.Record+1
	for lo < hi {
		mid := lo + (hi-lo)/2
		at, found, err := s.clockAt(ctx, mid)
		if err != nil {
			return vaiven.ID{}, err
		}
		if !found || at >= ms {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if lo < 3 {
		return vaiven.ID{}, nil
	}
	return vaiven.ID{Record: lo - 2, Index: math.MaxUint32}, nil // the record before may hold the first of them
}

// clockAt returns the time of the first event in the record, or behind it.
func (s *server) clockAt(ctx context.Context, record uint64) (at int64, found bool, err error) {
	err = s.o.Events.History(ctx, vaiven.ID{Record: record - 1, Index: math.MaxUint32}, func(en vaiven.Entry) error {
		at, found = en.Event.Time().At, true
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return at, found, err
}
