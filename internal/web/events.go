package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"vaiven"
	"vaiven/internal/event"
	"vaiven/internal/web/api"
	"vaiven/internal/web/live"
)

func (s *server) historyOperations() {
	register(s, operation{
		method: http.MethodGet, path: "/events", id: "listEvents", needs: readsSome, busy: busyReading, tag: "events",
		summary: "What has happened, from the log", parameters: parametersOf("100", eventParameters...),
		about: "In the log's order, the oldest first, or the newest with order=desc; what is not asked for counts for no limit. Where several gateways write one log its times may be a little out of order; since and until are exact " +
			"all the same. One request looks at 200,000 events at most; next says where to go on, with the same since and until.",
		examples: []example{
			{name: "list-events.json", title: "Readings of a device, from an id on", path: "/events?after=1.0&device=101&kind=reading&limit=2"},
			{name: "list-events-time.json", title: "What happened in two seconds", path: "/events?since=2026-11-22T10:00:04Z&until=2026-11-22T10:00:06Z"},
			{name: "list-events-newest.json", title: "The last readings of a device, the newest first", path: "/events?order=desc&device=101&kind=reading&limit=2"},
			{name: "list-events-bad.json", title: "An id that is none", path: "/events?after=yesterday", status: 422},
		},
	}, s.listEvents)
}

// eventParameters are what GET /events may be asked.
var eventParameters = []string{event.ParamAfter, event.ParamBefore, event.ParamSince, event.ParamUntil, event.ParamLimit, event.ParamDevice, event.ParamKind, event.ParamOrder}

const defaultLimit = 100

type listEvents struct{ exchange }

// Bounds of one answer.
const (
	maxScanned     = 200_000
	maxAnswer      = 4 << 20 // bytes of events
	historyTimeout = 10 * time.Second
)

// errEnough ends the reading of the log early.
var errEnough = errors.New("enough")

// eventScan reads the part of the log that is asked for, and keeps what was found.
type eventScan struct {
	event.Query
	disorder      time.Duration // of the log
	scanned, size int
	found         []api.Event
	next          vaiven.ID // the last event not behind until
	seen          vaiven.ID // the last event looked at
	more          bool
}

// stop ends the answer before the part of the log does: what was looked at is done.
func (e *eventScan) stop() { e.more, e.next = true, e.seen }

func (s *server) listEvents(ctx context.Context, in *listEvents) (*body[api.Events], error) {
	q, err := event.ParseQuery(in.r.URL.RawQuery, "", eventParameters, s.o.Lang)
	var wrong *event.QueryError
	if errors.As(err, &wrong) {
		return nil, s.invalid("query."+wrong.Parameter, wrong.Want)
	}
	if q.Limit == 0 {
		q.Limit = defaultLimit
	}
	q.View = event.ViewOf(who(ctx))
	after := q.After
	in.extendDeadline(maxTurn + historyTimeout)
	if err := acquire(ctx, s.reading); err != nil {
		return nil, s.readingFailed(err)
	}
	defer func() { <-s.reading }()
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	if q.Since != 0 {
		from, err := s.seekTime(ctx, q.Since)
		if err != nil {
			return nil, s.readingFailed(err)
		}
		if after.Before(from) {
			after = from
		}
	}
	if q.Descending {
		q.After = after
		return s.listNewest(ctx, q)
	}
	scan := &eventScan{Query: q, disorder: s.o.Events.Disorder(), found: []api.Event{}, next: after, seen: after}
	err = s.o.Events.History(ctx, after, scan.add)
	if err != nil && !errors.Is(err, errEnough) {
		if scan.scanned == 0 || !errors.Is(err, context.DeadlineExceeded) {
			return nil, s.readingFailed(err)
		}
		scan.stop()
	}
	found := api.Events{Events: scan.found, Next: scan.next.String(), More: scan.more}
	if first := s.o.Events.Trimmed(after); first != (vaiven.ID{}) {
		found.Trimmed = first.String()
	}
	return &body[api.Events]{found}, nil
}

