// Package web owns vaiven's HTTP side: which path is for boards and which for
// people, health and metrics, and the API under /api/v1 with the document that
// describes it, made from the code.
//
// It does not own WebSockets of boards (internal/gateway), nor live feeds, nor
// any state: it asks the parts that it was given, and holds no copy of what they
// know. Its handlers may be called concurrently. A slow client holds its own
// request only, for 30 seconds at most; longer only where it asked to wait for
// the end of a change, and for a download that gets on; the time that a
// request's headers take is up to the server that carries the handler. Requests
// and answers are bounded, also in how many read the log at once.
package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"vaiven"
	"vaiven/internal/event"
	"vaiven/internal/web/api"
)

// Sessions starts a device's session again.
type Sessions interface {
	NewSession(ctx context.Context, d vaiven.Device) error
}

// Options configure New. Boards, Ready, Sessions and Page are required; what the
// API asks is not: of a part that is nil, nothing is known.
type Options struct {
	Boards   http.Handler        // upgrades a board's request
	Ready    func() []string     // why the server is not ready, nothing when it is
	Strained func() []string     // what new boards may find, though the server is ready; may be nil
	Sessions Sessions            // for POST /api/v1/devices/{id}/sessions
	Metrics  prometheus.Gatherer // nil: the default registry
	Lang     vaiven.Lang
	Version  string
	Page     func() Page // facts of the page that a person sees at /

	Devices Devices
	Names   Names
	Twins   Twins
	Events  Events
	Curves  Curves
	Posts   Posts
	CSV     CSVFiles
	Exports Exports
	Admin   Admin
	// Server returns what is known of the server; what follows from the other
	// options is filled in.
	Server func() api.Server
	// Backup writes a backup of the server to out. Its error means that what was written
	// is not one. May be nil.
	Backup func(ctx context.Context, out io.Writer) error
	// Prometheus answers queries over the history at the paths of Prometheus's API,
	// /api/v1/query and so on, which are found here under /prometheus; it reads only.
	// nil: there is none.
	Prometheus http.Handler
	// Authority is the certificate of the server's own authority, PEM, which is served at
	// /ca.crt; "": it has none.
	Authority string
	// Remote is the address that a request comes from, behind proxies that are trusted;
	// by default the peer's.
	Remote func(r *http.Request) netip.Addr
	// Live serves what is under /api/v1/live/; the requests that it is handed carry a
	// [vaiven.Principal]. It sets its deadlines itself.
	Live http.Handler

	// Access says who may ask for what; nil: nobody may ask for anything that has a rule.
	Access Access
	// CORS are the origins, as http://192.168.1.30:3000, whose pages may ask as the
	// server's own do.
	CORS []string
	// Hosts returns the names that the server goes by, beside addresses and localhost; one
	// may begin with "*.". Default: none.
	Hosts func() []string
	// Secure reports whether a request came over TLS, also to a trusted proxy in front.
	// Default: to this server.
	Secure func(r *http.Request) bool

	States     []string                   // state names that the server knows by itself
	Explain    func(*vaiven.Error) string // the domain's refusals in words; by default for logs
	MaxMessage int                        // bytes of a board's message; 64 KiB
	Logger     *slog.Logger
	Now        func() time.Time // time.Now by default

	// Refused is told of a request that was meant as a board's and was refused;
	// it must be quick. May be nil.
	Refused func(r *http.Request, e *vaiven.Error)
}

// New returns the handler of everything that vaiven serves. Each route has a rule that
// says who may ask for it; New panics where one has none.
func New(o Options) http.Handler {
	o.setDefaults()
	return o.handler(newGuard(&o), newServer(o))
}

