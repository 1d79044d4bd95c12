package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"vaiven"
	"vaiven/internal/event"
	"vaiven/internal/export"
	"vaiven/internal/gateway"
	"vaiven/internal/limit"
	"vaiven/internal/views"
	"vaiven/internal/web"
	"vaiven/internal/web/api"
	"vaiven/wire"
)

// Deadlines of the HTTP side. A board's socket leaves net/http at its
// handshake, so none of these touches it afterwards.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 60 * time.Second
	maxHeader     = 16 << 10
)

// httpServer is net/http's server over all listeners, and the goroutines that accept
// on them.
type httpServer struct {
	*http.Server
	accepting sync.WaitGroup
}

// startHTTP lets boards and people in. fail is told when a listener fails.
func (s *Server) startHTTP(fail context.CancelCauseFunc) *httpServer {
	server := &httpServer{Server: &http.Server{
		Handler:           s.certs.Challenges(s.handler()),
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ConnContext: limit.NewContext, ConnState: noteState,
		ErrorLog: slog.NewLogLogger(s.o.Logger.Handler(), slog.LevelDebug),
	}}
	for _, l := range s.listeners {
		l.watch.refused = s.gateway.Refused
		accept := l.Listener
		if l.tls {
			accept = tls.NewListener(l, s.certs.TLS())
		}
		server.accepting.Go(func() {
			if err := server.Serve(accept); !errors.Is(err, http.ErrServerClosed) {
				fail(err)
			}
		})
	}
	return server
}

// handler is everything that is served over HTTP.
func (s *Server) handler() http.Handler {
	var curves web.Curves
	if s.history != nil { // or it would not be nil
		curves = s.history
	}
	var queries http.Handler
	if s.queries != nil {
		queries = s.queries
	}
	return web.New(web.Options{
		Boards: s.gateway, Ready: s.notReady, Strained: s.strained, Sessions: s.gateway, Metrics: s.metrics,
		Lang: s.o.Lang, Version: s.o.Version, Page: s.page, Refused: s.gateway.RefusedRequest,
		Explain: func(e *vaiven.Error) string { return wire.Explain(e, s.o.Lang) },
		Devices: s.registry, Names: names{s}, Twins: s.twin, Events: past{s}, Curves: curves, Prometheus: queries, Posts: posts{s.gateway},
		CSV: csvFiles{s}, Server: s.facts,
		Backup: s.Backup, Exports: exports{s.exporter}, Admin: s.admin(),
		Remote: func(r *http.Request) netip.Addr { return s.gateway.Remote(r).Addr() },
		Live:   s.feed.Handler(), States: s.o.states(), MaxMessage: s.o.MaxMessage, Logger: s.o.Logger,
		Access: s.access, CORS: s.o.CORS, Hosts: s.hosts, Secure: s.gateway.Secure, Authority: s.authorityPEM(),
	})
}

// hosts are the names that this server goes by, beside its addresses.
func (s *Server) hosts() []string {
	names := []string{"vaiven.local"}
	if host, err := os.Hostname(); err == nil && host != "" {
		short, _, _ := strings.Cut(host, ".")
		names = append(names, host, short, short+".local")
	}
	if s.o.Domain != "" {
		names = append(names, s.o.Domain)
	}
	return append(names, s.o.Hosts...)
}

// page is what a person sees at /.
func (s *Server) page() web.Page {
	addresses := s.Addresses()
	page := web.Page{Addresses: addresses.URLs(), Devices: int(s.registry.Counts().Devices), Readings: s.pump.Stats().Readings}
	if len(addresses.Plain) > 0 {
		host, port, _ := net.SplitHostPort(addresses.Plain[0])
		page.Sketch = s.o.Sketch(host, port)
	}
	return page
}

