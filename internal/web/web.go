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
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"vaiven"
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
	Sessions Sessions            // for POST /api/v1/devices/{id}/sessions
	Metrics  prometheus.Gatherer // nil: the default registry
	Lang     vaiven.Lang
	Version  string
	Page     func() Page // facts of the page that a person sees at /

	Devices Devices
	Names   Names
	Twins   Twins
	Events  Events
	Posts   Posts
	CSV     CSV
	// Server returns what is known of the server; what follows from the other
	// options is filled in.
	Server func() api.Server
	// Live serves what is under /api/v1/live/, behind the API's access rules. It
	// sets its deadlines itself.
	Live http.Handler

	States     []string                   // state names that the server knows by itself
	Token      string                     // lets requests from elsewhere through; "": nothing does
	Explain    func(*vaiven.Error) string // the domain's refusals in words; by default for logs
	MaxMessage int                        // bytes of a board's message; 64 KiB
	Logger     *slog.Logger
	Now        func() time.Time // time.Now by default

	// Refused is told of a request that was meant as a board's and was refused;
	// it must be quick. May be nil.
	Refused func(r *http.Request, e *vaiven.Error)
}

// New returns the handler of everything that vaiven serves.
func New(o Options) http.Handler {
	o.fill()
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", o.root)
	mux.Handle("/ws", o.Boards)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", o.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	access := newAccess(o.Token, o.Lang)
	mux.Handle(prefix+"/", access.guard(newServer(o)))
	mux.HandleFunc("/", o.notFound)
	all := inTime(mux)
	if o.Live == nil {
		return o.boards(all)
	}
	live := http.NewServeMux()
	live.Handle(prefix+"/live/", access.guard(o.Live))
	live.Handle("/", all)
	return o.boards(live)
}

// boards serves every request that wants a WebSocket for a board. The mux would
// answer a path that it can clean with a redirect, which no board follows.
func (o Options) boards(people http.Handler) http.Handler {
	boards, wrong := inTime(o.Boards), inTime(http.HandlerFunc(o.notFound))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := path.Clean("/" + r.URL.Path)
		if strings.HasSuffix(r.URL.Path, "/") && p != "/" {
			p += "/"
		}
		switch {
		case strings.HasPrefix(r.URL.Path, "/socket.io/"), upgrades(r) && p != "/" && p != "/ws" && (p != r.URL.Path || !strings.HasPrefix(p, prefix+"/")):
			wrong.ServeHTTP(w, r)
		case upgrades(r) && (p == "/" || p == "/ws"):
			boards.ServeHTTP(w, r)
		default:
			people.ServeHTTP(w, r)
		}
	})
}

// fill puts something harmless in the place of what was not given.
func (o *Options) fill() {
	none := nothing{}
	def(&o.Metrics, prometheus.DefaultGatherer)
	def[Devices](&o.Devices, none)
	def[Names](&o.Names, none)
	def[Twins](&o.Twins, none)
	def[Events](&o.Events, none)
	def[Posts](&o.Posts, none)
	if o.Server == nil {
		o.Server = func() api.Server { return api.Server{} }
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

// def sets what is nil.
func def[T comparable](p *T, v T) {
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

// inTime sets the deadlines of requests: a body that trickles, or an answer that
// nobody reads, would otherwise hold a connection for ever.
func inTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now, c := time.Now(), http.NewResponseController(w)
		_ = c.SetReadDeadline(now.Add(bodyTimeout)) // a connection without deadlines is a test's
		_ = c.SetWriteDeadline(now.Add(answerTimeout))
		next.ServeHTTP(w, r)
	})
}

// root is where people look; boards do not come here.
func (o Options) root(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		o.refused(r, &vaiven.Error{Code: vaiven.CodeBadHandshake, Reason: vaiven.FaultMethod, Got: vaiven.Shorten(r.Method), At: -1})
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, o.Lang.Say("method not allowed", "ese método no se admite"), http.StatusMethodNotAllowed)
		return
	}
	o.page(w)
}

// notFound tells a board whose sketch has a wrong path which one is right.
func (o Options) notFound(w http.ResponseWriter, r *http.Request) {
	text := o.Lang.Say("not found", "no existe")
	socketIO := strings.HasPrefix(r.URL.Path, "/socket.io/")
	if socketIO || upgrades(r) {
		text = o.Lang.Say(
			`boards connect to "/" or "/ws": write webSocket.begin(host, port, "/")`,
			`las placas se conectan a "/" o "/ws": escribe webSocket.begin(host, puerto, "/")`)
		e := &vaiven.Error{Code: vaiven.CodeWrongPath, Got: vaiven.Shorten(r.URL.Path), At: -1}
		if socketIO {
			e.Reason = vaiven.FaultSocketIO
		}
		o.refused(r, e)
	}
	http.Error(w, text, http.StatusNotFound)
}

func (o Options) refused(r *http.Request, e *vaiven.Error) {
	if o.Refused != nil {
		o.Refused(r, e)
	}
}

// upgrades reports whether a request is meant to open a WebSocket; a proxy may
// have eaten its Upgrade, but not its key.
func upgrades(r *http.Request) bool {
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

func (o Options) ready(w http.ResponseWriter, _ *http.Request) {
	if why := o.Ready(); len(why) > 0 {
		plain(w, http.StatusServiceUnavailable, strings.Join(why, "\n"))
		return
	}
	plain(w, http.StatusOK, "ok")
}

func plain(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text + "\n"))
}
