package gateway

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"vaiven"
)

// twins is a view of what is wanted of devices, as small as can be: it applies
// what the log committed, and says which device changed.
type twins struct {
	watch func(vaiven.Device)

	mu   sync.Mutex
	late bool           // what is committed is not applied yet
	kept []vaiven.Event // while late
	want map[vaiven.Device]*vaiven.Desired
}

func (t *twins) Desired(d vaiven.Device) (vaiven.Desired, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.want[d]
	if w == nil {
		return vaiven.Desired{}, false
	}
	out := *w
	out.States, out.Open = slices.Clone(w.States), slices.Clone(w.Open)
	for _, p := range w.Open {
		if p.Deadline != 0 && (out.Until == 0 || p.Deadline < out.Until) {
			out.Until = p.Deadline
		}
	}
	return out, true
}

func (t *twins) apply(events []vaiven.Event) {
	t.mu.Lock()
	if t.late {
		t.kept = append(t.kept, events...)
		t.mu.Unlock()
		return
	}
	var changed []vaiven.Device
	for _, e := range events {
		if t.one(e) {
			changed = append(changed, e.Of())
		}
	}
	t.mu.Unlock()
	for _, d := range changed {
		t.watch(d)
	}
}

// catchUp applies what came while the view was late.
func (t *twins) catchUp() {
	t.mu.Lock()
	kept := t.kept
	t.kept, t.late = nil, false
	t.mu.Unlock()
	t.apply(kept)
}

func (t *twins) one(e vaiven.Event) bool {
	w := t.want[e.Of()]
	if c, ok := e.(*vaiven.Change); ok && w == nil {
		w = &vaiven.Desired{Device: c.Device}
		t.want[c.Device] = w
	}
	if w == nil {
		return false
	}
	at := func(k vaiven.Key) int {
		return slices.IndexFunc(w.Open, func(p vaiven.Pending) bool { return p.Key == k })
	}
	switch e := e.(type) {
	case *vaiven.Change:
		t.change(w, e)
		return true
	case *vaiven.Sent:
		if i := at(e.Key); i >= 0 {
			w.Open[i].Sent = e.At
		}
	case *vaiven.ChangeEnd:
		i := at(e.Key)
		if i < 0 {
			return false
		}
		p := w.Open[i]
		w.Open = slices.Delete(w.Open, i, i+1)
		if e.Outcome != vaiven.Confirmed || p.Deadline != 0 {
			w.States = without(w.States, p.States)
		}
		return true
	}
	return false
}

func (t *twins) change(w *vaiven.Desired, e *vaiven.Change) {
	w.Rev++
	w.Open = slices.DeleteFunc(w.Open, func(p vaiven.Pending) bool {
		return slices.ContainsFunc(p.States, func(v vaiven.Value) bool { _, ok := vaiven.Find(e.States, v.Name); return ok })
	})
	w.States = append(without(w.States, e.States), e.States...)
	slices.SortFunc(w.States, func(a, b vaiven.Value) int { return strings.Compare(a.Name, b.Name) })
	w.Open = append(w.Open, vaiven.Pending{
		Key: e.Key, Rev: w.Rev, States: e.States, By: e.By, Asked: e.At, Deadline: e.Deadline,
	})
}

func without(states, names []vaiven.Value) []vaiven.Value {
	return slices.DeleteFunc(slices.Clone(states), func(v vaiven.Value) bool { _, ok := vaiven.Find(names, v.Name); return ok })
}

// withTwins gives the gateway a view of desired states, which r.twins is.
func withTwins(r **rig, edit ...func(*Options)) func(*Options) {
	return func(o *Options) {
		m := o.Log.(*memory)
		m.twins = &twins{
			want:  make(map[vaiven.Device]*vaiven.Desired),
			watch: func(d vaiven.Device) { (*r).g.Deliver(d) },
		}
		o.Twins = m.twins
		for _, f := range edit {
			f(o)
		}
	}
}

// startWithTwins is start for a gateway with a way back.
func startWithTwins(t *testing.T, edit ...func(*Options)) *rig {
	t.Helper()
	var r *rig
	r = start(t, Limit{}, withTwins(&r, edit...))
	return r
}

// ask queues a change, as whoever wants something of a board does.
func (r *rig) ask(d vaiven.Device, key int, states []vaiven.Value, edit ...func(*vaiven.Change)) vaiven.Key {
	r.t.Helper()
	c := &vaiven.Change{Stamp: r.g.o.Stamp(), Device: d, Key: vaiven.Key(fmt.Sprintf("%016x", key)), States: states, By: "test"}
	for _, f := range edit {
		f(c)
	}
	if err := r.m.Append(r.t.Context(), []vaiven.Event{c}, nil); err != nil {
		r.t.Fatal(err)
	}
	return c.Key
}

// ends returns how changes of the device ended, in the log's order.
func (r *rig) ends(d vaiven.Device) (all []string) {
	for _, e := range events[*vaiven.ChangeEnd](r.m) {
		if e.Device == d {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s", e.Outcome, e.Reason)))
		}
	}
	return all
}

func led(on float64) []vaiven.Value { return []vaiven.Value{{Name: "LED", Num: on}} }
