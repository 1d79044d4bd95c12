package twin

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"vaiven"
)

// show is what matters of a device in one line: desired states and REV, open
// changes, what is owed, how changes ended.
func show(t testing.TB, tw *Twin) string {
	t.Helper()
	tw.mu.RLock()
	defer tw.mu.RUnlock()
	d := tw.devices["101"]
	if d == nil {
		return "nothing"
	}
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
		"forgotten": {
			[]vaiven.Event{set(1, 1, "LED", 1), reports(2, 0, "LED", 1), &vaiven.Forgotten{Stamp: at(3), Device: "101"}}, "nothing",
		},
		"readings and boards without states are no devices here": {
			[]vaiven.Event{
				&vaiven.Reading{Stamp: at(1), Device: "101", Values: values("TEMP", 20)}, &vaiven.Hello{Stamp: at(2), Device: "101", Boot: "aaaaaaaa"},
				&vaiven.Sent{Stamp: at(3), Device: "101", Key: key(1)}, &vaiven.Presence{Stamp: at(4), Device: "101", Connected: true},
			}, "nothing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tw := New(Options{})
			for _, e := range tt.events {
				apply(t, tw, e)
				snap(t, tw)
			}
			if got := show(t, tw); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			again := New(Options{})
			apply(t, again, tt.events...)
			if !bytes.Equal(snap(t, tw), snap(t, again)) {
				t.Error("in one record it is something else")
			}
		})
	}
}

func TestWhatIsReported(t *testing.T) {
	tw := New(Options{})
	led := func() string {
		s, _ := tw.Device("101")
		return fmt.Sprint(s.Reported, s.ReportedRev, s.ReportedAt, s.Reports)
	}
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
		apply(t, tw, step.event)
		if got := led(); got != step.want {
			t.Fatalf("after %+v: %s, want %s", step.event, got, step.want)
		}
		snap(t, tw)
	}
}

func TestDesiredAndRecent(t *testing.T) {
	tw := New(Options{})
	if _, ok := tw.Desired("101"); ok {
		t.Error("desired of nobody")
	}
	if _, ok := tw.Device("101"); ok {
		t.Error("state of nobody")
	}
	apply(t, tw, until(set(1000, 1, "LED", 1), 9000), until(set(2000, 2, "RELAY", 1), 5000),
		&vaiven.Sent{Stamp: at(2100), Device: "101", Key: key(1), Rev: 1}, &vaiven.Sent{Stamp: at(2200), Device: "101", Key: key(1), Rev: 1})
	d, _ := tw.Desired("101")
	if d.Until != 5000 || d.Rev != 2 || len(d.Open) != 2 || d.Open[0].Sent != 2100 || d.Open[1].Sent != 0 || d.Open[1].Deadline != 5000 || d.Open[0].By != "test" {
		t.Errorf("%+v", d)
	}
	d.States[0].Num, d.Open[0].States[0].Num = 9, 9 // a copy
	end := ends(2500, 1, vaiven.Confirmed)
	apply(t, tw, end)
	if end.Rev != 0 || end.By != "" {
		t.Error("an event was changed")
	}
	s, _ := tw.Device("101")
	l := s.Recent[0]
	if l.End.Rev != 1 || l.End.By != "test" || l.End.Asked != 1000 || l.End.States[0].Num != 1 || l.Sent != 2100 || l.Deadline != 9000 || l.Took().Milliseconds() != 1500 {
		t.Errorf("%+v", l)
	}
	for n := 3; n < 30; n++ {
		apply(t, tw, set(3000, n, "LED", n), ends(3000, n, vaiven.Confirmed))
	}
	s, _ = tw.Device("101")
	if len(s.Recent) != 8 || s.Recent[7].End.Key != key(29) || s.Recent[0].End.Key != key(22) {
		t.Errorf("%d recent", len(s.Recent))
	}
	apply(t, tw, &vaiven.Report{Stamp: at(1), Device: "007", States: values("LED", 1)})
	if list := tw.List(); len(list) != 2 || list[0].Desired.Device != "007" || list[1].Desired.Rev != s.Desired.Rev {
		t.Errorf("%+v", list)
	}
}

// TestAKeeperThatNeverComes: without recorded ends a device stays bounded.
func TestAKeeperThatNeverComes(t *testing.T) {
	tw := New(Options{})
	for n := range 3 * maxUnended {
		apply(t, tw, set(1, n+1, "LED", n))
	}
	for n := range 2 * maxReported {
		apply(t, tw, reports(1, 0, fmt.Sprintf("S%d", n), 1))
	}
	d := tw.devices["101"]
	if len(d.Open)+len(d.Owed) != maxUnended || len(d.Reported) != maxReported || d.Reported[0].Name != "S64" {
		t.Errorf("%d open, %d owed, %d reported", len(d.Open), len(d.Owed), len(d.Reported))
	}
	if last := d.Recent[7].End; last.Outcome != vaiven.Overtaken || last.Key != key(2*maxUnended) {
		t.Errorf("%+v", last)
	}
	snap(t, tw)
}

