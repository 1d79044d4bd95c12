package web

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"vaiven"
)

// liveOperations describes what Options.Live serves. It is in the document as
// all else is, but reads its requests and writes its answers itself.
func (s *server) liveOperations() {
	refusals := []int{http.StatusBadRequest, http.StatusGone}
	s.describe(operation{
		path: "/live/poll", id: "pollLive", refusals: refusals, schema: polled(),
		summary: "Follow the events by long polling",
		about:   "Answers at once when there are events behind after, otherwise when there are, or with none when wait is over. Ask again with after=next.",
		examples: []example{
			{name: "poll-live.json", title: "The next readings of a device", path: "/live/poll?after=1.0&device=101&kind=reading&limit=2&wait=0"},
			{name: "poll-live-bad.json", title: "A kind that there is not", path: "/live/poll?kind=weather", status: http.StatusBadRequest},
		},
	}, after(""), device(), kind(), parameter("wait", "How long to wait for an event, as 30s; 60s at most", "30s"),
		parameter("limit", "Events in the answer, 5000 at most; 500", "500"))
	s.describe(operation{
		path: "/live/sse", id: "followSSE", refusals: refusals, media: "text/event-stream",
		summary:  "Follow the events as Server-Sent Events",
		examples: []example{{name: "follow-sse-bad.json", title: "An id that is none", path: "/live/sse?after=yesterday", status: http.StatusBadRequest}},
		about: "Each event has its id, its kind as the event's name, and its JSON as data. Every 15 s of silence a block with an id and no data says " +
			"how far the log was read. The last one is called bye and says why the stream ends: shutdown, busy or failed.",
	}, after("; Last-Event-ID counts more"), device(), kind(), &huma.Param{
		Name: "Last-Event-ID", In: "header", Description: "As after: browsers send it when a stream broke off", Schema: &huma.Schema{Type: huma.TypeString},
	})
	s.describe(operation{
		path: "/live/ndjson", id: "followNDJSON", refusals: refusals, media: "application/x-ndjson",
		summary:  "Follow the events as lines of JSON",
		examples: []example{{name: "follow-ndjson-bad.json", title: "A device that there cannot be", path: "/live/ndjson?device=a..b", status: http.StatusBadRequest}},
		about: `One object per line. A line of kind "position" says after 15 s of silence how far the log was read, one of kind "bye" why the stream ends ` +
			"(shutdown, busy, failed); go on behind the id of either.",
	}, after(""), device(), kind())
	s.describe(operation{
		path: "/live/ws", id: "followWebSocket", refusals: append(refusals, http.StatusUpgradeRequired), success: http.StatusSwitchingProtocols,
		summary:  "Follow the events over a WebSocket",
		examples: []example{{name: "follow-ws-plain.json", title: "A request that is no handshake", path: "/live/ws", status: http.StatusUpgradeRequired}},
		about: `A handshake of RFC 6455; then one text message per event, and one of kind "position" after 15 s of silence. The close frame says where to ` +
			"resume. Nothing may be sent. A page of another site may not connect.",
	}, after(""), device(), kind())
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
	delete(h.Responses, "422") // a wrong parameter is 400 here
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

func parameter(name, about, example string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: about, Schema: &huma.Schema{Type: huma.TypeString, Description: about, Examples: []any{example}}}
}

func after(more string) *huma.Param {
	return parameter("after", "Only events behind this id; 0 or begin: from the oldest on; left out: from now on"+more, "12.0")
}

func device() *huma.Param {
	return parameter("device", "Only events of these devices, with commas; repeatable", "101,102")
}

func kind() *huma.Param {
	return parameter("kind", "Only events of these kinds, with commas; repeatable: "+strings.Join(vaiven.KindNames(), ", ")+", state (all about changes of state), session", "reading,state")
}
