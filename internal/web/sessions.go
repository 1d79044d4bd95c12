package web

import (
	"context"
	"errors"
	"net/http"

	"vaiven"
	"vaiven/internal/web/api"
)

func (s *server) sessionOperations() {
	register(s, operation{
		method: http.MethodGet, path: "/sessions", id: "listSessions", needs: readsSome, busy: busyTable, tag: "sessions",
		summary:  "The last session of every device that has one, with its summary",
		examples: []example{{name: "list-sessions.json", title: "All sessions", path: "/sessions"}},
	}, s.listSessions)
	register(s, operation{
		method: http.MethodGet, path: "/devices/{id}/sessions", id: "getSessions", needs: readsDevice, tag: "sessions", refusals: []int{400, 404},
		summary:  "A device's last session, with its summary",
		examples: []example{{name: "get-sessions.json", title: "A lab's session that is over", path: "/devices/101/sessions"}},
	}, s.getSessions)
	register(s, operation{
		method: http.MethodPost, path: "/devices/{id}/sessions", id: "newSession", needs: administersDevice, busy: busyLog, tag: "sessions", success: 204, refusals: []int{400, 409},
		summary:  "Let a board that has finished start again",
		about:    "A new session begins with its next connection.",
		examples: []example{{name: "new-session", title: "Another ten readings", path: "/devices/101/sessions", status: 204}},
	}, s.newSession)
}

type listSessions struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Sessions on a page"`
	Cursor string `query:"cursor" maxLength:"1000" doc:"next of the page before"`
}

func (s *server) listSessions(ctx context.Context, in *listSessions) (*body[api.Sessions], error) {
	q := selection{ended: true, sort: "id", limit: in.Limit, now: s.now()}
	var err error
	if in.Cursor != "" {
		if q.after, err = parseCursor(in.Cursor, q.sort); err != nil {
			return nil, s.badCursor()
		}
	}
	ids, total, next := q.page(func(yield func(*vaiven.DeviceInfo) bool) { err = s.scan(ctx, yield) })
	if err != nil {
		return nil, s.tableFailed(err)
	}
	out := api.Sessions{Sessions: make([]api.Session, 0, len(ids)), Total: total, Next: next}
	for _, id := range ids {
		if d, ok := s.o.Devices.Device(id); ok {
			out.Sessions = s.appendSession(out.Sessions, &d)
		}
	}
	return &body[api.Sessions]{out}, nil
}

func (s *server) getSessions(_ context.Context, in *struct{ DeviceID }) (*body[api.Sessions], error) {
	d, err := s.findDevice(in.ID)
	if err != nil {
		return nil, err
	}
	list := s.appendSession([]api.Session{}, d)
	return &body[api.Sessions]{api.Sessions{Sessions: list, Total: len(list)}}, nil
}

func (s *server) appendSession(list []api.Session, d *vaiven.DeviceInfo) []api.Session {
	if d.Session == nil {
		return list
	}
	if sum, ok := s.o.Devices.Summary(d.ID); ok {
		return append(list, sessionOf(d.Session, &sum))
	}
	return append(list, sessionOf(d.Session, nil))
}

func (s *server) newSession(ctx context.Context, in *struct{ DeviceID }) (*noBody, error) {
	d, err := s.parseDevice(in.ID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err = s.o.Sessions.NewSession(ctx, d)
	var refused *vaiven.Error
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &refused), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil, s.fail(err)
	}
	return nil, api.NewProblem(http.StatusConflict, codeNoSessions, s.o.Lang.Say("sessions have no limit here: nothing to start again", "aquí las sesiones no tienen límite: no hay nada que empezar de nuevo"),
		s.o.Lang.Say("start the server with --readings or --for, or as lab or workshop", "inicia el servidor con --readings o --for, o como lab o taller"))
}

// sessionOf writes a session as the API does.
func sessionOf(v *vaiven.Session, sum *vaiven.Summary) api.Session {
	out := api.Session{
		Device: v.Device, Start: moment(v.Start), Ended: v.Ended, Reason: string(v.Reason), Readings: v.Readings,
		Deadline: moment(v.Deadline), IntervalMS: v.Interval, Count: v.Count,
	}
	if sum == nil {
		return out
	}
	out.End = moment(sum.End)
	out.Summary = &api.Summary{
		First: moment(sum.First), Last: moment(sum.Last), Measurements: []api.Measurement{},
		Intervals: sum.Intervals, IntervalMeanMS: sum.IntervalMean, IntervalP95MS: sum.IntervalP95,
		Refusals: sum.Refusals, Gaps: sum.Gaps, Lost: sum.Lost,
	}
	for _, m := range sum.Measurements {
		out.Summary.Measurements = append(out.Summary.Measurements, api.Measurement{Name: m.Name, N: m.N, Min: m.Min, Max: m.Max, Mean: m.Mean, Deviation: m.Deviation})
	}
	for _, c := range sum.Rejected {
		out.Summary.Rejected = append(out.Summary.Rejected, api.CodeCount(c))
	}
	return out
}
