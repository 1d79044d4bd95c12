package web

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"vaiven/internal/web/api"
)

// operation is one thing that can be asked of the API, with what the document
// says about it.
type operation struct {
	method, path string
	id           string
	needs        rule // who may ask for it
	tag          string
	summary      string
	about        string
	success      int            // its usual status; 200
	also         map[int]string // other statuses that answer with the same body, and when
	refusals     []int          // statuses of problems, beside those that every operation has
	busy         string         // when it answers 503, as busyLog; "": never
	parameters   []*huma.Param  // that the handler reads itself
	media        string         // of the answer, when that is no JSON
	schema       *huma.Schema   // of the answer, when the handler's type does not say
	message      bool           // the body is a board's message, which the handler reads
	maxBody      int64          // bytes that are still taken; 64 KiB
	examples     []example
}

// example is a request that the document shows. The tests send every one of
// them to a server, and keep its answer in the folder examples.
type example struct {
	name    string // of the example, and of the file with the answer
	title   string
	path    string // what follows the API's prefix, with its query
	headers [][2]string
	body    string
	status  int // of the answer; 200
}

//go:embed examples
var answers embed.FS

// register adds an operation to the API and to its document.
func register[I, O any](s *server, op operation, handler func(context.Context, *I) (*O, error)) {
	if op.success == 0 {
		op.success = http.StatusOK
	}
	if op.maxBody == 0 {
		op.maxBody = 64 << 10
	}
	s.routes.table.add(&op)
	h := huma.Operation{ // the framework refuses a body of MaxBodyBytes, too
		OperationID: op.id, Method: op.method, Path: op.path, Summary: op.summary, Description: op.description(), Security: op.needs.security(false),
		Tags: []string{op.tag}, DefaultStatus: op.success, MaxBodyBytes: op.maxBody + 1, BodyReadTimeout: bodyTimeout,
		RejectUnknownQueryParameters: op.parameters == nil, Parameters: op.parameters,
		Responses: op.responses(), RequestBody: op.requestBody(),
	}
	h.Extensions = map[string]any{"x-requests": op.requests()}
	h.SkipValidateBody = op.message
	huma.Register(s.api, h, handler)
	if op.message {
		h.RequestBody.Content = messageContent(op.requestBody().Content["application/json"].Examples)
	}
	usual := h.Responses[strconv.Itoa(op.success)]
	for status := range op.also {
		other := h.Responses[strconv.Itoa(status)]
		other.Headers = usual.Headers
		if m := other.Content["application/json"]; m != nil {
			m.Schema = usual.Content["application/json"].Schema
		}
	}
}

// description is what the document says of the operation, and who may ask for it.
func (op *operation) description() string {
	return strings.TrimSpace(op.about + "\n\n" + op.needs.words())
}

// messageContent says what the body with a board's message may be.
func messageContent(examples map[string]*huma.Example) map[string]*huma.MediaType {
	one := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
	several := &huma.Schema{Type: huma.TypeArray, Items: one}
	return map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{OneOf: []*huma.Schema{one, several}}, Examples: examples},
		"application/cbor": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}
}