func TestWrongSnapshots(t *testing.T) {
	for _, s := range []string{"", "{", `{"version":2}`, `{"version":1,"devices":[null]}`} {
		if err := New(Options{}).Restore([]byte(s)); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
	tw := New(Options{})
	apply(t, tw, set(1, 1, "LED", 1))
	if err := tw.Restore(nil); err != nil || len(tw.List()) != 0 {
		t.Errorf("%v, %d devices", err, len(tw.List()))
	}
}

func TestWatch(t *testing.T) {
	tw := New(Options{})
	var told []vaiven.Device
	stop := tw.Watch(func(d vaiven.Device) {
		tw.Desired(d) // no lock is held
		told = append(told, d)
	})
	quiet := tw.Watch(func(vaiven.Device) {})
	defer quiet()
	for _, step := range []struct {
		events []vaiven.Event
		want   int
	}{
		{[]vaiven.Event{set(1, 1, "LED", 1), until(set(1, 2, "RELAY", 1), 9)}, 1}, // once a record
		{[]vaiven.Event{&vaiven.Sent{Stamp: at(2), Device: "101", Key: key(1)}, reports(2, 1, "LED", 1)}, 1},
		{[]vaiven.Event{reports(2, 1, "LED", 1)}, 0}, // as before
		{[]vaiven.Event{ends(3, 2, vaiven.Expired)}, 1},
		{[]vaiven.Event{onlyIf(set(4, 3, "LED", 1), 77)}, 0},
		{[]vaiven.Event{ends(5, 9, vaiven.Expired)}, 0},
		{[]vaiven.Event{reports(6, 99, "LED", 1)}, 1}, // the REV is another
		{[]vaiven.Event{&vaiven.Forgotten{Stamp: at(7), Device: "101"}}, 1},
		{[]vaiven.Event{&vaiven.Forgotten{Stamp: at(7), Device: "101"}}, 0},
	} {
		told = nil
		apply(t, tw, step.events...)
		if len(told) != step.want {
			t.Errorf("%+v: told %v", step.events, told)
		}
	}
	told = nil
	if err := tw.Restore(nil); err != nil {
		t.Fatal(err)
	}
	apply(t, tw, set(1, 1, "LED", 1))
	if len(told) != 0 {
		t.Error("told of a replay")
	}
	if err := tw.Replayed(); err != nil || len(told) != 1 {
		t.Errorf("%v, told %v", err, told)
	}
	stop()
	stop()
	apply(t, tw, set(1, 2, "LED", 0))
	if len(told) != 1 {
		t.Error("told after stop")
	}
}

func BenchmarkApplyReport(b *testing.B) {
	tw := New(Options{})
	list := make([]vaiven.Entry, 256)
	for i := range list {
		id := vaiven.Device(fmt.Sprintf("%03d", i))
		apply(b, tw, &vaiven.Change{Stamp: at(1), Device: id, Key: key(i), States: values("LED", 1)},
			&vaiven.ChangeEnd{Stamp: at(2), Device: id, Key: key(i), Outcome: vaiven.Confirmed})
		list[i].Event = &vaiven.Report{Stamp: at(3), Device: id, Boot: "aaaaaaaa", Rev: 1, States: values("LED", 1)}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := tw.Apply(1, list); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/report")
}

func BenchmarkApplyReading(b *testing.B) {
	tw := New(Options{})
	list := make([]vaiven.Entry, 256)
	for i := range list {
		list[i].Event = &vaiven.Reading{Stamp: at(1), Device: vaiven.Device(fmt.Sprintf("%03d", i)), Values: values("TEMP", 20)}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := tw.Apply(1, list); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/reading")
}

func BenchmarkApplyChange(b *testing.B) {
	tw := New(Options{})
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		k := key(n)
		_ = tw.Apply(1, []vaiven.Entry{{Event: &vaiven.Change{Stamp: at(1), Device: "101", Key: k, Toggle: []string{"LED"}}}})
		_ = tw.Apply(2, []vaiven.Entry{{Event: &vaiven.ChangeEnd{Stamp: at(2), Device: "101", Key: k, Outcome: vaiven.Confirmed}}})
	}
}

// TestADeviceIsSmall: an LED that was switched often, and one that never was.
func TestADeviceIsSmall(t *testing.T) {
	for name, tt := range map[string]struct {
		changes int
		most    uint64
	}{
		"reports only": {0, 400}, "one change": {1, 1000}, "many changes": {20, 4000},
	} {
		const devices = 5000
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		tw := New(Options{})
		for i := range devices {
			id := vaiven.Device(fmt.Sprintf("device-%06d", i))
			apply(t, tw, &vaiven.Report{Stamp: at(1), Device: id, Boot: "aaaaaaaa", States: values("LED", 1)})
			for n := range tt.changes {
				apply(t, tw, &vaiven.Change{Stamp: at(1), Device: id, Key: key(n), Toggle: []string{"LED"}, By: "test"},
					&vaiven.ChangeEnd{Stamp: at(2), Device: id, Key: key(n), Outcome: vaiven.Confirmed})
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		each := (after.HeapAlloc - before.HeapAlloc) / devices
		t.Logf("%s: %d bytes a device", name, each)
		if each > tt.most {
			t.Errorf("%s: %d bytes a device", name, each)
		}
		runtime.KeepAlive(tw)
	}
}