// add takes one event into the answer, if it is asked for.
func (e *eventScan) add(en vaiven.Entry) error {
	at := en.Event.Time().At
	late := e.Until != 0 && at > e.Until
	if e.Before != (vaiven.ID{}) && !en.ID.Before(e.Before) || late && at > e.Until+e.disorder.Milliseconds() {
		return errEnough
	}
	if len(e.found) == e.Limit || e.size >= maxAnswer || e.scanned == maxScanned {
		e.stop()
		return errEnough
	}
	e.scanned++
	e.seen = en.ID
	if late {
		return nil
	}
	e.next = en.ID
	if at < e.Since || !e.Passes(vaiven.KindOf(en.Event), en.Event.Of()) {
		return nil
	}
	raw := e.View.Append(nil, en, "")
	e.size += len(raw)
	e.found = append(e.found, api.Event{Raw: raw})
	return nil
}

// seekTime returns an id that is not behind the first event at the moment or later,
// and not far before it.
func (s *server) seekTime(ctx context.Context, ms int64) (vaiven.ID, error) {
	first, last := s.o.Events.Bounds()
	return event.Seek(first, last, ms, s.o.Events.Disorder(), func(record uint64) (int64, bool, error) { return s.timeAt(ctx, record) })
}

// timeAt returns the time of the first event in the record, or behind it.
func (s *server) timeAt(ctx context.Context, record uint64) (at int64, found bool, err error) {
	err = s.o.Events.History(ctx, vaiven.ID{Record: record - 1, Index: math.MaxUint32}, func(en vaiven.Entry) error {
		at, found = en.Event.Time().At, true
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return at, found, err
}

// liveOperations describes what Options.Live serves. It is in the document as
// all else is, but reads its requests and writes its answers itself.
func (s *server) liveOperations() {
	refusals := []int{http.StatusGone}
	s.describeLive(operation{
		path: "/live/poll", id: "pollLive", needs: readsSome, busy: busyFeed, refusals: refusals, schema: &huma.Schema{
			Type: huma.TypeObject, Required: []string{"events", "next"},
			Properties: map[string]*huma.Schema{
				"events": {Type: huma.TypeArray, Items: &huma.Schema{Ref: "#/components/schemas/Event"}},
				"next":   {Type: huma.TypeString, Description: "For after, next time: past what the filter held back"},
			},
		},
		summary: "Follow the events by long polling",
		about:   "Answers at once when there are events behind after, otherwise when there are, or with none when wait is over. Ask again with after=next.",
		examples: []example{
			{name: "poll-live.json", title: "The next readings of a device", path: "/live/poll?after=1.0&device=101&kind=reading&limit=2&wait=0"},
			{name: "poll-live-bad.json", title: "A kind that there is not", path: "/live/poll?kind=weather", status: http.StatusUnprocessableEntity},
		},
	}, parametersOf("500", live.Parameters...)...)
	s.describeLive(operation{
		path: "/live/sse", id: "followSSE", needs: readsSome, busy: busyFeed, refusals: refusals, media: "text/event-stream",
		summary:  "Follow the events as Server-Sent Events",
		examples: []example{{name: "follow-sse-bad.json", title: "An id that is none", path: "/live/sse?after=yesterday", status: http.StatusUnprocessableEntity}},
		about: "Each event has its id, its kind as the event's name, and its JSON as data. Every 15 s of silence a block with an id and no data says " +
			"how far the log was read. The last one is called bye and says why the stream ends: shutdown, busy or failed.",
	}, append(parametersOf("", streamParameters...), &huma.Param{
		Name: "Last-Event-ID", In: "header", Description: "Counts more than after: browsers send it when a stream broke off", Schema: &huma.Schema{Type: huma.TypeString},
	})...)
	s.describeLive(operation{
		path: "/live/ndjson", id: "followNDJSON", needs: readsSome, busy: busyFeed, refusals: refusals, media: "application/x-ndjson",
		summary:  "Follow the events as lines of JSON",
		examples: []example{{name: "follow-ndjson-bad.json", title: "A device that there cannot be", path: "/live/ndjson?device=a..b", status: http.StatusUnprocessableEntity}},
		about: `One object per line. A line of kind "position" says after 15 s of silence how far the log was read, one of kind "bye" why the stream ends ` +
			"(shutdown, busy, failed); go on behind the id of either.",
	}, parametersOf("", streamParameters...)...)
	s.describeLive(operation{
		path: "/live/ws", id: "followWebSocket", needs: readsSome, busy: busyFeed, refusals: append(refusals, http.StatusUpgradeRequired), success: http.StatusSwitchingProtocols,
		summary:  "Follow the events over a WebSocket",
		examples: []example{{name: "follow-ws-plain.json", title: "A request that is no handshake", path: "/live/ws", status: http.StatusUpgradeRequired}},
		about: `A handshake of RFC 6455; then one text message per event, and one of kind "position" after 15 s of silence. The close frame says where to ` +
			"resume. Nothing may be sent. A page of another site may not connect, unless --cors names it.",
	}, parametersOf("", streamParameters...)...)
}

// describeLive adds an operation to the document that somebody else serves.
func (s *server) describeLive(op operation, parameters ...*huma.Param) {
	op.method, op.tag = http.MethodGet, "live"
	s.routes.table.add(&op)
	if op.success == 0 {
		op.success = http.StatusOK
	}
	h := &huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Description: op.description(), Security: op.needs.security(true), Tags: []string{op.tag},
		Parameters: parameters, Responses: op.responses(), Extensions: map[string]any{"x-requests": op.requests()},
	}
	if r := h.Responses["101"]; r != nil {
		r.Content = nil
	}
	s.api.OpenAPI().AddOperation(h)
}

// parametersOf describes parameters of a query for events. limit is the default of
// the parameter that is called so.
func parametersOf(limit string, names ...string) (out []*huma.Param) {
	for _, name := range names {
		schema := &huma.Schema{Type: huma.TypeString}
		var about, example string
		switch name {
		case event.ParamAfter:
			about, example = "Only events behind this id; 0 or begin: from the oldest on; left out: from the oldest on of what has happened, from now on of what happens", "12.0"
		case event.ParamBefore:
			about, example = "Only events in front of this id", "99.0"
		case event.ParamSince:
			about, example = "Only events received at this time or later, RFC 3339", "2026-11-22T10:00:00Z"
			schema.Format = "date-time"
		case event.ParamUntil:
			about, example = "Only events received at this time or earlier, RFC 3339", "2026-11-22T10:00:06Z"
			schema.Format = "date-time"
		case event.ParamDevice:
			about, example = "Only events of these devices, with commas; repeatable", "101,102"
		case event.ParamKind:
			about = "Only events of these kinds, with commas; repeatable: " + strings.Join(vaiven.KindNames(), ", ") + ", state (all about changes of state), session"
			example = "reading,state"
		case event.ParamLimit:
			about, example = "Events in the answer; "+limit, limit
			low, high := 1.0, float64(event.MaxLimit)
			schema = &huma.Schema{Type: huma.TypeInteger, Minimum: &low, Maximum: &high}
		case event.ParamOrder:
			about = "desc: the newest first, and next is for before instead of after; asc by default"
			schema.Enum, example = []any{"asc", "desc"}, "desc"
		case event.ParamWait:
			about, example = "How long to wait for an event, as 30s; 60s at most", "30s"
		}
		schema.Description = about
		if schema.Type == huma.TypeString {
			schema.Examples = []any{example}
		}
		out = append(out, &huma.Param{Name: name, In: "query", Description: about, Schema: schema})
	}
	return out
}

// streamParameters are those that mean something to a feed that goes on.
var streamParameters = []string{event.ParamAfter, event.ParamDevice, event.ParamKind}
