package web

import (
	"context"
	"net/http"
	"slices"

	"vaiven"
	"vaiven/internal/web/api"
)

func (s *server) serverOperations() {
	register(s, operation{
		method: http.MethodGet, path: "/server", id: "getServer", tag: "server",
		summary:  "The server: version, log, limits, counts, whether it is ready",
		examples: []example{{name: "get-server.json", title: "A server with three devices", path: "/server"}},
	}, s.getServer)
}

func (s *server) getServer(_ context.Context, _ *struct{}) (*body[api.Server], error) {
	out := s.o.Server()
	out.Version, out.Now = s.o.Version, moment(s.now().UnixMilli())
	if !out.Started.IsZero() {
		out.Started = moment(out.Started.UnixMilli())
		out.UptimeMS = max(out.Now.Sub(out.Started).Milliseconds(), 0)
	}
	if first, last := s.o.Events.Bounds(); last != (vaiven.ID{}) {
		out.FirstEvent, out.LastEvent = first.String(), last.String()
	}
	out.Problems = append([]string{}, s.o.Ready()...)
	out.Ready = len(out.Problems) == 0
	out.Addresses = append([]string{}, out.Addresses...)
	out.States = append([]string{}, s.o.States...)
	slices.Sort(out.States)
	return &body[api.Server]{out}, nil
}
