package twin

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vaiven"
)

// model is the twin of one device as one would explain it: a list of changes
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

// check compares the twin with the model, and with what must always hold.
func (m *model) check(t *rapid.T, tw *Twin) {
	s, _ := tw.Device("101")
	got := make(map[string]float64)
	for _, v := range s.Desired.States {
		got[v.Name] = v.Num
	}
	if want := m.desired(); !maps.Equal(got, want) || s.Desired.Rev != m.rev {
		t.Fatalf("desired %v at REV %d, want %v at %d", got, s.Desired.Rev, want, m.rev)
	}
	if !slices.IsSortedFunc(s.Desired.States, func(a, b vaiven.Value) int { return strings.Compare(a.Name, b.Name) }) {
		t.Fatalf("not sorted: %v", s.Desired.States)
	}
	m.checkOpen(t, s)
	said := make(map[string]float64)
	for _, v := range s.Reported {
		said[v.Name] = v.Num
	}
	if !maps.Equal(said, m.reported) || s.ReportedRev != m.seen {
		t.Fatalf("reported %v at REV %d, want %v at %d", said, s.ReportedRev, m.reported, m.seen)
	}
	var recent []vaiven.Key
	for _, l := range s.Recent {
		recent = append(recent, l.End.Key)
	}
	if want := m.ended[max(0, len(m.ended)-maxRecent):]; !slices.Equal(recent, want) {
		t.Fatalf("ended %v, want %v", recent, want)
	}
}

func (m *model) checkOpen(t *rapid.T, s State) {
	open := make(map[vaiven.Key]uint64)
	names := make(map[string]bool)
	var deadline int64
	for _, p := range s.Desired.Open {
		open[p.Key] = p.Rev
		for _, v := range p.States {
			if names[v.Name] {
				t.Fatalf("two open changes of %s", v.Name)
			}
			names[v.Name] = true
			if d, ok := vaiven.Find(s.Desired.States, v.Name); !ok || d != v.Num {
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
	if !maps.Equal(open, want) || s.Desired.Until != deadline {
		t.Fatalf("open %v, want %v; until %d", open, want, s.Desired.Until)
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

// TestAgainstTheModel: whatever is in the log, the twin is what the model says
// after every event, a snapshot continues where it was taken, and the whole log
// at once gives the same twin as one event after another.
func TestAgainstTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h history
		m := &model{}
		m.forget()
		live, hopping := New(Options{}), New(Options{})
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			e := h.draw(t, m)
			h.events = append(h.events, e)
			for _, tw := range []*Twin{live, hopping} {
				if err := tw.Apply(1, entries(e)); err != nil {
					t.Fatal(err)
				}
			}
			m.check(t, live)
			b, err := hopping.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			hopping = New(Options{})
			if err := hopping.Restore(b); err != nil {
				t.Fatal(err)
			}
		}
		replayed := New(Options{})
		if err := replayed.Apply(1, entries(h.events...)); err != nil {
			t.Fatal(err)
		}
		want, _ := live.Snapshot()
		for name, tw := range map[string]*Twin{"hopping": hopping, "replayed": replayed} {
			if got, _ := tw.Snapshot(); !bytes.Equal(got, want) {
				t.Fatalf("%s:\n%s\nlive:\n%s", name, got, want)
			}
		}
	})
}
