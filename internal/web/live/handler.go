package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/event"
	"vaiven/internal/web/api"
)

// Prefix is where the feeds are.
const Prefix = "/api/v1/live/"

// Handler serves the four transports under Prefix. It lifts the deadlines of
// the requests that it is handed, and sets its own.
func (f *Feed) Handler() http.Handler { return http.HandlerFunc(f.route) }

func (f *Feed) route(w http.ResponseWriter, r *http.Request) {
	t, ok := transportNamed(strings.TrimPrefix(r.URL.Path, Prefix))
	if !ok {
		problem(w, http.StatusNotFound, "not_found", f.o.Lang.Say("the live feeds are ws, sse, poll and ndjson", "los canales en vivo son ws, sse, poll y ndjson"))
		return
	}
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		problem(w, http.StatusMethodNotAllowed, "method_not_allowed", f.o.Lang.Say("a live feed is followed with GET", "un canal en vivo se sigue con GET"))
		return
	}
	q, err := f.parse(r, t)
	var wrong *event.QueryError
	if errors.As(err, &wrong) {
		api.WriteProblem(w, api.InvalidProblem(f.o.Lang, api.Field{Location: "query." + wrong.Parameter, Message: wrong.Want}))
		return
	}
	if ok, closed := f.join(t); !ok {
		f.refuse(w, closed)
		return
	}
	fo := &follower{feed: f, transport: t, Query: q, who: vaiven.PrincipalOf(r.Context()), checked: neverChecked}
	fo.View = event.ViewOf(fo.who)
	if !fo.serve(w, r) {
		f.leave(t)
	}
}

func transportNamed(name string) (Transport, bool) {
	for t := range transports {
		if t.String() == name {
			return t, true
		}
	}
	return 0, false
}

// serve serves a follower that was counted in. It returns false when the
// follower is over, and true when it goes on by itself and will leave by
// itself.
func (fo *follower) serve(w http.ResponseWriter, r *http.Request) bool {
	f := fo.feed
	c := http.NewResponseController(w)
	p := &deadlineWriter{to: c, timeout: f.o.WriteTimeout}
	p.liftDeadlines()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	stop := context.AfterFunc(f.ctx, func() {
		p.shorten()
		cancel(errShutdown)
	})
	defer p.finish()
	defer stop()
	if fo.FromNow {
		fo.cursor = f.Now()
	} else if fo.cursor = fo.After; !f.awaitReached(ctx, fo.After) {
		fo.refuseUnreached(ctx, w)
		return false
	}
	switch fo.transport {
	case WebSocket:
		return fo.webSocket(w, r)
	case Poll:
		fo.poll(ctx, w, p)
	case SSE:
		fo.stream(ctx, w, p, sse{})
	default:
		fo.stream(ctx, w, p, ndjson{})
	}
	return false
}

// lastTimeout bounds the question how far the log goes.
const lastTimeout = 2 * time.Second

// refuseUnreached answers a follower whose id this node has not reached. It is another
// log's if the log does not have it; while that is not known, it is not said.
func (fo *follower) refuseUnreached(ctx context.Context, w http.ResponseWriter) {
	f := fo.feed
	if ctx.Err() != nil {
		f.refuse(w, true)
		return
	}
	asked, cancel := context.WithTimeout(ctx, lastTimeout)
	defer cancel()
	if last, err := f.o.Last(asked); err != nil || fo.After.Record <= last {
		w.Header().Set("Retry-After", retryAfter)
		problem(w, http.StatusServiceUnavailable, string(vaiven.CodeBusy), fmt.Sprintf(f.o.Lang.Say(
			"this node has not read the log up to %s yet: come again later", "este nodo aún no ha leído el registro hasta %s: vuelve más tarde"), fo.After))
		return
	}
	problem(w, http.StatusGone, "other_log", fmt.Sprintf(f.o.Lang.Say(
		"the log has not reached %s: that id is another log's, or this one was restored; begin again without after, or with after=0",
		"el registro no ha llegado a %s: ese id es de otro registro, o este fue restaurado; empieza de nuevo sin after, o con after=0"), fo.After))
}

// retryAfter is when one who found no room should come again, in seconds.
const retryAfter = "5"

// refuse answers one for whom there is no room.
func (f *Feed) refuse(w http.ResponseWriter, closed bool) {
	f.counts.refused.Add(1)
	w.Header().Set("Retry-After", retryAfter)
	text := f.o.Lang.Say("too many followers: come again later", "demasiados seguidores: vuelve más tarde")
	if closed {
		text = f.o.Lang.Say("the server is shutting down", "el servidor se está apagando")
	}
	problem(w, http.StatusServiceUnavailable, string(vaiven.CodeBusy), text)
}

// problem answers with an error as RFC 9457 has it.
func problem(w http.ResponseWriter, status int, code, detail string) {
	api.WriteProblem(w, api.NewProblem(status, code, detail, ""))
}

// appendPosition appends the message that says how far a follower has come.
func appendPosition(b []byte, id vaiven.ID) []byte {
	return fmt.Appendf(b, `{"kind":"position","id":"%s"}`, id)
}

// appendTrimmed appends the message that says that events are missing before an id: the
// log does not have them any more.
func appendTrimmed(b []byte, first vaiven.ID) []byte {
	return fmt.Appendf(b, `{"kind":"trimmed","first":"%s"}`, first)
}

// appendBye appends the last message of a stream.
func appendBye(b []byte, why Reason, id vaiven.ID) []byte {
	return fmt.Appendf(b, `{"kind":"bye","reason":"%s","id":"%s"}`, why, id)
}

// Parameters are what a follower may say. limit and wait mean something to a long
// poll alone.
var Parameters = []string{event.ParamAfter, event.ParamDevice, event.ParamKind, event.ParamLimit, event.ParamWait}

// Defaults of long polling.
const (
	defaultWait  = 30 * time.Second
	defaultLimit = 500
)

// parse reads a follower's request. The header Last-Event-ID, which browsers
// send when a stream broke off, counts more than the address that began it.
func (f *Feed) parse(r *http.Request, t Transport) (event.Query, error) {
	resume := ""
	if t == SSE {
		resume = r.Header.Get("Last-Event-ID")
	}
	q, err := event.ParseQuery(r.URL.RawQuery, resume, Parameters, f.o.Lang)
	if q.Limit == 0 {
		q.Limit = defaultLimit
	}
	if q.Wait < 0 {
		q.Wait = defaultWait
	}
	return q, err
}

// reachedCheck is how often a follower that is ahead of this node looks whether
// the log has reached its id.
const reachedCheck = 20 * time.Millisecond

// awaitReached waits until the log has reached an id, Options.Grace at most, and
// reports whether it has.
func (f *Feed) awaitReached(ctx context.Context, id vaiven.ID) bool {
	if id.Record <= f.o.History.Position() {
		return true
	}
	limit := time.NewTimer(f.o.Grace)
	defer limit.Stop()
	check := time.NewTicker(reachedCheck)
	defer check.Stop()
	for {
		select {
		case <-check.C:
			if id.Record <= f.o.History.Position() {
				return true
			}
		case <-limit.C:
			return id.Record <= f.o.History.Position()
		case <-ctx.Done():
			return false
		}
	}
}
