package twin

import (
	"fmt"
	"runtime"
	"testing"

	"vaiven"
)

// TestWhoHasStates: a device is here from its first word about states on.
func TestWhoHasStates(t *testing.T) {
	for name, tt := range map[string]struct {
		events []vaiven.Event
		want   int
	}{
		"forgotten": {[]vaiven.Event{set(1, 1, "LED", 1), reports(2, 0, "LED", 1), &vaiven.Forgotten{Stamp: at(3), Device: "101"}}, 0},
		"readings and boards without states": {[]vaiven.Event{
			&vaiven.Reading{Stamp: at(1), Device: "101", Values: values("TEMP", 20)}, &vaiven.Hello{Stamp: at(2), Device: "101", Boot: "aaaaaaaa"},
			&vaiven.Sent{Stamp: at(3), Device: "101", Key: key(1)}, &vaiven.Presence{Stamp: at(4), Device: "101", Connected: true},
		}, 0},
		"a reading with a state": {[]vaiven.Event{&vaiven.Reading{Stamp: at(1), Device: "101", Values: values("TEMP", 20), States: values("LED", 1)}}, 1},
		"one that was resent":    {[]vaiven.Event{&vaiven.Reading{Stamp: at(9), Measured: 1, Device: "101", States: values("LED", 1)}}, 0},
		"a HELLO with states":    {[]vaiven.Event{&vaiven.Hello{Stamp: at(2), Device: "101", States: values("LED", 1)}}, 1},
	} {
		tw := New(Options{})
		apply(t, tw, tt.events...)
		snap(t, tw)
		if n := len(tw.List()); n != tt.want {
			t.Errorf("%s: %d devices", name, n)
		}
	}
}

func TestDesiredAndRecent(t *testing.T) {
	tw := New(Options{})
	if _, ok := tw.Desired("101"); ok {
		t.Error("desired of nobody")
	}
	if _, ok := tw.State("101"); ok {
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
	s, _ := tw.State("101")
	l := s.Recent[0]
	if l.End.Rev != 1 || l.End.By != "test" || l.End.Asked != 1000 || l.End.States[0].Num != 1 || l.Sent != 2100 || l.Deadline != 9000 || l.End.Took() != 1500 {
		t.Errorf("%+v", l)
	}
	for n := 3; n < 30; n++ {
		apply(t, tw, set(3000, n, "LED", n), ends(3000, n, vaiven.Confirmed))
	}
	s, _ = tw.State("101")
	if len(s.Recent) != 8 || s.Recent[7].End.Key != key(29) || s.Recent[0].End.Key != key(22) {
		t.Errorf("%d recent", len(s.Recent))
	}
	apply(t, tw, &vaiven.Report{Stamp: at(1), Device: "007", States: values("LED", 1)})
	if list := tw.List(); len(list) != 2 || list[0].ID != "007" || list[1].Rev != s.Rev {
		t.Errorf("%+v", list)
	}
}

// TestAKeeperThatNeverComes: without recorded ends a device stays bounded.
func TestAKeeperThatNeverComes(t *testing.T) {
	tw := New(Options{})
	for n := range 3 * vaiven.MaxUnended {
		apply(t, tw, set(1, n+1, "LED", n))
	}
	for n := range 2 * vaiven.MaxReported {
		apply(t, tw, reports(1, 0, fmt.Sprintf("S%d", n), 1))
	}
	d := tw.devices["101"]
	if len(d.Open)+len(d.Owed) != vaiven.MaxUnended || len(d.Reported) != vaiven.MaxReported || d.Reported[0].Name != "S64" {
		t.Errorf("%d open, %d owed, %d reported", len(d.Open), len(d.Owed), len(d.Reported))
	}
	if last := d.Recent[7].End; last.Outcome != vaiven.Overtaken || last.Key != key(2*vaiven.MaxUnended) {
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
