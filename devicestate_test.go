package vaiven_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vaiven"
	"vaiven/internal/twin"
)

func at(ms int64) vaiven.Stamp { return vaiven.Stamp{At: ms, Synced: true} }

func key(n int) vaiven.Key { return vaiven.Key(fmt.Sprintf("%016x", n)) }

// values reads "LED", 1, "RELAY", 0.
func values(pairs ...any) []vaiven.Value {
	var out []vaiven.Value
	for i := 0; i < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		num, _ := pairs[i+1].(int)
		out = append(out, vaiven.Value{Name: name, Num: float64(num)})
	}
	return out
}

// Words for stories about device 101.
func set(ms int64, n int, pairs ...any) *vaiven.Change {
	return &vaiven.Change{Stamp: at(ms), Device: "101", Key: key(n), States: values(pairs...), By: "test"}
}

func toggle(ms int64, n int, names ...string) *vaiven.Change {
	return &vaiven.Change{Stamp: at(ms), Device: "101", Key: key(n), Toggle: names, By: "test"}
}

func until(e *vaiven.Change, deadline int64) *vaiven.Change {
	e.Deadline = deadline
	return e
}

func onlyIf(e *vaiven.Change, rev uint64) *vaiven.Change {
	e.HasIf, e.If = true, rev
	return e
}

func ends(ms int64, n int, o vaiven.Outcome) *vaiven.ChangeEnd {
	return &vaiven.ChangeEnd{Stamp: at(ms), Device: "101", Key: key(n), Outcome: o}
}

func reports(ms int64, rev uint64, pairs ...any) *vaiven.Report {
	return &vaiven.Report{Stamp: at(ms), Device: "101", Boot: "aaaaaaaa", Rev: rev, States: values(pairs...)}
}

// show is what matters of a device in one line: desired states and REV, open
// changes, what is owed, how changes ended.
func show(d *vaiven.DeviceState) string {
	var b strings.Builder
	fmt.Fprintf(&b, "rev %d", d.Rev)
	for _, w := range d.Wanted {
		fmt.Fprintf(&b, " %s=%v", w.Name, w.Num)
	}
	for _, c := range d.Open {
		fmt.Fprintf(&b, "; open %s", strings.TrimLeft(string(c.Key), "0"))
		if c.Matched != 0 {
			b.WriteString(" matched")
		}
	}
	for _, c := range d.Owed {
		fmt.Fprintf(&b, "; owed %s %s%s", strings.TrimLeft(string(c.Key), "0"), c.Outcome, c.Reason)
	}
	for _, l := range d.Recent {
		fmt.Fprintf(&b, "; %s %s", strings.TrimLeft(string(l.End.Key), "0"), l.End.Outcome)
	}
	return b.String()
}

