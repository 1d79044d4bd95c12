package web

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"vaiven"
	"vaiven/internal/event"
	"vaiven/internal/web/live"
)

// liveOperations describes what Options.Live serves. It is in the document as
// all else is, but reads its requests and writes its answers itself.
func (s *server) liveOperations() {
	refusals := []int{http.StatusGone}
	s.describe(operation{
		path: "/live/poll", id: "pollLive", refusals: refusals, schema: polled(),
		summary: "Follow the events by long polling",
		about:   "Answers at once when there are events behind after, otherwise when there are, or with none when wait is over. Ask again with after=next.",
		examples: []example{
			{name: "poll-live.json", title: "The next readings of a device", path: "/live/poll?after=1.0&device=101&kind=reading&limit=2&wait=0"},
			{name: "poll-live-bad.json", title: "A kind that there is not", path: "/live/poll?kind=weather", status: http.StatusUnprocessableEntity},
		},
	}, parametersOf("500", live.Parameters...)...)
	s.describe(operation{
		path: "/live/sse", id: "followSSE", refusals: refusals, media: "text/event-stream",
		summary:  "Follow the events as Server-Sent Events",
		examples: []example{{name: "follow-sse-bad.json", title: "An id that is none", path: "/live/sse?after=yesterday", status: http.StatusUnprocessableEntity}},
		about: "Each event has its id, its kind as the event's name, and its JSON as data. Every 15 s of silence a block with an id and no data says " +
			"how far the log was read. The last one is called bye and says why the stream ends: shutdown, busy or failed.",
	}, append(parametersOf("", streamParameters...), &huma.Param{
		Name: "Last-Event-ID", In: "header", Description: "Counts more than after: browsers send it when a stream broke off", Schema: &huma.Schema{Type: huma.TypeString},
	})...)
	s.describe(operation{
		path: "/live/ndjson", id: "followNDJSON", refusals: refusals, media: "application/x-ndjson",
		summary:  "Follow the events as lines of JSON",
		examples: []example{{name: "follow-ndjson-bad.json", title: "A device that there cannot be", path: "/live/ndjson?device=a..b", status: http.StatusUnprocessableEntity}},
		about: `One object per line. A line of kind "position" says after 15 s of silence how far the log was read, one of kind "bye" why the stream ends ` +
			"(shutdown, busy, failed); go on behind the id of either.",
	}, parametersOf("", streamParameters...)...)
	s.describe(operation{
		path: "/live/ws", id: "followWebSocket", refusals: append(refusals, http.StatusUpgradeRequired), success: http.StatusSwitchingProtocols,
		summary:  "Follow the events over a WebSocket",
		examples: []example{{name: "follow-ws-plain.json", title: "A request that is no handshake", path: "/live/ws", status: http.StatusUpgradeRequired}},
		about: `A handshake of RFC 6455; then one text message per event, and one of kind "position" after 15 s of silence. The close frame says where to ` +
			"resume. Nothing may be sent. A page of another site may not connect.",
	}, parametersOf("", streamParameters...)...)
}

// describe adds an operation to the document that somebody else serves.
func (s *server) describe(op operation, parameters ...*huma.Param) {
	op.method, op.tag = http.MethodGet, "live"
	if op.success == 0 {
		op.success = http.StatusOK
	}
	h := &huma.Operation{
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Description: op.about, Tags: []string{op.tag},
		Parameters: parameters, Responses: op.responses(), Extensions: map[string]any{"x-requests": op.requests()},
	}
	if r := h.Responses["101"]; r != nil {
		r.Content = nil
	}
	s.api.OpenAPI().AddOperation(h)
}

// polled is the schema of the answer to a long poll.
func polled() *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"events", "next"},
		Properties: map[string]*huma.Schema{
			"events": {Type: huma.TypeArray, Items: &huma.Schema{Ref: "#/components/schemas/Event"}},
			"next":   {Type: huma.TypeString, Description: "For after, next time: past what the filter held back"},
		},
	}
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
