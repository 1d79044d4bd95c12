package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"vaiven"
)

// request is what a follower asked for.
type request struct {
	filter Filter
	after  vaiven.ID
	now    bool // no id was given
	wait   time.Duration
	limit  int
}

// Bounds of long polling.
const (
	defaultWait  = 30 * time.Second
	maxWait      = time.Minute
	defaultLimit = 500
	maxLimit     = 5000
)

// parse reads a follower's request. The header Last-Event-ID, which browsers
// send when a stream broke off, counts more than the address that began it.
func (f *Feed) parse(r *http.Request, t Transport) (q request, err error) {
	l := f.o.Lang
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, errors.New(l.Say("the part behind ? of the address is not right", "la parte detrás de ? de la dirección no está bien"))
	}
	if q.filter, err = ParseFilter(form, l); err != nil {
		return q, err
	}
	after := form.Get("after")
	if last := r.Header.Get("Last-Event-ID"); t == SSE && last != "" {
		after = last
	}
	if q.after, q.now, err = parseAfter(after, l); err != nil {
		return q, err
	}
	if q.wait, err = parseWait(form.Get("wait"), l); err != nil {
		return q, err
	}
	q.limit, err = parseLimit(form.Get("limit"), l)
	return q, err
}

func parseAfter(s string, l vaiven.Lang) (id vaiven.ID, now bool, err error) {
	switch s {
	case "":
		return id, true, nil
	case "0", "begin":
		return id, false, nil
	}
	if id, err = vaiven.ParseID(s); err != nil {
		err = fmt.Errorf(l.Say("after %q: want the id of an event, as 12.0, or 0, or begin", "after %q: se espera el id de un evento, como 12.0, o 0, o begin"), vaiven.Shorten(s))
	}
	return id, false, err
}

// parseWait reads a duration; a bare number is seconds.
func parseWait(s string, l vaiven.Lang) (time.Duration, error) {
	if s == "" {
		return defaultWait, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s + "s")
	}
	if err != nil || d < 0 {
		return 0, fmt.Errorf(l.Say("wait %q: want a time as 30s", "wait %q: se espera un tiempo como 30s"), vaiven.Shorten(s))
	}
	return min(d, maxWait), nil
}

func parseLimit(s string, l vaiven.Lang) (int, error) {
	if s == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf(l.Say("limit %q: want a number from 1 to %d", "limit %q: se espera un número de 1 a %d"), vaiven.Shorten(s), maxLimit)
	}
	return min(n, maxLimit), nil
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
