// Package web owns vaiven's HTTP side: which path is for boards and which for
// people, health and metrics, and the small API that the CLI uses on a running
// server.
//
// It does not own WebSockets of boards (internal/gateway) nor any state: it
// asks the parts that it was given. Its handlers may be called concurrently; a
// slow client holds its own request only, and the server that carries the
// handler sets the deadlines.
package web

import (
	"context"
	"encoding/json"
	"errors"
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
	return mux
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
// shell. A request that came through a proxy is not of this machine.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !peer.Addr().Unmap().IsLoopback() || r.Header.Get("X-Forwarded-For") != "" {
			problem(w, http.StatusForbidden, "only from the server's own machine")
			return
		}
		next.ServeHTTP(w, r)
	})
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
