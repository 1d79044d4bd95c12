// Package web owns vaiven's HTTP side: which path is for boards and which for
// people, health and metrics, and the small API that the CLI uses on a running
// server.
//
// It does not own WebSockets of boards (internal/gateway) nor any state: it
// asks the parts that it was given. Its handlers may be called concurrently; a
// slow client holds its own request only, for 30 seconds at most; the time that
// a request's headers take is up to the server that carries the handler.
package web

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"vaiven"
)

// Sessions starts a device's session again.
type Sessions interface {
	NewSession(ctx context.Context, d vaiven.Device) error
}

// Options configure New. Boards, Ready and Sessions are required.
type Options struct {
	Boards   http.Handler        // upgrades a board's request
	Ready    func() []string     // why the server is not ready, nothing when it is
	Sessions Sessions            // for POST /api/v1/devices/{id}/sessions
	Metrics  prometheus.Gatherer // nil: the default registry
	Lang     vaiven.Lang
	Version  string
	Page     func() Page // facts of the page that a person sees at /

	// WrongPath is told of a board that asked for a path where no board is
	// served; it must be quick. May be nil.
	WrongPath func(remote, path string)
}

// New returns the handler of everything that vaiven serves.
func New(o Options) http.Handler {
	if o.Metrics == nil {
		o.Metrics = prometheus.DefaultGatherer
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", o.root)
	mux.Handle("/ws", o.Boards)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", o.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	api := http.NewServeMux()
	api.HandleFunc("POST /api/v1/devices/{id}/sessions", o.newSession)
	mux.Handle("/api/v1/", http.NewCrossOriginProtection().Handler(localOnly(api)))
	mux.HandleFunc("/", o.notFound)
	return inTime(mux)
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

// root is where boards connect and people look: the Upgrade header tells them
// apart.
func (o Options) root(w http.ResponseWriter, r *http.Request) {
	if upgrades(r) {
		o.Boards.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	o.page(w)
}

// notFound tells a board whose sketch has a wrong path which one is right.
func (o Options) notFound(w http.ResponseWriter, r *http.Request) {
	text := o.Lang.Say("not found", "no existe")
	if upgrades(r) {
		text = o.Lang.Say(
			`boards connect to "/" or "/ws": write webSocket.begin(host, port, "/")`,
			`las placas se conectan a "/" o "/ws": escribe webSocket.begin(host, puerto, "/")`)
		if o.WrongPath != nil {
			o.WrongPath(r.RemoteAddr, vaiven.Shorten(r.URL.Path))
		}
	}
	http.Error(w, text, http.StatusNotFound)
}

func upgrades(r *http.Request) bool {
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

// localOnly lets requests of this machine through: until the API knows who is
// asking, a session is started again only by whoever may use the server's own
// shell. A request that came through a proxy is not of this machine; nor is one
// of a page in this machine's browser whose name was made to point here, which
// its Host gives away.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !peer.Addr().Unmap().IsLoopback() || proxied(r) || !localName(r.Host) {
			problem(w, http.StatusForbidden, "only from the server's own machine")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// proxied reports whether a proxy says that it handed the request on.
func proxied(r *http.Request) bool {
	for _, h := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via"} {
		if len(r.Header.Values(h)) > 0 {
			return true
		}
	}
	return false
}

// localName reports whether a Host names this machine from within: localhost, or
// an address of the loopback.
func localName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback() || strings.EqualFold(host, "localhost")
}

// sessionWait bounds how long a request waits for the log.
const sessionWait = 5 * time.Second

func (o Options) newSession(w http.ResponseWriter, r *http.Request) {
	device, err := vaiven.ParseDevice(r.PathValue("id"))
	if err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), sessionWait)
	defer cancel()
	if err := o.Sessions.NewSession(ctx, device); err != nil {
		var refused *vaiven.Error
		code := http.StatusConflict
		if errors.As(err, &refused) {
			code = http.StatusServiceUnavailable
		}
		problem(w, code, err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Problem is an error of the API as RFC 9457 has it.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

func problem(w http.ResponseWriter, code int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(Problem{Title: http.StatusText(code), Status: code, Detail: detail})
}
