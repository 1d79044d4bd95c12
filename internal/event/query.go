package event

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vaiven"
)

// Filter says which events are wanted. The zero value passes all.
type Filter struct {
	View
	Devices map[vaiven.Device]bool // none: all, and events of no device too
	Kinds   vaiven.Kinds           // none: all
}

// Passes reports whether an event of the kind k about d is wanted, and may be seen.
func (f *Filter) Passes(k vaiven.Kinds, d vaiven.Device) bool {
	return (f.Kinds == 0 || f.Kinds&k != 0) && (len(f.Devices) == 0 || f.Devices[d]) && f.Shows(k, d)
}

// Query is which events a request asks for, of what has happened and of the live
// feeds alike.
type Query struct {
	Filter
	After        vaiven.ID // only events behind it; with FromNow not given
	FromNow      bool
	Before       vaiven.ID     // only events in front of it; zero: no bound
	Since, Until int64         // only events received then, Unix ms UTC, both included; 0: no bound
	Limit        int           // events in an answer; 0: not given
	Descending   bool          // the newest first
	Wait         time.Duration // for an event; below 0: not given
}

// Bounds of a Query.
const (
	MaxLimit   = 5000
	MaxWait    = time.Minute
	maxDevices = 1000
)

// Parameters of a Query, by their names in a request.
const (
	ParamAfter  = "after"
	ParamBefore = "before"
	ParamSince  = "since"
	ParamUntil  = "until"
	ParamLimit  = "limit"
	ParamWait   = "wait"
	ParamDevice = "device"
	ParamKind   = "kind"
	ParamOrder  = "order"
)

// QueryError says which parameter is wrong, and what it should have been, in the
// reader's language.
type QueryError struct{ Parameter, Want string }

func (e *QueryError) Error() string { return e.Parameter + ": " + e.Want }

// ParseQuery reads what stands behind the ? of a request's address, where the
// parameters called accepted have a meaning. device and kind are lists with commas,
// and repeatable. resume, "" for none, counts more than after. The error is a
// *QueryError; of several that are wrong it names the first by the alphabet.
func ParseQuery(raw, resume string, accepted []string, l vaiven.Lang) (Query, error) {
	q := Query{FromNow: true, Wait: -1}
	form, err := url.ParseQuery(raw)
	if err != nil {
		return q, &QueryError{"?", l.Say("the part behind ? of the address is not right", "la parte detrás de ? de la dirección no está bien")}
	}
	if resume != "" {
		form.Set(ParamAfter, resume)
	}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		values := form[name]
		if !slices.Contains(accepted, name) {
			return q, &QueryError{vaiven.Shorten(name), l.Say("there is no such thing; there are: ", "no hay tal cosa; hay: ") + strings.Join(accepted, ", ")}
		}
		if len(values) == 1 && values[0] == "" {
			continue // an empty field of a form
		}
		if want := q.parse(name, values, l); want != "" {
			return q, &QueryError{name, want}
		}
	}
	return q, nil
}

// parse takes over one parameter, or says what it should have been.
func (q *Query) parse(name string, values []string, l vaiven.Lang) (want string) {
	var err error
	value := values[0]
	switch name {
	case ParamDevice:
		return q.parseDevices(values, l)
	case ParamKind:
		return q.parseKinds(values, l)
	case ParamAfter:
		if q.FromNow = false; value == "0" || value == "begin" {
			return ""
		}
		if q.After, err = vaiven.ParseID(value); err != nil {
			return l.Say("want the id of an event, as 12.0, or 0, or begin", "se espera el id de un evento, como 12.0, o 0, o begin")
		}
	case ParamBefore:
		if q.Before, err = vaiven.ParseID(value); err != nil {
			return l.Say("want the id of an event, as 12.0", "se espera el id de un evento, como 12.0")
		}
	case ParamOrder:
		if q.Descending = value == "desc"; value != "asc" && value != "desc" {
			return l.Say("want one of asc, desc", "se espera uno de asc, desc")
		}
	case ParamSince:
		q.Since, err = parseMoment(value)
	case ParamUntil:
		q.Until, err = parseMoment(value)
	case ParamLimit:
		if q.Limit, err = strconv.Atoi(value); err != nil || q.Limit < 1 || q.Limit > MaxLimit {
			return fmt.Sprintf(l.Say("want a number from 1 to %d", "se espera un número de 1 a %d"), MaxLimit)
		}
	case ParamWait:
		if q.Wait, err = parseWait(value); err != nil || q.Wait < 0 || q.Wait > MaxWait {
			return l.Say("want a time as 30s, 60s at most", "se espera un tiempo como 30s, 60s como mucho")
		}
	}
	if err != nil {
		return l.Say("want a time as 2026-11-22T14:03:00Z", "se espera un momento como 2026-11-22T14:03:00Z")
	}
	return ""
}

func (q *Query) parseDevices(values []string, l vaiven.Lang) (want string) {
	for name := range listed(values) {
		d, err := vaiven.ParseDevice(name)
		if err != nil {
			return fmt.Sprintf(l.Say("%q cannot be a device's id", "%q no puede ser el id de un dispositivo"), vaiven.Shorten(name))
		}
		if q.Devices == nil {
			q.Devices = make(map[vaiven.Device]bool)
		}
		if q.Devices[d] = true; len(q.Devices) > maxDevices {
			return fmt.Sprintf(l.Say("at most %d in one filter", "como mucho %d en un filtro"), maxDevices)
		}
	}
	return ""
}

func (q *Query) parseKinds(values []string, l vaiven.Lang) (want string) {
	for word := range listed(values) {
		kinds := vaiven.KindsNamed(word)
		if kinds == 0 {
			return l.Say("there are: ", "hay: ") + strings.Join(vaiven.KindNames(), ", ") + ", state, session, access"
		}
		q.Kinds |= kinds
	}
	return ""
}

// listed runs over what stands between the commas.
func listed(values []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range values {
			for name := range strings.SplitSeq(v, ",") {
				if name = strings.TrimSpace(name); name != "" && !yield(name) {
					return
				}
			}
		}
	}
}

// parseMoment reads a time as RFC 3339 has it; the beginning of 1970 is the first.
func parseMoment(s string) (ms int64, err error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	return max(t.UnixMilli(), 1), err
}

// parseWait reads a duration; a bare number is seconds.
func parseWait(s string) (time.Duration, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return d, nil
	}
	return time.ParseDuration(s + "s")
}