// request is an example as the document has it under x-requests: all of a
// request, where OpenAPI's own examples are of its parts.
type request struct {
	Name    string            `json:"name"`
	File    string            `json:"-"` // that holds its answer
	Title   string            `json:"title"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	Status  int               `json:"status"`
}

func (op *operation) requests() []request {
	var out []request
	for _, e := range op.examples {
		r := request{Name: e.key(), File: e.name, Title: e.title, Method: op.method, Path: prefix + e.path, Body: e.body, Status: e.answered()}
		for _, h := range e.headers {
			if r.Headers == nil {
				r.Headers = map[string]string{}
			}
			r.Headers[h[0]] = h[1]
		}
		out = append(out, r)
	}
	return out
}

// key is what the example is called among those of a body.
func (e *example) key() string { return strings.TrimSuffix(e.name, path.Ext(e.name)) }

func (e *example) answered() int { return cmp.Or(e.status, http.StatusOK) }

// requestBody holds the examples of the body; the schema comes from the
// handler's type.
func (op *operation) requestBody() *huma.RequestBody {
	examples := map[string]*huma.Example{}
	for _, e := range op.examples {
		if e.body != "" && json.Valid([]byte(e.body)) {
			examples[e.key()] = &huma.Example{Summary: e.title, Value: json.RawMessage(e.body)}
		}
	}
	if len(examples) == 0 {
		return nil
	}
	return &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Examples: examples}}}
}

// responses are the answers with their examples, and the problems.
func (op *operation) responses() map[string]*huma.Response {
	all := map[string]*huma.Response{}
	add := func(status int, text, media string) *huma.MediaType {
		m := &huma.MediaType{}
		r := &huma.Response{Description: text}
		if status != http.StatusNoContent {
			r.Content = map[string]*huma.MediaType{media: m}
		}
		all[strconv.Itoa(status)] = r
		return m
	}
	media := op.media
	if media == "" {
		media = "application/json"
	}
	body := add(op.success, http.StatusText(op.success), media)
	body.Schema = op.schema
	if op.media != "" {
		body.Schema = &huma.Schema{Type: huma.TypeString}
	}
	for status, text := range op.also {
		if m := add(status, text, media); op.media != "" {
			m.Schema = body.Schema
		}
	}
	refusals := append([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusMisdirectedRequest, http.StatusTooManyRequests, http.StatusUnprocessableEntity}, op.refusals...)
	if op.busy != "" {
		refusals = append(refusals, http.StatusServiceUnavailable)
	}
	for _, status := range refusals {
		text := refusalText[status]
		if status == http.StatusServiceUnavailable {
			text = op.busy + "; Retry-After says when again"
		}
		add(status, text, api.ProblemType).Schema = &huma.Schema{Ref: "#/components/schemas/Problem"}
		if h, ok := refusalHeader[status]; ok {
			all[strconv.Itoa(status)].Headers = map[string]*huma.Header{h[0]: {Description: h[1], Schema: &huma.Schema{Type: huma.TypeString}}}
		}
	}
	for _, e := range op.examples {
		e.addTo(all[strconv.Itoa(e.answered())])
	}
	return all
}

// addTo puts the answer to the example into the document.
func (e *example) addTo(r *huma.Response) {
	b, err := answers.ReadFile("examples/" + e.name)
	if err != nil || r == nil {
		return // an answer without a body; or a status that the document's test finds missing
	}
	for media, m := range r.Content {
		if m.Examples == nil {
			m.Examples = map[string]*huma.Example{}
		}
		value := any(string(b))
		if strings.HasSuffix(media, "json") {
			value = json.RawMessage(b)
		}
		m.Examples[e.key()] = &huma.Example{Summary: e.title, Value: value}
	}
}

// refusalText says when a problem's status is answered.
var refusalText = map[int]string{
	400: "The request could not be read: malformed JSON, or an id that is none",
	401: "Who asks is not known, or what was shown is not good",
	403: "Whoever asks may not do this, or not with this device; or a page of another site asked",
	404: "There is no such thing",
	409: "The device's condition does not allow it",
	410: "The log has not reached that id: it is another log's",
	412: "The device's REV is another (If-Match)",
	413: "Too much in one request",
	415: "The body is neither JSON nor CBOR",
	416: "The file is not that long",
	421: "The server does not go by that name (Host)",
	422: "A part of the request is wrong; errors says which",
	426: "The request is no handshake of a WebSocket",
	429: "Too fast, or too many wrong tokens; Retry-After says when again",
}

// When operations answer 503.
const (
	busyLog     = "The log takes nothing now, and nothing was stored"
	busyBoards  = "Boards are not served just now: the server ends, or the log takes nothing"
	busyReading = "Too much is being read of the log, the history or the files just now, or this takes too long: ask for less"
	busyTable   = "Too many read the table of devices just now"
	busyExports = "Too many exports are being written just now, or one for this address"
	busyFiles   = "Too many CSV files are on their way just now, or too many to this address"
	busyBackup  = "A backup is being written just now"
	busyFeed    = "Too many follow the events or read old ones just now, the server ends, or this node of a cluster has not read the log so far"
)

// refusalHeader is the header that comes with a problem, and what it says.
var refusalHeader = map[int][2]string{
	401: {"WWW-Authenticate", "How to show a token"},
	412: {"ETag", "The device's REV now"},
	429: {"Retry-After", "Seconds"},
	503: {"Retry-After", "Seconds"},
}

// exchange lends a handler the connection that it answers on, for deadlines.
type exchange struct {
	w http.ResponseWriter
	r *http.Request
}

// Resolve is called once the request has been read.
func (e *exchange) Resolve(ctx huma.Context) []error {
	e.r, e.w = humago.Unwrap(ctx)
	return nil
}

// extendDeadline lets the answer take longer by d than others.
func (e *exchange) extendDeadline(d time.Duration) {
	c := http.NewResponseController(e.w)
	_ = c.SetReadDeadline(time.Time{}) // or the connection would count as broken: nothing more comes from it
	_ = c.SetWriteDeadline(time.Now().Add(d + answerTimeout))
}

// problemType is the type of what is answered instead of a success.
var problemType = reflect.TypeFor[api.Problem]()

// aliases tells the document's schemas of types that JSON writes in their own
// way.
func aliases(r huma.Registry) {
	r.RegisterTypeAlias(reflect.TypeFor[api.Number](), reflect.TypeFor[number]())
	r.RegisterTypeAlias(reflect.TypeFor[json.RawMessage](), reflect.TypeFor[message]())
}

// number is the schema of the value of a state.
type number struct{}

// Schema says that a number, true and false are right.
func (number) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		OneOf:       []*huma.Schema{{Type: huma.TypeNumber}, {Type: huma.TypeBoolean}},
		Description: "A number; true and false are 1 and 0",
	}
}

// message is the schema of what is sent to boards.
type message struct{}

// Schema says that it is an object.
func (message) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "A message of the device protocol, for the board"}
}
