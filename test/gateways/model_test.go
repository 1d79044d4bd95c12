//go:build suites && linux

package gateways

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// model follows the log of one device with rules of its own: what REV each
// change gets, what is wanted, and how a change may end.
type model struct {
	device  string
	rev     uint64
	changes map[string]*wish // by key
	given   []*wish          // by REV, from 1
	open    []*wish
	desired map[string]*wish // by state
	said    []event          // words of the board with states
	ended   map[string]int   // changes by outcome
	wrong   []error
}

// wish is a change.
type wish struct {
	event
	rev       uint64 // 0: refused
	values    values // toggles resolved; nil: from what the board said
	overtaken bool
	end       *event
}

// modelOf reads a log.
func modelOf(device string, log []event) *model {
	m := &model{device: device, changes: map[string]*wish{}, desired: map[string]*wish{}, ended: map[string]int{}}
	for i := range log {
		if log[i].Device == device {
			m.event(&log[i])
		}
	}
	for key, w := range m.changes {
		if w.end == nil {
			m.fault(w, "%s has no end", key)
		}
	}
	return m
}

func (m *model) fault(w *wish, format string, args ...any) {
	m.wrong = append(m.wrong, fmt.Errorf("%s, REV %d, %s: "+format, append([]any{m.device, w.rev, w.raw}, args...)...))
}

func (m *model) event(e *event) {
	w := m.changes[e.Key]
	switch e.Kind {
	case "hello", "report":
		m.said = append(m.said, *e)
		m.done(e)
	case "change":
		if w != nil {
			m.fault(w, "is in the log again: %s", e.raw)
			return
		}
		m.change(&wish{event: *e})
	case "sent":
		if w == nil || w.rev == 0 || w.rev != e.Rev {
			m.wrong = append(m.wrong, fmt.Errorf("%s: %s", m.device, e.raw))
		}
	case "change_end":
		if w == nil || w.end != nil {
			m.wrong = append(m.wrong, fmt.Errorf("%s: one end too many: %s", m.device, e.raw))
			return
		}
		m.end(w, e)
	}
}

// grace is how late a board's word of a change may come at least that was done
// in time.
const grace = time.Second

// done requires that no change is called expired that a board did in time.
func (m *model) done(said *event) {
	if said.Rev == 0 || said.Rev > uint64(len(m.given)) {
		return
	}
	w := m.given[said.Rev-1]
	if w.end != nil && w.end.Outcome == "expired" && covers(said.States, w.values) && said.At.Before(w.Deadline.Add(grace)) {
		m.fault(w, "ended too early, as %s: the board had done it: %s", w.end.raw, said.raw)
	}
}

func (m *model) change(w *wish) {
	m.changes[w.Key] = w
	if w.If != nil && *w.If != m.rev {
		return
	}
	m.rev++
	m.given = append(m.given, w)
	w.rev, w.values = m.rev, m.resolve(w)
	m.open = append(slices.DeleteFunc(m.open, func(old *wish) bool {
		old.overtaken = old.end == nil && old.shares(w)
		if old.overtaken && !old.Deadline.IsZero() {
			m.withdraw(old)
		}
		return old.overtaken || old.end != nil
	}), w)
	for _, name := range w.names() {
		m.desired[name] = w
	}
}

func (w *wish) names() []string {
	return append(slices.Collect(maps.Keys(w.States)), w.Toggle...)
}

func (w *wish) shares(other *wish) bool {
	return slices.ContainsFunc(w.names(), func(name string) bool { return slices.Contains(other.names(), name) })
}

// resolve turns over what is toggled, as far as something is wanted.
func (m *model) resolve(w *wish) values {
	v := maps.Clone(w.States)
	if v == nil {
		v = values{}
	}
	for _, name := range w.Toggle {
		was := m.desired[name]
		if was == nil || was.values == nil {
			return nil
		}
		v[name] = 0
		if was.values[name] == 0 {
			v[name] = 1
		}
	}
	return v
}

func (m *model) withdraw(w *wish) {
	maps.DeleteFunc(m.desired, func(_ string, by *wish) bool { return by == w })
}

// maxSaid is how far a confirmation may be behind the words that it is about.
const maxSaid = 1000

// end holds an end against what the change is, and the board's words before it.
func (m *model) end(w *wish, e *event) {
	w.end = e
	m.ended[e.Outcome]++
	if w.values == nil {
		w.values = e.States
	}
	if w.rev != 0 && (e.Rev != w.rev || !maps.Equal(e.States, w.values)) {
		m.fault(w, "wants %v, and ended as another: %s", w.values, e.raw)
	}
	ok := false
	switch e.Outcome {
	case "refused":
		ok = w.rev == 0 && e.Reason == "rev"
	case "overtaken":
		ok = w.overtaken
	case "expired":
		ok = w.rev != 0 && !w.Deadline.IsZero() && !e.At.Before(w.Deadline)
	case "confirmed":
		ok = w.rev != 0 && slices.ContainsFunc(m.said[max(0, len(m.said)-maxSaid):], func(s event) bool {
			return s.Rev >= w.rev && covers(s.States, w.values)
		})
	}
	if !ok {
		m.fault(w, "may not end so: %s", e.raw)
	}
	if e.Outcome == "expired" || !w.Deadline.IsZero() {
		m.withdraw(w)
	}
}

// wanted is what the device ought to be.
func (m *model) wanted() values {
	v := values{}
	for name, w := range m.desired {
		v[name] = w.values[name]
	}
	return v
}

// answered holds an answer of a gateway against the log. Of a change that ended
// long ago, with many others since, gateways tell no states any more.
func (m *model) answered(key string, c change) {
	w := m.changes[key]
	switch {
	case w == nil:
		m.wrong = append(m.wrong, fmt.Errorf("%s: %s was answered with %+v, and is not in the log", m.device, key, c))
	case (c.Phase == "refused") != (w.rev == 0), w.rev != 0 && (c.Rev != w.rev || len(c.States) > 0 && !maps.Equal(c.States, w.values)):
		m.fault(w, "is %v, and was answered with %s", w.values, c.raw)
	case c.Phase != "asked" && c.Phase != "sent" && w.end != nil && c.Phase != w.end.Outcome:
		m.fault(w, "ended %s, and was answered with %s", w.end.Outcome, c.raw)
	}
}