func (o Options) handler(g *guard, s *server) http.Handler {
	mux := newRoutes(g, s.routes.table)
	mux.HandleFunc("/{$}", o.root)
	mux.Handle("/ws", o.Boards)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", o.ready)
	mux.HandleFunc("GET /ca.crt", o.authority)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	mux.Handle("GET /metrics/devices", o.deviceMetrics())
	mux.HandleFunc("GET /login", o.loginPage)
	mux.HandleFunc("POST /login", o.loginForm)
	mux.HandleFunc("GET /assets/{file}", o.asset)
	mux.ServeMux.Handle(prefix+"/", s) // whose routes have rules of their own
	queries := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { api.WriteProblem(w, noHistory(o.Lang)) }))
	if o.Prometheus != nil {
		queries = http.StripPrefix(prometheusPrefix, o.Prometheus)
	}
	mux.Handle(prometheusPrefix+"/", queries)
	mux.HandleFunc("/", o.notFound)
	all := withDeadlines(mux)
	if o.Live == nil {
		return o.routeBoards(g, all)
	}
	live := newRoutes(g, s.routes.table)
	live.Handle(prefix+"/live/", o.Live)
	live.ServeMux.Handle(prefix+"/live/tickets", all)
	live.ServeMux.Handle("/", all)
	return o.routeBoards(g, live)
}

// routeBoards serves every request that wants a WebSocket for a board. The mux would
// answer a path that it can clean with a redirect, which no board follows.
func (o Options) routeBoards(g *guard, people http.Handler) http.Handler {
	boards, wrong := withDeadlines(g.wrapBoards(o.Boards)), withDeadlines(http.HandlerFunc(o.notFound))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := path.Clean("/" + r.URL.Path)
		if strings.HasSuffix(r.URL.Path, "/") && p != "/" {
			p += "/"
		}
		switch {
		case strings.HasPrefix(r.URL.Path, "/socket.io/"), isUpgrade(r) && p != "/" && p != "/ws" && (p != r.URL.Path || !strings.HasPrefix(p, prefix+"/")):
			wrong.ServeHTTP(w, r)
		case isUpgrade(r) && (p == "/" || p == "/ws"):
			boards.ServeHTTP(w, r)
		default:
			setSecurityHeaders(w.Header())
			if !g.crossOrigin(w, r) {
				people.ServeHTTP(w, r)
			}
		}
	})
}

// setDefaults puts something harmless in the place of what was not given.
func (o *Options) setDefaults() {
	none := absent{}
	setDefault(&o.Metrics, prometheus.DefaultGatherer)
	setDefault[Devices](&o.Devices, none)
	setDefault[Names](&o.Names, none)
	setDefault[Twins](&o.Twins, none)
	setDefault[Events](&o.Events, none)
	setDefault[Curves](&o.Curves, none)
	setDefault[Posts](&o.Posts, none)
	setDefault[CSVFiles](&o.CSV, none)
	if o.Server == nil {
		o.Server = func() api.Server { return api.Server{} }
	}
	if o.Remote == nil {
		o.Remote = peerAddr
	}
	if o.Access == nil {
		o.Access = closed{}
	}
	if o.Hosts == nil {
		o.Hosts = func() []string { return nil }
	}
	if o.Secure == nil {
		o.Secure = func(r *http.Request) bool { return r.TLS != nil }
	}
	if o.Explain == nil {
		o.Explain = (*vaiven.Error).Error
	}
	if o.MaxMessage == 0 {
		o.MaxMessage = vaiven.MaxMessage
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// setDefault sets what is nil.
func setDefault[T comparable](p *T, v T) {
	var none T
	if *p == none {
		*p = v
	}
}

// How long a request's body may take, and its answer. A WebSocket has deadlines
// of its own.
const (
	bodyTimeout   = 10 * time.Second
	answerTimeout = 30 * time.Second
)

// withDeadlines sets the deadlines of requests: a body that trickles, or an answer that
// nobody reads, would otherwise hold a connection for ever.
func withDeadlines(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now, c := time.Now(), http.NewResponseController(w)
		_ = c.SetReadDeadline(now.Add(bodyTimeout)) // a connection without deadlines is a test's
		_ = c.SetWriteDeadline(now.Add(answerTimeout))
		next.ServeHTTP(w, r)
	})
}

