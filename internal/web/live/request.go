package live

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"vaiven"
	"vaiven/internal/event"
)

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
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return event.Query{}, &event.QueryError{Parameter: "?", Want: f.o.Lang.Say(
			"the part behind ? of the address is not right", "la parte detrás de ? de la dirección no está bien")}
	}
	if last := r.Header.Get("Last-Event-ID"); t == SSE && last != "" {
		form.Set(event.ParamAfter, last)
	}
	q, err := event.ParseQuery(form, Parameters, f.o.Lang)
	if q.Limit == 0 {
		q.Limit = defaultLimit
	}
	if q.Wait < 0 {
		q.Wait = defaultWait
	}
	return q, err
}

// lookAgain is how often a follower that is ahead of this node looks whether
// the log has reached its id.
const lookAgain = 20 * time.Millisecond

// reached waits until the log has reached an id, Options.Grace at most, and
// reports whether it has.
func (f *Feed) reached(ctx context.Context, id vaiven.ID) bool {
	if id.Record <= f.o.History.Position() {
		return true
	}
	limit := time.NewTimer(f.o.Grace)
	defer limit.Stop()
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	for {
		select {
		case <-look.C:
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
