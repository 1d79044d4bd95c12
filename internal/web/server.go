package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	strict "github.com/go-json-experiment/json"

	"vaiven"
	"vaiven/internal/event"
	"vaiven/internal/web/api"
)

// prefix is where the API is.
const prefix = "/api/v1"

// prometheusPrefix is what a data source for Prometheus is given behind the address.
const prometheusPrefix = "/prometheus"

// server is the API: its operations, and the document that describes them.
type server struct {
	o      Options
	guard  *guard
	routes *routes
	api    huma.API
	now    func() time.Time

	describing chan struct{} // one description at a time, since it is read, changed and written
	reading    chan struct{} // histories that are being read; full: wait a moment, then 503
	exports    *turns        // exports that are being written; none left: wait a moment, then 503
	downloads  *turns        // CSV files that are on their way; none left: wait a moment, then 503
	scanning   chan struct{} // looks at the whole table of devices; full: wait a moment, then 503
	backing    chan struct{} // the backup that is being written; another: 503
	waiting    chan struct{} // answers that wait for the end of a change; full: they do not wait
}

// Bounds of what goes on at once.
const (
	maxReading  = 4
	maxScanning = 2 // the table takes no news while somebody looks at all of it
	maxWaiting  = 1024
)

func newServer(o Options) *server {
	s := &server{o: o, guard: newGuard(&o), now: o.Now}
	s.routes = newRoutes(s.guard, maps.Clone(outside))
	s.describing = make(chan struct{}, 1)
	s.reading = make(chan struct{}, maxReading)
	s.exports = newTurns(maxExporting, 1)
	s.downloads = newTurns(maxDownloading, maxDownloadingEach)
	s.scanning = make(chan struct{}, maxScanning)
	s.backing = make(chan struct{}, 1)
	s.waiting = make(chan struct{}, maxWaiting)
	s.api = humago.NewWithPrefix(s.routes, prefix, s.config())
	s.deviceOperations()
	s.stateOperations()
	s.sessionOperations()
	s.historyOperations()
	s.curveOperations()
	s.csvOperations()
	s.exportOperation()
	s.serverOperations()
	s.backupOperation()
	s.boardOperations()
	s.boardAccessOperations()
	s.accessOperations()
	s.liveOperations()
	s.loginOperations()
	s.publish()
	return s
}

func (s *server) config() huma.Config {
	c := huma.DefaultConfig("vaiven", s.o.Version)
	c.CreateHooks = nil // no $schema in answers
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.AllowAdditionalPropertiesByDefault = true // answers may grow; requests say that theirs may not
	c.Formats = map[string]huma.Format{"application/json": {Marshal: writeJSON, Unmarshal: readJSON}, "json": {Marshal: writeJSON, Unmarshal: readJSON}}
	c.Transformers = []huma.Transformer{s.problems}
	c.Info.Description = strings.TrimSpace(description)
	c.Info.License = &huma.License{Name: "See the file LICENSE of the source"}
	c.Servers = []*huma.Server{{URL: prefix}}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "A token: `vaiven token create` makes one for some rights, devices and time; VAIVEN_API_TOKEN sets one for everything."},
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "Of a browser that came in by a login link; only pages of this server, and those of --cors."},
		"ticket":  {Type: "apiKey", In: "query", Name: paramTicket, Description: "For live feeds, of POST /live/tickets."},
	}
	for _, t := range tags {
		c.Tags = append(c.Tags, &huma.Tag{Name: t[0], Description: t[1]})
	}
	aliases(c.Components.Schemas)
	return c
}

const description = `
The API of a vaiven server: devices, their readings and states, the log's
events, the CSV file.

Every operation says which right it needs: read, set (desired states), send
(readings), admin. A program shows a token, as "Authorization: Bearer TOKEN"; a
browser has a session. A token may be for some devices only: lists and feeds
then leave the others out. Reading is open to everybody where the server was
started with --public-view, or for a class. BOOT, and the events about who may
do what, are shown to administrators alone.

Errors are problems of RFC 9457 (application/problem+json): detail and hint are
for people, in the server's language; code is for programs. Times are RFC 3339.
Ids of events are opaque and ordered. Answers may get more fields in later
versions.
`

// Tags of the operations, in the order of the page.
var tags = [][2]string{
	{"devices", "The table of devices: what is known of each, and what people call it."},
	{"state", "What a device's states ought to be. A change is asked, sent to the board, and ends confirmed, expired, refused or overtaken."},
	{"events", "What has happened: the log's events, and the readings as CSV."},
	{"live", "The log's events as they happen, in four ways, since proxies and firewalls are not all alike. All resume behind an id, without a gap or a repeat."},
	{"sessions", "Sessions of devices, with a limited number of readings, or time."},
	{"access", "Who one is; who may speak and who may ask: boards that wait, their tokens, tokens of the API."},
	{"server", "The server itself."},
	{"boards", "For boards whose network lets no WebSocket through."},
}

// writeJSON answers with one write; that whoever asked is gone is no error.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, _ = w.Write(b.Bytes())
	return nil
}

// readJSON is strict: a name that is there twice is an error.
func readJSON(data []byte, v any) error { return strict.Unmarshal(data, v) }