// notFound tells a board whose sketch has a wrong path which one is right.
func (o Options) notFound(w http.ResponseWriter, r *http.Request) {
	text := o.Lang.Say("not found", "no existe")
	socketIO := strings.HasPrefix(r.URL.Path, "/socket.io/")
	if socketIO || isUpgrade(r) {
		text = o.Lang.Say(
			`boards connect to "/" or "/ws": write webSocket.begin(host, port, "/")`,
			`las placas se conectan a "/" o "/ws": escribe webSocket.begin(host, puerto, "/")`)
		e := &vaiven.Error{Code: vaiven.CodeWrongPath, Got: vaiven.Shorten(r.URL.Path), At: -1}
		if socketIO {
			e.Reason = vaiven.FaultSocketIO
		}
		o.reportRefused(r, e)
	}
	http.Error(w, text, http.StatusNotFound)
}

func (o Options) reportRefused(r *http.Request, e *vaiven.Error) {
	if o.Refused != nil {
		o.Refused(r, e)
	}
}

// isUpgrade reports whether a request is meant to open a WebSocket; a proxy may
// have eaten its Upgrade, but not its key.
func isUpgrade(r *http.Request) bool {
	if len(r.Header["Sec-Websocket-Key"]) > 0 {
		return true
	}
	for _, line := range r.Header.Values("Upgrade") {
		for token := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "websocket") {
				return true
			}
		}
	}
	return false
}

// ready answers those who probe; why it is not is for those who may read.
func (o Options) ready(w http.ResponseWriter, r *http.Request) {
	if why := o.Ready(); len(why) > 0 {
		if p := who(r.Context()); !p.May(vaiven.MayRead) || !p.SeesAll() {
			why = []string{o.Lang.Say("not ready", "no está listo")}
		}
		writeText(w, http.StatusServiceUnavailable, strings.Join(why, "\n"))
		return
	}
	writeText(w, http.StatusOK, strings.Join(append([]string{"ok"}, o.strained()...), "\n"))
}

// strained is Strained, nothing without it.
func (o Options) strained() []string {
	if o.Strained == nil {
		return nil
	}
	return o.Strained()
}

// authority hands out the certificate that boards and phones are to trust. It is no
// secret; whoever takes it over plain HTTP compares its fingerprint with `vaiven ca`.
func (o Options) authority(w http.ResponseWriter, _ *http.Request) {
	if o.Authority == "" {
		writeText(w, http.StatusNotFound, o.Lang.Say("this server has no certificate authority of its own", "este servidor no tiene una autoridad de certificación propia"))
		return
	}
	w.Header().Set("Content-Type", "application/x-x509-ca-cert")
	w.Header().Set("Content-Disposition", `attachment; filename="vaiven-ca.crt"`)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, o.Authority)
}

func writeText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text + "\n"))
}

// Devices is the table of devices.
type Devices interface {
	// Each calls yield with every device, in any order, until it returns false. What
	// it gets is yield's for the call only, and not to be changed; yield is quick.
	Each(yield func(*vaiven.DeviceInfo) bool)
	// Device returns a copy.
	Device(d vaiven.Device) (vaiven.DeviceInfo, bool)
	// Summary is that of the device's last session.
	Summary(d vaiven.Device) (vaiven.Summary, bool)
}

// Names writes people's words about devices into the log. Both methods return
// once the table shows it; the error is a *vaiven.Error with CodeBusy when the
// log takes nothing now.
type Names interface {
	Describe(ctx context.Context, d vaiven.Device, name, note string, groups []string) error
	Forget(ctx context.Context, d vaiven.Device) error
}

// Twins knows and changes desired state.
type Twins interface {
	State(d vaiven.Device) (vaiven.DeviceState, bool)
	// AskMany returns one result for each, in their order, once all are in the log
	// and applied.
	AskMany(ctx context.Context, requests []vaiven.ChangeRequest) []vaiven.ChangeResult
	// Wait returns how the change ended; of one that ended a short while ago, too.
	Wait(ctx context.Context, d vaiven.Device, key vaiven.Key) (vaiven.ChangeEnd, error)
}

