package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/event"
	"vaiven/internal/web/api"
)

func (s *server) historyOperations() {
	register(s, operation{
		method: http.MethodGet, path: "/events", id: "listEvents", tag: "events",
		summary: "What has happened, from the log",
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

type listEvents struct {
	exchange
	After  string    `query:"after" maxLength:"32" doc:"Only events behind this id; 0 or begin: from the oldest on" example:"12.0"`
	Before string    `query:"before" maxLength:"32" doc:"Only events before this id" example:"99.0"`
	Since  time.Time `query:"since" doc:"Only events received at this time or later, RFC 3339" example:"2026-11-22T10:00:00Z"`
	Until  time.Time `query:"until" doc:"Only events received at this time or earlier, RFC 3339"`
	Limit  int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Events in the answer"`
	Device []string  `query:"device,explode" nullable:"false" maxItems:"100" maxLength:"64" doc:"Only events of these devices; several, or with commas"`
	Kind   []string  `query:"kind,explode" nullable:"false" maxItems:"20" maxLength:"200" doc:"Only events of these kinds; several, or with commas; state and session are groups of kinds"`
}

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
	before       vaiven.ID // zero: no bound
	since, until int64     // Unix ms; 0: no bound
	devices      []vaiven.Device
	kinds        vaiven.Kinds // none: all
	limit        int

	scanned, size int
	found         []api.Event
	next          vaiven.ID // the last event not behind until
	seen          vaiven.ID // the last event looked at
	more          bool
}

// cut ends the answer before the stretch does: what was looked at is done.
func (st *stretch) cut() { st.more, st.next = true, st.seen }

func (s *server) listEvents(ctx context.Context, in *listEvents) (*body[api.Events], error) {
	st, after, err := s.stretch(in)
	if err != nil {
		return nil, err
	}
	in.linger(historyPatience + historyTimeout)
	if err := s.turn(ctx); err != nil {
		return nil, s.fail(err)
	}
	defer func() { <-s.reading }()
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	if st.since != 0 {
		from, err := s.since(ctx, st.since)
		if err != nil {
			return nil, s.fail(err)
		}
		if after.Before(from) {
			after = from
		}
	}
	st.next, st.seen = after, after
	err = s.o.Events.History(ctx, after, st.take)
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

func (s *server) badID() string {
	return s.o.Lang.Say("want the id of an event, as 12.0", "se espera el id de un evento, como 12.0")
}

// stretch reads the parameters.
func (s *server) stretch(in *listEvents) (st *stretch, after vaiven.ID, err error) {
	st = &stretch{limit: in.Limit, found: []api.Event{}}
	if in.After != "" {
		if after, err = parseAfter(in.After); err != nil {
			return nil, after, s.invalid("query.after", s.badID())
		}
	}
	if in.Before != "" {
		if st.before, err = vaiven.ParseID(in.Before); err != nil {
			return nil, after, s.invalid("query.before", s.badID())
		}
	}
	if !in.Since.IsZero() {
		st.since = max(in.Since.UnixMilli(), 1)
	}
	if !in.Until.IsZero() {
		st.until = max(in.Until.UnixMilli(), 1)
	}
	for _, id := range split(in.Device) {
		d, err := vaiven.ParseDevice(id)
		if err != nil {
			return nil, after, s.invalid("query.device", s.badDevice(id))
		}
		st.devices = append(st.devices, d)
	}
	for _, word := range split(in.Kind) {
		kinds := vaiven.KindsNamed(word)
		if kinds == 0 {
			return nil, after, s.invalid("query.kind", s.o.Lang.Say("there are: ", "hay: ")+strings.Join(vaiven.KindNames(), ", ")+", state, session")
		}
		st.kinds |= kinds
	}
	return st, after, nil
}

// parseAfter reads an id, or 0 for the log's beginning, as the live feeds do.
func parseAfter(text string) (vaiven.ID, error) {
	if text == "0" || text == "begin" {
		return vaiven.ID{}, nil
	}
	return vaiven.ParseID(text)
}

func split(list []string) []string {
	var out []string
	for _, text := range list {
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// take looks at one event.
func (st *stretch) take(en vaiven.Entry) error {
	at := en.Event.Time().At
	late := st.until != 0 && at > st.until
	if st.before != (vaiven.ID{}) && !en.ID.Before(st.before) || late && at > st.until+disorder.Milliseconds() {
		return errEnough
	}
	if len(st.found) == st.limit || st.size >= maxAnswer || st.scanned == maxScanned {
		st.cut()
		return errEnough
	}
	st.scanned++
	st.seen = en.ID
	if late {
		return nil
	}
	st.next = en.ID
	if at < st.since || len(st.devices) > 0 && !slices.Contains(st.devices, en.Event.Of()) ||
		st.kinds != 0 && st.kinds&vaiven.KindOf(en.Event) == 0 {
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