// facts are what the API says of this server.
func (s *Server) facts() api.Server {
	counts := s.registry.Counts()
	return api.Server{
		Log: s.log.ID(), Started: s.started, Synced: s.clock.Stamp().Synced, Addresses: s.Addresses().URLs(),
		Limits: api.Limits{
			MessageBytes: s.o.MaxMessage, Connections: s.o.MaxConnections, PerAddress: s.o.MaxPerAddress, Devices: s.o.MaxDevices,
			Readings: s.o.Readings, ForMS: s.o.For.Milliseconds(), IntervalMS: s.o.Interval.Milliseconds(),
		},
		Counts: api.Counts{
			Devices: counts.Devices, Connected: counts.Connected, Events: counts.Events, Readings: counts.Readings,
			Refusals: counts.Refusals, Gaps: counts.Gaps, Filled: counts.Filled, Rejected: counts.Rejected,
		},
	}
}

// names writes into the log what people say of devices.
type names struct{ *Server }

// Describe implements [web.Names].
func (n names) Describe(ctx context.Context, d vaiven.Device, name, note string, groups []string) error {
	return n.write(ctx, &vaiven.Described{Stamp: n.clock.Stamp(), Device: d, Name: name, Note: note, Groups: groups})
}

// Forget implements [web.Names].
func (n names) Forget(ctx context.Context, d vaiven.Device) error {
	return n.write(ctx, &vaiven.Forgotten{Stamp: n.clock.Stamp(), Device: d})
}

// written is the owner of an append that somebody waits for.
type written chan vaiven.ID

// write appends events, into one record where they fit in one, and returns when every
// view has applied them.
func (s *Server) write(ctx context.Context, events ...vaiven.Event) error {
	done := make(written, 1)
	if err := s.log.Append(ctx, events, done); err != nil {
		return err
	}
	select {
	case id := <-done:
		return s.pump.Wait(ctx, id.Record)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// committed hands what the log has made durable to whoever wrote it.
func (s *Server) committed(tickets []vaiven.Ticket) {
	for _, t := range tickets {
		if done, ok := t.Owner.(written); ok {
			done <- t.First // it has room
		}
	}
	s.gateway.Committed(tickets)
}

// past lends the log's past to the API and to the live feeds.
type past struct{ *Server }

// Bounds implements [web.Events].
func (h past) Bounds() (first, last vaiven.ID) {
	pos := h.Position()
	if pos == 0 {
		return first, last
	}
	return vaiven.ID{Record: views.First(h.log)}, vaiven.ID{Record: pos, Index: math.MaxUint32} // behind all events of it
}

// Trimmed implements [web.Events].
func (h past) Trimmed(after vaiven.ID) vaiven.ID { return h.log.Trimmed(after) }

// Disorder implements [web.Events].
func (h past) Disorder() time.Duration { return max(h.pump.Disorder(), event.Disorder) }

// History implements [web.Events].
func (h past) History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error {
	return h.pump.History(ctx, after, fn)
}

// Position implements [live.History].
func (h past) Position() uint64 {
	pos, _ := h.pump.Position()
	return pos
}

// exports lends the log's export to the API.
type exports struct{ *export.Exporter }

// Prepare implements [web.Exports].
func (x exports) Prepare(q url.Values, l vaiven.Lang) (web.Export, error) {
	e, err := x.Exporter.Prepare(q, l)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// posts lends the gateway to boards that come by HTTP.
type posts struct{ *gateway.Gateway }

// Post implements [web.Posts].
func (p posts) Post(ctx context.Context, r *http.Request, message []byte, binary bool) (web.Posted, error) {
	from, denied := p.Identify(r)
	if denied != nil {
		return web.Posted{}, denied
	}
	res, err := p.Gateway.Post(ctx, from, binary, message)
	out := web.Posted{Committed: res.Readings + res.Reports + res.Hellos, Refused: res.Refused, Messages: res.Messages}
	if err == nil && out.Committed+res.Repeats == 0 && res.Refusal != nil {
		err = res.Refusal
	}
	return out, err
}

// Desired implements [web.Posts].
func (p posts) Desired(ctx context.Context, r *http.Request, d vaiven.Device, rev uint64) ([]byte, error) {
	from, denied := p.Identify(r)
	if denied != nil {
		return nil, denied
	}
	return p.AwaitDesired(ctx, from, d, rev)
}