// Events is the log, as its readers may see it.
type Events interface {
	// Bounds returns the ids of the oldest event and of the newest; both are
	// zero for an empty log.
	Bounds() (first, last vaiven.ID)
	// History hands the events behind after to fn, in log order, up to the newest
	// at the time of the call. It ends with fn's first error, which it returns.
	History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error
	// Disorder is how far an event's time may be behind that of an earlier one.
	Disorder() time.Duration
	// Trimmed returns the first id that the log still has, when it had more behind
	// after that it does not have any more; the zero id otherwise.
	Trimmed(after vaiven.ID) vaiven.ID
}

// Posts takes messages of boards whose network lets no WebSocket through, under
// the rules that hold for all boards.
type Posts interface {
	// Post takes one message; it returns once all that was taken of it is
	// committed. The error is a *vaiven.Error when nothing was.
	Post(ctx context.Context, r *http.Request, message []byte, binary bool) (Posted, error)
	// Desired returns the device's desired state as it is sent to boards, once
	// its REV differs from rev; nil when ctx ended before that. The error is a
	// *vaiven.Error, or says why it cannot be told now (409).
	Desired(ctx context.Context, r *http.Request, d vaiven.Device, rev uint64) ([]byte, error)
}

// Posted is what became of a board's message.
type Posted struct {
	Committed, Refused int
	Messages           [][]byte // each a JSON object, for the board
}

// CSVFiles are the CSV files that the server keeps, and nothing else that lies beside
// them.
type CSVFiles interface {
	// List returns at most limit files behind the one called after ("": from the first
	// on): those that grow, then the others, newest first. The error is fs.ErrNotExist
	// when there is no file after.
	List(after string, limit int) (files []vaiven.CSVFile, more bool, err error)
	// Open opens the file of that name for reading, "" the one with the readings that is
	// being written; whoever asked closes it. The error is fs.ErrNotExist when List has no
	// such file.
	Open(name string) (*os.File, vaiven.CSVFile, error)
}

// absent is what New puts in the place of what it was not given.
type absent struct{}

func (absent) Each(func(*vaiven.DeviceInfo) bool)                  {}
func (absent) Device(vaiven.Device) (d vaiven.DeviceInfo, ok bool) { return d, false }
func (absent) Summary(vaiven.Device) (s vaiven.Summary, ok bool)   { return s, false }
func (absent) State(vaiven.Device) (s vaiven.DeviceState, ok bool) { return s, false }
func (absent) Bounds() (first, last vaiven.ID)                     { return first, last }
func (absent) Disorder() time.Duration                             { return event.Disorder }
func (absent) Trimmed(vaiven.ID) (first vaiven.ID)                 { return first }
func (absent) Forget(context.Context, vaiven.Device) error         { return errNotOffered }

func (absent) Describe(context.Context, vaiven.Device, string, string, []string) error {
	return errNotOffered
}

func (absent) AskMany(_ context.Context, requests []vaiven.ChangeRequest) []vaiven.ChangeResult {
	out := make([]vaiven.ChangeResult, len(requests))
	for i := range out {
		out[i].Err = errNotOffered
	}
	return out
}

func (absent) Wait(context.Context, vaiven.Device, vaiven.Key) (vaiven.ChangeEnd, error) {
	return vaiven.ChangeEnd{}, errNotOffered
}

func (absent) History(context.Context, vaiven.ID, func(vaiven.Entry) error) error { return nil }

func (absent) List(string, int) ([]vaiven.CSVFile, bool, error) { return nil, false, errNotOffered }

func (absent) Open(string) (f *os.File, c vaiven.CSVFile, err error) { return nil, c, errNotOffered }

func (absent) Post(context.Context, *http.Request, []byte, bool) (Posted, error) {
	return Posted{}, errNotOffered
}

func (absent) Desired(context.Context, *http.Request, vaiven.Device, uint64) ([]byte, error) {
	return nil, errNotOffered
}
