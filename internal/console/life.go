package console

import (
	"slices"

	"vaiven"
)

// life is what events say of one device's presence and of its states: what it
// reported, what is wanted of it, and which changes have not ended. It follows
// the log by the same rules as the twin, so that a screen can tell what a
// toggle asks for and whether a change waits. Its size is bounded:
// vaiven.MaxValues reported states, vaiven.MaxStates wanted ones.
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

	boot    vaiven.Boot
	bootRev uint64         // the highest REV reported in that boot
	reports bool           // it said HELLO or reported a REV: it can confirm
	states  []vaiven.Value // as reported
	names   []string       // states that it declared

	rev     uint64 // of the last accepted change, as far as it is known
	desired []vaiven.Value
	open    []vaiven.Pending // each owns other states
	ends    []stateEnd       // how the last change of a state ended
}

// stateEnd is how the last change of one state ended.
type stateEnd struct {
	vaiven.Value
	outcome vaiven.Outcome
	at      int64 // Unix ms
	took    int64 // ms
}

// apply takes over one event of the device.
func (lf *life) apply(ev vaiven.Event) {
	switch e := ev.(type) {
	case *vaiven.Reading:
		lf.last, lf.sleepUntil = e.At, 0
		if e.Measured == 0 || e.Measured >= e.At { // a resent one is history
			lf.report(e.Boot, e.Rev, e.States)
		}
	case *vaiven.Report:
		lf.report(e.Boot, e.Rev, e.States)
	case *vaiven.Hello:
		lf.hello(e)
	case *vaiven.Presence:
		lf.presence(e)
	case *vaiven.Change:
		lf.change(e)
	case *vaiven.Sent:
		lf.rev = max(lf.rev, e.Rev)
		for i := range lf.open {
			if p := &lf.open[i]; p.Key == e.Key && p.Sent == 0 {
				p.Sent = e.At
			}
		}
	case *vaiven.ChangeEnd:
		lf.end(e)
	case *vaiven.Described:
		lf.title = clean(e.Name, maxRosterName)
	}
}

func (lf *life) hello(e *vaiven.Hello) {
	lf.reports = true
	lf.report(e.Boot, e.Rev, e.States)
	for _, n := range e.Names {
		if len(lf.names) < vaiven.MaxValues && !slices.Contains(lf.names, n) {
			lf.names = append(lf.names, n)
		}
	}
}

func (lf *life) report(boot vaiven.Boot, rev uint64, states []vaiven.Value) {
	if boot != "" && boot != lf.boot {
		lf.boot, lf.bootRev = boot, 0
	}
	if rev > 0 {
		lf.reports = true
		if rev < lf.bootRev {
			return
		}
		lf.bootRev = rev
	}
	lf.states = merge(lf.states, states)
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

// asked is what a change asks for, toggles turned over: against the wanted
// value, else the reported one, else 0. Those of which nothing is known, since
// the log was not read from its beginning, are returned by name.
func (lf *life) asked(e *vaiven.Change) (values []vaiven.Value, unknown []string) {
	values = slices.Clone(e.States)
	for _, name := range e.Toggle {
		v, ok := vaiven.Find(lf.desired, name)
		if !ok {
			v, ok = vaiven.Find(lf.states, name)
		}
		if !ok && !lf.seen {
			unknown = append(unknown, name)
			continue
		}
		num := 1.0
		if v != 0 {
			num = 0
		}
		values = append(values, vaiven.Value{Name: name, Num: num})
	}
	return values, unknown
}

func (lf *life) change(e *vaiven.Change) {
	if e.HasIf && e.If != lf.rev {
		return // it will be refused
	}
	values, _ := lf.asked(e)
	if len(mergeUpTo(slices.Clone(lf.desired), values, vaiven.MaxStates+1)) > vaiven.MaxStates {
		return // likewise
	}
	lf.rev++
	lf.desired = mergeUpTo(lf.desired, values, vaiven.MaxStates)
	lf.open = slices.DeleteFunc(lf.open, func(p vaiven.Pending) bool { return share(p.States, values) })
	if len(lf.open) < vaiven.MaxStates {
		lf.open = append(lf.open, vaiven.Pending{Key: e.Key, Rev: lf.rev, States: values, By: e.By, Asked: e.At, Deadline: e.Deadline})
	}
}

func share(a, b []vaiven.Value) bool {
	return slices.ContainsFunc(a, func(v vaiven.Value) bool { return named(b, v.Name) })
}

func named(values []vaiven.Value, name string) bool {
	_, ok := vaiven.Find(values, name)
	return ok
}

func (lf *life) end(e *vaiven.ChangeEnd) {
	lf.rev = max(lf.rev, e.Rev)
	i := slices.IndexFunc(lf.open, func(p vaiven.Pending) bool { return p.Key == e.Key })
	withdrawn := e.Outcome != vaiven.Confirmed
	if i >= 0 {
		withdrawn = withdrawn || lf.open[i].Deadline > 0 // fulfilled, and never to be applied again
		lf.open = slices.Delete(lf.open, i, i+1)
	} else if e.Outcome == vaiven.Confirmed {
		lf.learned(e.States)
	}
	if i >= 0 && withdrawn {
		lf.desired = slices.DeleteFunc(lf.desired, func(v vaiven.Value) bool { return named(e.States, v.Name) })
	}
	if e.Outcome != vaiven.Overtaken {
		lf.remember(e)
	}
}

// learned takes over a wish whose beginning was not seen.
func (lf *life) learned(values []vaiven.Value) {
	for _, v := range values {
		if !slices.ContainsFunc(lf.open, func(p vaiven.Pending) bool { return named(p.States, v.Name) }) {
			lf.desired = mergeUpTo(lf.desired, []vaiven.Value{v}, vaiven.MaxStates)
		}
	}
}

func (lf *life) remember(e *vaiven.ChangeEnd) {
	for _, v := range e.States {
		if e.Outcome == vaiven.Refused && slices.ContainsFunc(lf.open, func(p vaiven.Pending) bool { return named(p.States, v.Name) }) {
			continue // what was refused never took the place of the open change
		}
		end := stateEnd{Value: v, outcome: e.Outcome, at: e.At, took: took(e)}
		if i := slices.IndexFunc(lf.ends, func(s stateEnd) bool { return s.Name == v.Name }); i >= 0 {
			lf.ends[i] = end
		} else if len(lf.ends) < vaiven.MaxValues {
			lf.ends = append(lf.ends, end)
		}
	}
}

// took is the time from asking to the end, in ms.
func took(e *vaiven.ChangeEnd) int64 {
	if e.Asked == 0 {
		return 0
	}
	return max(e.At-e.Asked, 0)
}

// stateNames are the states that can be asked of the device: the server's own,
// what it declared, reported, or was asked for before.
func (lf *life) stateNames(own []string) []string {
	names := append(slices.Clone(own), lf.names...)
	for _, values := range [][]vaiven.Value{lf.states, lf.desired} {
		for _, v := range values {
			names = append(names, v.Name)
		}
	}
	slices.SortFunc(names, compareStates)
	return slices.Compact(names)
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