// ServeHTTP answers what is under the API's prefix. What is not there, or not
// with this method, is a problem like all others.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := s.routes.Handler(r); pattern != "" {
		w.Header().Set("Cache-Control", "no-store")
		s.routes.ServeHTTP(w, r)
		return
	}
	s.guard.wrap(s.routes.ruleOf(prefix+"/"), http.HandlerFunc(s.missing)).ServeHTTP(w, r)
}

// missing answers what the API does not have.
func (s *server) missing(w http.ResponseWriter, r *http.Request) {
	seen := &headerRecorder{header: http.Header{}}
	s.routes.ServeMux.ServeHTTP(seen, r)
	if allow := seen.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		api.WriteProblem(w, api.NewProblem(http.StatusMethodNotAllowed, "method_not_allowed",
			s.o.Lang.Say("this path has no "+r.Method, "esta ruta no tiene "+r.Method), "Allow: "+allow))
		return
	}
	api.WriteProblem(w, api.NewProblem(http.StatusNotFound, codeNotFound,
		s.o.Lang.Say("no such path", "no existe esa ruta"),
		s.o.Lang.Say("all paths: ", "todas las rutas: ")+prefix+"/docs"))
}

// headerRecorder keeps what a handler says in its header.
type headerRecorder struct{ header http.Header }

func (v *headerRecorder) Header() http.Header         { return v.header }
func (v *headerRecorder) Write(b []byte) (int, error) { return len(b), nil }
func (v *headerRecorder) WriteHeader(int)             {}

// publish offers the document, once all operations are registered. It is written
// when somebody asks for it first.
func (s *server) publish() {
	doc := s.api.OpenAPI()
	doc.Components.Schemas.Schema(problemType, true, "")
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} {
		delete(doc.Components.Schemas.Map(), unused)
	}
	s.serveDocument("openapi.json", "application/openapi+json", func() ([]byte, error) { return json.MarshalIndent(doc, "", " ") })
	s.serveDocument("openapi.yaml", "application/openapi+yaml", doc.YAML)
	s.serveDocument("docs", "text/html; charset=utf-8", func() ([]byte, error) { return docsPage(doc, s.o.Lang) })
}

func (s *server) serveDocument(name, media string, write func() ([]byte, error)) {
	write = sync.OnceValues(write)
	s.routes.HandleFunc("GET "+prefix+"/"+name, func(w http.ResponseWriter, _ *http.Request) {
		b, err := write()
		if err != nil {
			s.o.Logger.Error("document not written", "name", name, "err", err)
			api.WriteProblem(w, api.NewProblem(http.StatusInternalServerError, "", "", ""))
			return
		}
		w.Header().Set("Content-Type", media)
		_, _ = w.Write(b) // whoever asked may be gone
	})
}

func (s *server) serverOperations() {
	register(s, operation{
		method: http.MethodGet, path: "/server", id: "getServer", needs: readsSome, tag: "server",
		summary:  "The server: version, log, limits, counts, whether it is ready",
		about:    "A token for some devices is told the version, the time and whether it is ready.",
		examples: []example{{name: "get-server.json", title: "A server with three devices", path: "/server"}},
	}, s.getServer)
}

func (s *server) getServer(ctx context.Context, _ *struct{}) (*body[api.Server], error) {
	var out api.Server
	if !who(ctx).SeesAll() {
		out = api.Server{Version: s.o.Version, Now: moment(s.now().UnixMilli()), Ready: len(s.o.Ready()) == 0, Problems: []string{}, Addresses: []string{}, States: []string{}}
		return &body[api.Server]{out}, nil
	}
	out = s.o.Server()
	out.Version, out.Now = s.o.Version, moment(s.now().UnixMilli())
	if !out.Started.IsZero() {
		out.Started = moment(out.Started.UnixMilli())
		out.UptimeMS = max(out.Now.Sub(out.Started).Milliseconds(), 0)
	}
	if first, last := s.o.Events.Bounds(); last != (vaiven.ID{}) {
		out.FirstEvent, out.LastEvent = first.String(), s.newestID(ctx, last)
	}
	out.Problems = append([]string{}, s.o.Ready()...)
	out.Ready = len(out.Problems) == 0
	out.Addresses = append([]string{}, out.Addresses...)
	out.States = append([]string{}, s.o.States...)
	slices.Sort(out.States)
	return &body[api.Server]{out}, nil
}

// newestID is the id of the newest event at the bound or in front of it: the bound may
// be behind all events of its record, and the record hold repeats only. "" when it
// cannot be read, which is no reason not to say how the server is.
func (s *server) newestID(ctx context.Context, bound vaiven.ID) string {
	scan := newestScan{Query: event.Query{Limit: 1}, history: s.o.Events, before: vaiven.ID{Record: bound.Record + 1}}
	if err := scan.newest(ctx); err != nil {
		if ctx.Err() == nil { // who asked is still there
			s.o.Logger.Warn("newest event not read", "err", err)
		}
		return ""
	}
	if len(scan.found) == 0 {
		return ""
	}
	return scan.before.String()
}