func TestRules(t *testing.T) {
	many := make([]any, 0, 2*vaiven.MaxStates)
	for i := range vaiven.MaxStates {
		many = append(many, fmt.Sprintf("S%d", i), 1)
	}
	for name, tt := range map[string]struct {
		events []vaiven.Event
		want   string
	}{
		"a change is desired at once": {
			[]vaiven.Event{set(1, 1, "LED", 1)}, "rev 1 LED=1; open 1",
		},
		"confirmed stays desired": {
			[]vaiven.Event{set(1, 1, "LED", 1), ends(2, 1, vaiven.Confirmed)}, "rev 1 LED=1; 1 confirmed",
		},
		"confirmed with a deadline is fulfilled": {
			[]vaiven.Event{until(set(1, 1, "LED", 1), 9), ends(2, 1, vaiven.Confirmed)}, "rev 1; 1 confirmed",
		},
		"expired is withdrawn": {
			[]vaiven.Event{set(1, 1, "LED", 0, "RELAY", 1), ends(2, 1, vaiven.Confirmed), until(set(3, 2, "LED", 1), 9), ends(11, 2, vaiven.Expired)},
			"rev 2 RELAY=1; 1 confirmed; 2 expired",
		},
		"refused by the gateway is withdrawn": {
			[]vaiven.Event{until(set(1, 1, "LED", 1), 9), ends(2, 1, vaiven.Refused)}, "rev 1; 1 refused",
		},
		"a shared state overtakes the whole change": {
			[]vaiven.Event{set(1, 1, "LED", 1, "RELAY", 1), set(2, 2, "LED", 0)}, "rev 2 LED=0 RELAY=1; open 2; owed 1 overtaken",
		},
		"what is overtaken with a deadline is withdrawn": {
			[]vaiven.Event{until(set(1, 1, "LED", 1, "RELAY", 1), 9), set(2, 2, "LED", 0)}, "rev 2 LED=0; open 2; owed 1 overtaken",
		},
		"other states do not": {
			[]vaiven.Event{set(1, 1, "LED", 1), set(2, 2, "RELAY", 1)}, "rev 2 LED=1 RELAY=1; open 1; open 2",
		},
		"the first end counts, also of what was overtaken": {
			[]vaiven.Event{set(1, 1, "LED", 1), set(2, 2, "LED", 0), ends(3, 1, vaiven.Confirmed), ends(4, 1, vaiven.Overtaken)},
			"rev 2 LED=0; open 2; 1 confirmed",
		},
		"compare and set": {
			[]vaiven.Event{onlyIf(set(1, 1, "LED", 1), 0), onlyIf(set(2, 2, "LED", 0), 0), onlyIf(set(3, 3, "LED", 0), 1)},
			"rev 2 LED=0; open 3; owed 2 refusedrev; owed 1 overtaken",
		},
		"too many states": {
			[]vaiven.Event{set(1, 1, many...), set(2, 2, "LED", 1), set(3, 3, "S0", 0), ends(4, 2, vaiven.Refused)},
			"rev 2 S0=0 S1=1 S10=1 S11=1 S12=1 S13=1 S14=1 S15=1 S2=1 S3=1 S4=1 S5=1 S6=1 S7=1 S8=1 S9=1; open 3; owed 1 overtaken; 2 refused",
		},
		"a change of nothing": {
			[]vaiven.Event{set(1, 1)}, "rev 0; owed 1 refusedstates",
		},
		"a toggle from nothing, from desired, from reported": {
			[]vaiven.Event{toggle(1, 1, "LED"), toggle(2, 2, "LED"), reports(3, 0, "DIMMER", 70), toggle(4, 3, "DIMMER"), reports(5, 0, "LED", 1), toggle(6, 4, "LED")},
			"rev 4 DIMMER=0 LED=1; open 3; open 4; owed 1 overtaken; owed 2 overtaken",
		},
		"the same key is the same change": {
			[]vaiven.Event{set(1, 1, "LED", 1), set(2, 1, "LED", 0), ends(3, 1, vaiven.Confirmed), set(4, 1, "LED", 0)}, "rev 1 LED=1; 1 confirmed",
		},
		"an end of nothing": {
			[]vaiven.Event{ends(1, 1, vaiven.Expired), set(2, 1, "LED", 1), ends(3, 7, vaiven.Expired)}, "rev 1 LED=1; open 1",
		},
		"a report with REV matches": {
			[]vaiven.Event{set(1, 1, "LED", 1), reports(2, 1, "LED", 1)}, "rev 1 LED=1; open 1 matched",
		},
		"one without REV does not": {
			[]vaiven.Event{set(1, 1, "LED", 1), reports(2, 0, "LED", 1)}, "rev 1 LED=1; open 1",
		},
		"nor another value": {
			[]vaiven.Event{set(1, 1, "LED", 1), reports(2, 1, "LED", 0)}, "rev 1 LED=1; open 1",
		},
		"nor an earlier REV": {
			[]vaiven.Event{set(1, 1, "RELAY", 1), set(2, 2, "LED", 1), reports(3, 1, "LED", 1, "RELAY", 1)}, "rev 2 LED=1 RELAY=1; open 1 matched; open 2",
		},
		"a later REV matches what is open": {
			[]vaiven.Event{set(1, 1, "RELAY", 1), set(2, 2, "LED", 1), reports(3, 2, "LED", 1, "RELAY", 1)}, "rev 2 LED=1 RELAY=1; open 1 matched; open 2 matched",
		},
		"states may be reported one by one": {
			[]vaiven.Event{set(1, 1, "LED", 1, "RELAY", 1), reports(2, 1, "LED", 1), reports(3, 1, "RELAY", 1)}, "rev 1 LED=1 RELAY=1; open 1 matched",
		},
		"but not over a reboot": {
			[]vaiven.Event{
				set(1, 1, "LED", 1, "RELAY", 1), reports(2, 1, "LED", 1),
				&vaiven.Report{Stamp: at(3), Device: "101", Boot: "bbbbbbbb", Rev: 1, States: values("RELAY", 1)},
			}, "rev 1 LED=1 RELAY=1; open 1",
		},
		"a local change": {
			[]vaiven.Event{
				set(1, 1, "LED", 1), reports(2, 0, "LED", 0),
				&vaiven.Change{Stamp: at(2), Device: "101", Key: key(2), States: values("LED", 0), By: vaiven.ByBoard}, ends(2, 2, vaiven.Confirmed),
			}, "rev 2 LED=0; owed 1 overtaken; 2 confirmed",
		},
		"a REV of another log": {
			[]vaiven.Event{set(1, 1, "LED", 1), reports(2, 40, "LED", 1), set(3, 2, "RELAY", 1)}, "rev 41 LED=1 RELAY=1; open 1; open 2",
		},
		"an absurd REV": {
			[]vaiven.Event{reports(1, 1<<60, "LED", 1), set(2, 1, "LED", 1)}, "rev 1 LED=1; open 1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &vaiven.DeviceState{ID: "101"}
			for _, e := range tt.events {
				s.Apply(e)
				s = restored(t, s)
			}
			if got := show(s); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// restored is what a checkpoint makes of a state: the same.
func restored(t checker, s *vaiven.DeviceState) *vaiven.DeviceState {
	t.Helper()
	was := text(t, s)
	var again vaiven.DeviceState
	if err := json.Unmarshal([]byte(was), &again); err != nil {
		t.Fatal(err)
	}
	if is := text(t, &again); is != was {
		t.Fatalf("restored:\n%s\nwas:\n%s", is, was)
	}
	return &again
}

type checker interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func TestWhatIsReported(t *testing.T) {
	s := &vaiven.DeviceState{ID: "101"}
	led := func() string { return fmt.Sprint(s.Values(), s.BootRev, s.ReportedAt, s.Reports) }
	for _, step := range []struct {
		event vaiven.Event
		want  string
	}{
		{reports(1, 0, "LED", 1), "[{LED 1}] 0 1 false"},
		{set(2, 1, "LED", 0), "[{LED 1}] 0 1 false"},
		{set(3, 2, "LED", 1), "[{LED 1}] 0 1 false"},
		{reports(4, 2, "LED", 1), "[{LED 1}] 2 4 true"},
		{reports(5, 1, "LED", 0), "[{LED 1}] 2 4 true"}, // overtaken on its way
		{reports(6, 0, "LED", 0), "[{LED 0}] 2 6 true"},
		{&vaiven.Reading{Stamp: at(7), Device: "101", Measured: 3, States: values("LED", 1)}, "[{LED 0}] 2 6 true"}, // resent
		{&vaiven.Reading{Stamp: at(8), Device: "101", Measured: 8, States: values("LED", 1), Rev: 2}, "[{LED 1}] 2 8 true"},
		{&vaiven.Hello{Stamp: at(9), Device: "101", Boot: "bbbbbbbb", States: values("LED", 0, "RELAY", 1)}, "[{LED 0} {RELAY 1}] 0 9 true"},
		{&vaiven.Hello{Stamp: at(10), Device: "101", Boot: "bbbbbbbb", Rev: 1}, "[{LED 0} {RELAY 1}] 1 9 true"},
	} {
		s.Apply(step.event)
		if got := led(); got != step.want {
			t.Fatalf("after %+v: %s, want %s", step.event, got, step.want)
		}
		s = restored(t, s)
	}
}

// model is the state of one device as one would explain it: a list of changes
// with their fate, and everything else computed from it anew each time.
type model struct {
	rev      uint64
	changes  []*fate
	ended    []vaiven.Key // in order
	reported map[string]float64
	seen     uint64 // REV reported in this boot
	boot     vaiven.Boot
}

type fate struct {
	key       vaiven.Key
	rev       uint64
	states    map[string]float64
	deadline  int64
	outcome   vaiven.Outcome // decided, "" while it is open
	recorded  bool           // its end is in the log
	withdrawn bool
}

func (m *model) desired() map[string]float64 {
	type latest struct {
		num       float64
		withdrawn bool
	}
	last := make(map[string]latest)
	for _, c := range m.changes {
		if c.rev == 0 {
			continue
		}
		for name, num := range c.states {
			last[name] = latest{num, c.withdrawn}
		}
	}
	out := make(map[string]float64)
	for name, l := range last {
		if !l.withdrawn {
			out[name] = l.num
		}
	}
	return out
}

func (m *model) change(e *vaiven.Change) {
	if slices.ContainsFunc(m.changes, func(c *fate) bool { return c.key == e.Key }) {
		return
	}
	c := &fate{key: e.Key, states: make(map[string]float64), deadline: e.Deadline}
	m.changes = append(m.changes, c)
	desired := m.desired()
	for _, name := range e.Toggle {
		now, ok := desired[name]
		if !ok {
			now = m.reported[name]
		}
		c.states[name] = 0
		if now == 0 {
			c.states[name] = 1
		}
	}
	for _, v := range e.States {
		c.states[v.Name] = v.Num
	}
	if e.HasIf && e.If != m.rev {
		c.outcome = vaiven.Refused
		return
	}
	for _, o := range m.changes {
		for name := range c.states {
			if _, shared := o.states[name]; shared && o != c && o.outcome == "" {
				o.outcome, o.withdrawn = vaiven.Overtaken, o.deadline != 0
			}
		}
	}
	m.rev++
	c.rev = m.rev
}

func (m *model) end(e *vaiven.ChangeEnd) {
	for _, c := range m.changes {
		if c.key != e.Key || c.recorded {
			continue
		}
		c.outcome, c.recorded = e.Outcome, true
		c.withdrawn = c.withdrawn || c.deadline != 0 || e.Outcome == vaiven.Expired || e.Outcome == vaiven.Refused
		m.ended = append(m.ended, c.key)
	}
}

func (m *model) hear(boot vaiven.Boot, rev uint64, states []vaiven.Value) {
	if boot != "" && boot != m.boot {
		m.boot, m.seen = boot, 0
	}
	if rev != 0 && rev < m.seen {
		return
	}
	m.seen = max(m.seen, rev)
	m.rev = max(m.rev, rev)
	for _, v := range states {
		m.reported[v.Name] = v.Num
	}
}

func (m *model) forget() { *m = model{reported: make(map[string]float64)} }

// check compares the state with the model, and with what must always hold.
func (m *model) check(t *rapid.T, s *vaiven.DeviceState) {
	got := make(map[string]float64)
	for _, v := range s.Desired().States {
		got[v.Name] = v.Num
	}
	if want := m.desired(); !maps.Equal(got, want) || s.Desired().Rev != m.rev {
		t.Fatalf("desired %v at REV %d, want %v at %d", got, s.Desired().Rev, want, m.rev)
	}
	if !slices.IsSortedFunc(s.Desired().States, func(a, b vaiven.Value) int { return strings.Compare(a.Name, b.Name) }) {
		t.Fatalf("not sorted: %v", s.Desired().States)
	}
	m.checkOpen(t, s)
	said := make(map[string]float64)
	for _, v := range s.Reported {
		said[v.Name] = v.Num
	}
	if !maps.Equal(said, m.reported) || s.BootRev != m.seen {
		t.Fatalf("reported %v at REV %d, want %v at %d", said, s.BootRev, m.reported, m.seen)
	}
	var recent []vaiven.Key
	for _, l := range s.Recent {
		recent = append(recent, l.End.Key)
	}
	if want := m.ended[max(0, len(m.ended)-vaiven.MaxRecent):]; !slices.Equal(recent, want) {
		t.Fatalf("ended %v, want %v", recent, want)
	}
}

func (m *model) checkOpen(t *rapid.T, s *vaiven.DeviceState) {
	open := make(map[vaiven.Key]uint64)
	names := make(map[string]bool)
	var deadline int64
	for _, p := range s.Desired().Open {
		open[p.Key] = p.Rev
		for _, v := range p.States {
			if names[v.Name] {
				t.Fatalf("two open changes of %s", v.Name)
			}
			names[v.Name] = true
			if d, ok := vaiven.Find(s.Desired().States, v.Name); !ok || d != v.Num {
				t.Fatalf("open, and not desired: %v", v)
			}
		}
		if p.Deadline != 0 && (deadline == 0 || p.Deadline < deadline) {
			deadline = p.Deadline
		}
	}
	want := make(map[vaiven.Key]uint64)
	for _, c := range m.changes {
		if c.outcome == "" {
			want[c.key] = c.rev
		}
	}
	if !maps.Equal(open, want) || s.Desired().Until != deadline {
		t.Fatalf("open %v, want %v; until %d", open, want, s.Desired().Until)
	}
}

// history draws events of device 101, and plays them to a model as well.
type history struct {
	now    int64
	keys   []vaiven.Key
	events []vaiven.Event
}

var stateNames = []string{"LED", "RELAY", "DIMMER"}

func (h *history) stamp(t *rapid.T) vaiven.Stamp {
	h.now += rapid.Int64Range(0, 2000).Draw(t, "ms")
	return at(h.now)
}

func (h *history) states(t *rapid.T, least int) []vaiven.Value {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom(stateNames), least, len(stateNames), rapid.ID).Draw(t, "names")
	var out []vaiven.Value
	for _, n := range names {
		out = append(out, vaiven.Value{Name: n, Num: float64(rapid.IntRange(0, 2).Draw(t, "num"))})
	}
	return out
}

// key is a new one, or one of the last few: the log's readers drop a change whose
// key was used, so that an old one never comes.
func (h *history) key(t *rapid.T) vaiven.Key {
	if len(h.keys) == 0 || rapid.IntRange(0, 3).Draw(t, "new") > 0 {
		h.keys = append(h.keys, key(len(h.keys)+1))
		return h.keys[len(h.keys)-1]
	}
	return h.old(t)
}

// old is a key that was used, one of the last.
func (h *history) old(t *rapid.T) vaiven.Key {
	if len(h.keys) == 0 {
		return key(99)
	}
	return h.keys[max(0, len(h.keys)-1-rapid.IntRange(0, 6).Draw(t, "back"))]
}

func (h *history) draw(t *rapid.T, m *model) vaiven.Event {
	switch kind := rapid.IntRange(0, 20).Draw(t, "kind"); {
	case kind < 8:
		e := &vaiven.Change{Stamp: h.stamp(t), Device: "101", Key: h.key(t), States: h.states(t, 0)}
		for _, n := range stateNames {
			if _, set := vaiven.Find(e.States, n); !set && (len(e.States)+len(e.Toggle) == 0 || rapid.Bool().Draw(t, "toggle")) {
				e.Toggle = append(e.Toggle, n)
			}
		}
		if rapid.IntRange(0, 3).Draw(t, "cas") == 0 {
			e.HasIf, e.If = true, m.rev+uint64(rapid.IntRange(0, 1).Draw(t, "off"))
		}
		if rapid.IntRange(0, 2).Draw(t, "timed") == 0 {
			e.Deadline = h.now + rapid.Int64Range(1, 5000).Draw(t, "within")
		}
		m.change(e)
		return e
	case kind < 10:
		return &vaiven.Sent{Stamp: h.stamp(t), Device: "101", Key: h.old(t)}
	case kind < 15:
		o := rapid.SampledFrom([]vaiven.Outcome{vaiven.Confirmed, vaiven.Expired, vaiven.Refused, vaiven.Overtaken}).Draw(t, "outcome")
		e := &vaiven.ChangeEnd{Stamp: h.stamp(t), Device: "101", Key: h.old(t), Outcome: o}
		m.end(e)
		return e
	case kind < 20:
		rev := rapid.Uint64Range(0, m.rev).Draw(t, "rev")
		boot := rapid.SampledFrom([]vaiven.Boot{"", "aaaaaaaa", "bbbbbbbb"}).Draw(t, "boot")
		states := h.states(t, 1)
		m.hear(boot, rev, states)
		if kind == 15 {
			return &vaiven.Hello{Stamp: h.stamp(t), Device: "101", Boot: boot, Rev: rev, States: states}
		}
		if kind == 16 {
			e := &vaiven.Reading{Stamp: h.stamp(t), Device: "101", Boot: boot, Rev: rev, States: states}
			e.Measured = e.At
			return e
		}
		return &vaiven.Report{Stamp: h.stamp(t), Device: "101", Boot: boot, Rev: rev, States: states}
	default:
		if rapid.IntRange(0, 4).Draw(t, "forget") > 0 {
			return &vaiven.Presence{Stamp: h.stamp(t), Device: "101", Connected: true}
		}
		m.forget()
		// The log's readers remember keys, and hand on no change twice.
		h.keys = slices.Concat(make([]vaiven.Key, 0, len(h.keys)), h.keys)
		for i := range h.keys {
			h.keys[i] = vaiven.Key(fmt.Sprintf("%016x", 1<<40+len(h.events)*1000+i))
		}
		return &vaiven.Forgotten{Stamp: h.stamp(t), Device: "101"}
	}
}

// A REV beyond all counting says nothing: what the board reports after it, under the
// REV that it was given, is no history.
func TestAnAbsurdRev(t *testing.T) {
	var r vaiven.ReportedStates
	p := vaiven.Pending{Rev: 3, States: values("LED", 1)}
	for _, step := range []struct {
		rev             uint64
		took, confirmed bool
	}{{1 << 60, true, false}, {3, true, true}, {2, false, true}, {4, true, false}} { // 4 is of another log
		took, _ := r.Take("aaaaaaaa", step.rev, 3, values("LED", 1))
		if took != step.took || r.Confirms(&p) != step.confirmed {
			t.Errorf("REV %d: took %v, confirms %v", step.rev, took, r.Confirms(&p))
		}
	}
}

// TestAgainstTheModel: whatever is in the log, the state is what the model says after
// every event, and a checkpoint continues where it was taken. The twin is the same
// state: one event after another, from checkpoint to checkpoint, and all at once.
func TestAgainstTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h history
		m := &model{}
		m.forget()
		s := &vaiven.DeviceState{ID: "101"}
		live, hopping, replayed := twin.New(twin.Options{}), twin.New(twin.Options{}), twin.New(twin.Options{})
		var log []vaiven.Entry
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			e := h.draw(t, m)
			h.events = append(h.events, e)
			log = append(log, vaiven.Entry{Event: e})
			if _, gone := e.(*vaiven.Forgotten); gone {
				s = &vaiven.DeviceState{ID: "101"}
			}
			copied := s.Clone()
			before := text(t, &copied)
			s.Apply(e)
			if after := text(t, &copied); after != before {
				t.Fatalf("a copy became\n%s, was\n%s", after, before)
			}
			m.check(t, s)
			s = restored(t, s)
			for _, tw := range []*twin.Twin{live, hopping} {
				if err := tw.Apply(1, log[len(log)-1:]); err != nil {
					t.Fatal(err)
				}
			}
			hopping = hop(t, hopping)
		}
		if err := replayed.Apply(1, log); err != nil {
			t.Fatal(err)
		}
		for name, tw := range map[string]*twin.Twin{"live": live, "hopping": hopping, "replayed": replayed} {
			if got, ok := tw.State("101"); ok && text(t, &got) != text(t, s) {
				t.Fatalf("%s twin:\n%s\nstate:\n%s", name, text(t, &got), text(t, s))
			}
		}
	})
}

// hop is a twin from the snapshot of another.
func hop(t *rapid.T, tw *twin.Twin) *twin.Twin {
	b, err := tw.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	next := twin.New(twin.Options{})
	if err := next.Restore(b); err != nil {
		t.Fatal(err)
	}
	return next
}

func text(t checker, s *vaiven.DeviceState) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
