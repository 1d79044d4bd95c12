package console

import (
	"slices"

	"vaiven"
)

// life is what events say of one device's presence and of its states, so that a
// screen can tell what a toggle asks for and whether a change waits. Its size is
// bounded.
type life struct {
	title string // as Described has it, clean

	seen       bool // its presence is known
	connected  bool
	silent     bool  // connected, but no reading comes
	since      int64 // when it came, went or was last heard (silent), Unix ms; 0: unknown
	came       int64 // when it connected, Unix ms; 0: unknown
	sleepUntil int64 // Unix ms, 0: not asleep
	remote     string
	last       int64 // reception of the last reading, Unix ms; 0: none yet

	vaiven.DeviceState
	speaks bool       // it has said HELLO, BOOT or REV: it can confirm, even if it never did
	names  []string   // states that it declared
	ends   []stateEnd // how the last change of a state ended
}

// stateEnd is how the last change of one state ended.
type stateEnd struct {
	vaiven.Value
	outcome vaiven.Outcome
	at      int64 // Unix ms
	took    int64 // ms
}

// newLife is the life of a device of which nothing was read yet; whole means that
// there is nothing else to know.
func newLife(d vaiven.Device, whole bool) life {
	return life{seen: whole && d != "", DeviceState: vaiven.DeviceState{ID: d, Partial: !whole}}
}

// apply takes over one event of the device.
func (lf *life) apply(ev vaiven.Event) {
	lf.Apply(ev)
	lf.speaks = lf.speaks || lf.Reports
	switch e := ev.(type) {
	case *vaiven.Reading:
		lf.last, lf.sleepUntil = e.At, 0
		lf.speaks = lf.speaks || e.Boot != ""
	case *vaiven.Hello:
		lf.hello(e)
	case *vaiven.Presence:
		lf.presence(e)
	case *vaiven.ChangeEnd:
		if e.Outcome != vaiven.Overtaken {
			lf.remember(e)
		}
	case *vaiven.Described:
		lf.title = clean(e.Name, maxRosterName)
	}
}

func (lf *life) hello(e *vaiven.Hello) {
	lf.speaks = true
	for _, n := range e.Names {
		if len(lf.names) < vaiven.MaxValues && !slices.Contains(lf.names, n) {
			lf.names = append(lf.names, n)
		}
	}
}

// replaced reports whether e is about a connection that another one has replaced:
// the board moved to another gateway of the cluster before the one that it left
// said so.
func (lf *life) replaced(e *vaiven.Presence) bool {
	came := e.Connected && !e.Silent
	return !came && lf.connected && e.Remote != "" && lf.remote != "" && clean(e.Remote, maxRemote) != lf.remote
}

func (lf *life) presence(e *vaiven.Presence) {
	lf.seen = true
	if lf.replaced(e) {
		return
	}
	switch {
	case e.Connected && e.Silent:
		lf.since = e.At
		if lf.last > 0 {
			lf.since = lf.last
		}
	case e.Connected && lf.connected && lf.silent: // it is still the same connection
		lf.since = lf.came
	case e.Connected:
		lf.since, lf.came = e.At, e.At
	case lf.connected || lf.since == 0 || e.Sleep > 0:
		lf.since = e.At
	}
	lf.connected, lf.silent, lf.sleepUntil = e.Connected, e.Connected && e.Silent, 0
	if e.Remote != "" {
		lf.remote = clean(e.Remote, maxRemote)
	}
	if !e.Connected && e.Sleep > 0 {
		lf.sleepUntil = e.At + e.Sleep
	}
}

func named(values []vaiven.Value, name string) bool {
	_, ok := vaiven.Find(values, name)
	return ok
}

func (lf *life) remember(e *vaiven.ChangeEnd) {
	for _, v := range e.States {
		if e.Outcome == vaiven.Refused && lf.Owner(v.Name) != nil {
			continue // what was refused never took the place of the open change
		}
		end := stateEnd{Value: v, outcome: e.Outcome, at: e.At, took: e.Took()}
		if i := slices.IndexFunc(lf.ends, func(s stateEnd) bool { return s.Name == v.Name }); i >= 0 {
			lf.ends[i] = end
		} else if len(lf.ends) < vaiven.MaxValues {
			lf.ends = append(lf.ends, end)
		}
	}
}

// stateNames are the states that the device may be asked for, as they are shown.
func (lf *life) stateNames(own []string) []string {
	names := lf.Askable(own, lf.names)
	slices.SortFunc(names, compareStates)
	return names
}

// compareStates orders states: LED, then by name.
func compareStates(a, b string) int {
	if (a == "LED") != (b == "LED") {
		return compareBool(a != "LED", b != "LED")
	}
	return compareNames(a, b)
}

// merge takes over the new values, into a slice of its own.
func merge(have, fresh []vaiven.Value) []vaiven.Value {
	return mergeUpTo(have, fresh, vaiven.MaxValues)
}

func mergeUpTo(have, fresh []vaiven.Value, limit int) []vaiven.Value {
next:
	for _, v := range fresh {
		for i := range have {
			if have[i].Name == v.Name {
				have[i].Num = v.Num
				continue next
			}
		}
		if len(have) < limit {
			have = append(have, v)
		}
	}
	return have
}
