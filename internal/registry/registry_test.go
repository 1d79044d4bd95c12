package registry

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

func at(ms int64) vaiven.Stamp { return vaiven.Stamp{At: ms} }

func apply(t testing.TB, r *Registry, events ...vaiven.Event) {
	t.Helper()
	var list []vaiven.Entry
	for i, e := range events {
		list = append(list, vaiven.Entry{ID: vaiven.ID{Record: 1, Index: uint32(i)}, Event: e})
	}
	if err := r.Apply(1, list); err != nil {
		t.Fatal(err)
	}
}

func reading(dev vaiven.Device, ms int64, temp float64) *vaiven.Reading {
	return &vaiven.Reading{Stamp: at(ms), Device: dev, Values: []vaiven.Value{{Name: "TEMP", Num: temp}, {Name: "HUM", Num: 61}}}
}

// story is a bit of everything about device 101.
func story() []vaiven.Event {
	return []vaiven.Event{
		&vaiven.LogStart{Stamp: at(1), Log: "x"},
		&vaiven.Presence{Stamp: at(1000), Device: "101", Connected: true, Remote: "192.168.0.7"},
		&vaiven.SessionStart{Stamp: at(1000), Device: "101", Readings: 3, Deadline: 9000, Interval: 2000},
		&vaiven.Hello{Stamp: at(1100), Device: "101", Boot: "aaaaaaaa", Lost: 2, FW: "1.0.0", Up: -1, States: []vaiven.Value{{Name: "LED", Num: 0}}},
		reading("101", 2000, 20),
		&vaiven.Refusal{Stamp: at(3000), Device: "101", Boot: "aaaaaaaa", Seq: 2, Code: vaiven.CodeOutOfRange},
		&vaiven.Rejected{Stamp: at(3000), Device: "101", Code: vaiven.CodeOutOfRange, Count: 1, Text: "TEMP is 400", Remote: "192.168.0.7"},
		&vaiven.Gap{Stamp: at(3500), Device: "101", Boot: "aaaaaaaa", From: 3, To: 6},
		reading("101", 4000, 22),
		&vaiven.Report{Stamp: at(4500), Device: "101", Boot: "aaaaaaaa", Rev: 7, States: []vaiven.Value{{Name: "LED", Num: 1}}},
		reading("101", 7000, 24),
		&vaiven.SessionEnd{Stamp: at(7000), Device: "101", Reason: vaiven.EndReadings, Count: 3},
		&vaiven.Rejected{Stamp: at(7100), Device: "101", Code: vaiven.CodeOutOfRange, Count: 4, Text: "TEMP is 500", Remote: "192.168.0.8"},
		reading("101", 8000, 30),
		&vaiven.Hello{Stamp: at(8100), Device: "101", Boot: "aaaaaaaa", Lost: 5, Up: -1},
		&vaiven.Hello{Stamp: at(8200), Device: "101", Boot: "bbbbbbbb", Lost: 1, Up: -1},
		&vaiven.Conflict{Stamp: at(8300), Device: "101", Remotes: []string{"192.168.0.7", "192.168.0.8"}},
		&vaiven.Presence{Stamp: at(8400), Device: "101", Reason: "idle", Sleep: 60000},
		&vaiven.Rejected{Stamp: at(8500), Code: vaiven.CodeNotJSON, Count: 9, Text: "not JSON"},
	}
}

func TestAFinishedSessionMayBeRenewed(t *testing.T) {
	r := New()
	apply(t, r, story()...)
	apply(t, r, &vaiven.SessionEnd{Stamp: at(9000), Device: "101", Reason: vaiven.EndRenewed, Count: 3})
	if s, _ := r.Session("101"); !s.Ended || s.Reason != vaiven.EndRenewed || s.Count != 3 {
		t.Errorf("session %+v: want it ended and renewed", s)
	}
	if s, _ := r.Summary("101"); s.End != 7000 {
		t.Errorf("summary ends at %d: want the moment at which the readings ended, 7000", s.End)
	}
}

func TestTheWholeStoryOfADevice(t *testing.T) {
	r := New()
	apply(t, r, story()...)
	want := vaiven.DeviceInfo{
		ID: "101", First: 1000, Last: 8300, Word: 1, WordAt: 8200,
		Values: []vaiven.Latest{{Name: "TEMP", Num: 30, At: 8000}, {Name: "HUM", Num: 61, At: 8000}}, Readings: 4, Reading: 8000,
		States: []vaiven.Latest{{Name: "LED", Num: 1, At: 4500}}, Boot: "bbbbbbbb", FW: "1.0.0", Greeted: true,
		Rejected: []vaiven.RejectedCode{{Code: vaiven.CodeOutOfRange, Count: 5, Text: "TEMP is 500", Remote: "192.168.0.8", At: 7100}},
		Refusals: 1, Gaps: 4, Lost: 6,
		Remote: "192.168.0.7", Since: 8400, ConnectedAt: 1000, Reason: "idle", Sleep: 60000,
		Conflicts: 1, ConflictAt: 8300, Remotes: []string{"192.168.0.7", "192.168.0.8"},
		Session:  &vaiven.Session{Device: "101", Start: 1000, Readings: 3, Deadline: 9000, Interval: 2000, Count: 3, Ended: true, Reason: vaiven.EndReadings},
		BootLost: 1,
	}
	got, ok := r.Device("101")
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Error(diff)
	}
	if s, ok := r.Session("101"); !ok || s != *want.Session {
		t.Errorf("Session = %+v", s)
	}
	sum, ok := r.Summary("101")
	wantSum := vaiven.Summary{
		Session: *want.Session, End: 7000, First: 2000, Last: 7000,
		Measurements: []vaiven.Measurement{
			{Name: "TEMP", N: 3, Min: 20, Max: 24, Mean: 22, Deviation: 2, Squares: 8},
			{Name: "HUM", N: 3, Min: 61, Max: 61, Mean: 61},
		},
		Intervals: 2, IntervalMean: 2500, IntervalP95: 3000,
		Rejected: []vaiven.CodeCount{{Code: vaiven.CodeOutOfRange, Count: 1}}, Refusals: 1, Gaps: 4, Lost: 2,
	}
	if diff := cmp.Diff(wantSum, sum); !ok || diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]vaiven.RejectedCode{{Code: vaiven.CodeNotJSON, Count: 9, Text: "not JSON", At: 8500}}, r.Nobody()); diff != "" {
		t.Error(diff)
	}
	if c := r.Counts(); c != (Counts{Events: 19, Readings: 4, Refusals: 1, Gaps: 4, Rejected: 14, Devices: 1}) {
		t.Errorf("%+v", c)
	}
	if _, ok := r.Device("102"); ok {
		t.Error("102 is known")
	}
}

// TestSnapshotAtEveryEvent restores after each event, and goes on.
func TestSnapshotAtEveryEvent(t *testing.T) {
	whole := New()
	apply(t, whole, story()...)
	want, err := whole.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	r := New()
	for _, e := range story() {
		apply(t, r, e)
		snap, err := r.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		r = New()
		if err := r.Restore(snap); err != nil {
			t.Fatal(err)
		}
	}
	got, err := r.Snapshot()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
	for _, bad := range []string{"", "{", `{"version":9}`, `{"version":1}`, `{"version":2,"devices":[null]}`} {
		if err := r.Restore([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if again, _ := r.Snapshot(); !bytes.Equal(again, want) {
		t.Error("a refused snapshot changed the table")
	}
	if err := r.Restore(nil); err != nil || len(r.List()) != 0 {
		t.Errorf("Restore(nil): %v, %d devices", err, len(r.List()))
	}
}

func TestNamesSilenceAndForgetting(t *testing.T) {
	r := New()
	apply(t, r, story()...)
	apply(t, r,
		&vaiven.Described{Stamp: at(9000), Device: "101", Name: "mesa 3", Note: "junto a la ventana", Groups: []string{"lab"}},
		&vaiven.Hello{Stamp: at(9100), Device: "101", Boot: "bbbbbbbb", Names: []string{"DIM"}},
		&vaiven.Presence{Stamp: at(9200), Device: "101", Connected: true, Silent: true},
	)
	d, _ := r.Device("101")
	if d.About.Name != "mesa 3" || d.About.Note == "" || len(d.About.Groups) != 1 || len(d.Declared) != 1 {
		t.Errorf("described as %+v", d)
	}
	if !d.Connected || !d.Silent || d.Since != 8000 || d.Last != 9100 {
		t.Errorf("silent: %+v: want it so since its last reading, and not heard", d)
	}
	apply(t, r, &vaiven.Presence{Stamp: at(9300), Device: "101", Connected: true, Remote: "192.168.0.7"})
	if d, _ := r.Device("101"); d.Silent || d.Since != 9300 {
		t.Errorf("spoke again: %+v", d)
	}
	apply(t, r, &vaiven.Forgotten{Stamp: at(9400), Device: "101"})
	if _, ok := r.Device("101"); ok || r.Counts().Devices != 0 {
		t.Error("101 is still known")
	}
}

// TestWhatIsSaidOfAConnectionThatWasReplaced has a board move to another gateway,
// which says so before the first one has noticed.
func TestWhatIsSaidOfAConnectionThatWasReplaced(t *testing.T) {
	r := New()
	came := func(ms int64, from string) *vaiven.Presence {
		return &vaiven.Presence{Stamp: at(ms), Device: "1", Connected: true, Remote: from}
	}
	apply(t, r, came(1, "10.0.0.1:1"), came(2, "10.0.0.1:2"),
		&vaiven.Presence{Stamp: at(3), Device: "1", Connected: true, Silent: true, Remote: "10.0.0.1:1"},
		&vaiven.Presence{Stamp: at(4), Device: "1", Reason: "lost", Remote: "10.0.0.1:1"})
	if d, _ := r.Device("1"); !d.Connected || d.Silent || d.Since != 2 || d.Remote != "10.0.0.1:2" || d.Reason != "" {
		t.Errorf("%+v: want it connected since 2", d)
	}
	apply(t, r, &vaiven.Presence{Stamp: at(5), Device: "1", Reason: "lost", Remote: "10.0.0.1:2"})
	if d, _ := r.Device("1"); d.Connected || d.Since != 5 || d.Reason != "lost" {
		t.Errorf("%+v: want it gone", d)
	}
}

func TestAReportThatWasOvertakenIsHistory(t *testing.T) {
	r := New()
	led := func(n float64) []vaiven.Value { return []vaiven.Value{{Name: "LED", Num: n}} }
	apply(t, r,
		&vaiven.Report{Stamp: at(1), Device: "1", Boot: "aaaaaaaa", Rev: 8, States: led(1)},
		&vaiven.Report{Stamp: at(2), Device: "1", Boot: "aaaaaaaa", Rev: 7, States: led(0)},
	)
	if d, _ := r.Device("1"); d.Rev != 8 || d.States[0].Num != 1 {
		t.Errorf("%+v: want what was reported for REV 8", d)
	}
	apply(t, r, &vaiven.Report{Stamp: at(3), Device: "1", Boot: "bbbbbbbb", Rev: 7, States: led(0)})
	if d, _ := r.Device("1"); d.Rev != 7 || d.States[0].Num != 0 {
		t.Errorf("%+v: another power-up counts anew", d)
	}
}

func TestANewSessionCountsAnew(t *testing.T) {
	r := New()
	apply(t, r, story()...)
	apply(t, r, &vaiven.SessionStart{Stamp: at(9000), Device: "101"}, reading("101", 9500, 10))
	s, _ := r.Session("101")
	sum, _ := r.Summary("101")
	if s.Count != 1 || s.Ended || sum.First != 9500 || sum.End != 0 || sum.Measurements[0].Mean != 10 || len(sum.Rejected) != 0 {
		t.Errorf("%+v %+v", s, sum)
	}
	if _, ok := r.Summary("102"); ok {
		t.Error("102 has a summary")
	}
}

// testdata/snapshot.json was written before the device's value moved to the root.
func TestASnapshotOfBeforeIsRead(t *testing.T) {
	b, err := os.ReadFile("testdata/snapshot.json")
	if err != nil {
		t.Fatal(err)
	}
	old, now := New(), New()
	if err := old.Restore(b); err != nil {
		t.Fatal(err)
	}
	apply(t, now, story()...)
	got, _ := old.Device("101")
	want, _ := now.Device("101")
	want.ConnectedAt, want.Word, want.WordAt = 0, 0, 0 // was not kept
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	gotSum, _ := old.Summary("101")
	wantSum, _ := now.Summary("101")
	if diff := cmp.Diff(wantSum, gotSum); diff != "" {
		t.Error(diff)
	}
	if old.Counts() != now.Counts() {
		t.Errorf("%+v", old.Counts())
	}
}

func TestIntervalsAreThoseOfMeasuring(t *testing.T) {
	r := New()
	apply(t, r, &vaiven.SessionStart{Stamp: at(1), Device: "1"})
	for i := range int64(5) { // a backlog: measured every 2 s, received at once
		e := reading("1", 100_000, 20)
		e.Measured, e.States = 10_000+i*2000, []vaiven.Value{{Name: "LED", Num: 1}}
		apply(t, r, e)
	}
	sum, _ := r.Summary("1")
	if sum.IntervalMean != 2000 || sum.IntervalP95 != 2000 || sum.First != 10_000 || sum.Last != 18_000 {
		t.Errorf("%+v", sum)
	}
	if d, _ := r.Device("1"); len(d.States) != 0 {
		t.Error("a state inside a resent reading counts as the present one")
	}
}

func TestWhatABoardCouldMakeLongIsBounded(t *testing.T) {
	r := New()
	apply(t, r, &vaiven.SessionStart{Stamp: at(1), Device: "1"})
	long := strings.Repeat("ñ", 500)
	for i := range 500 {
		e := &vaiven.Reading{Stamp: at(int64(i) + 1), Device: "1", Values: []vaiven.Value{{Name: fmt.Sprintf("V%d", i), Num: 1}}}
		e.States = []vaiven.Value{{Name: fmt.Sprintf("S%d", i), Num: 1}}
		apply(t, r, e,
			&vaiven.Rejected{Stamp: at(1), Device: "1", Code: vaiven.Code(fmt.Sprint(i)), Count: 1, Text: long},
			&vaiven.Conflict{Stamp: at(1), Device: "1", Remotes: make([]string, 100)},
			&vaiven.Hello{Stamp: at(1), Device: "1", FW: long},
		)
	}
	d, _ := r.Device("1")
	if len(d.Values) != 64 || d.Values[len(d.Values)-1].Name != "V499" || d.Values[0].Name != "V436" {
		t.Errorf("%d values, %v", len(d.Values), d.Values[0])
	}
	if len(d.States) != 64 || len(d.Rejected) != 16 || len(d.Remotes) != 16 || len(d.FW) != 200 {
		t.Errorf("%d states, %d rejected, %d remotes, %d bytes of firmware", len(d.States), len(d.Rejected), len(d.Remotes), len(d.FW))
	}
	if sum, _ := r.Summary("1"); len(sum.Measurements) != 64 || len(sum.Rejected) != 16 {
		t.Errorf("%d measurements, %d kinds", len(sum.Measurements), len(sum.Rejected))
	}
	if _, err := r.Snapshot(); err != nil {
		t.Error(err)
	}
}

func TestReadersWhileItIsApplied(t *testing.T) {
	r := New()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, d := range r.List() {
					if len(d.Values) > 0 {
						d.Values[0].Num = -1 // it is a copy
					}
					r.Device(d.ID)
					r.Session(d.ID)
					r.Summary(d.ID)
				}
				r.Counts()
				r.Nobody()
			}
		})
	}
	for i := range 300 {
		dev := vaiven.Device(fmt.Sprintf("%03d", i%7))
		if i < 7 {
			apply(t, r, &vaiven.SessionStart{Stamp: at(1), Device: dev})
		}
		apply(t, r, reading(dev, int64(i), 20))
	}
	close(stop)
	wg.Wait()
	if d, _ := r.Device("003"); d.Values[0].Num != 20 {
		t.Error("a reader changed the table")
	}
}

// TestAFleetFitsInMemory: 100,000 devices with two measurements, an address, a
// session and its intervals take less than 100 MiB.
func TestAFleetFitsInMemory(t *testing.T) {
	const devices = 20_000 // a fifth, for the test's time
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := New()
	for i := range devices {
		dev := vaiven.Device(fmt.Sprintf("device-%06d", i))
		apply(t, r,
			&vaiven.Presence{Stamp: at(1), Device: dev, Connected: true, Remote: fmt.Sprintf("10.0.%d.%d", i/256, i%256)},
			&vaiven.SessionStart{Stamp: at(1), Device: dev},
		)
		for j := range int64(20) {
			e := reading(dev, 1000+j*2000, 20)
			e.Boot, e.Seq = "aaaaaaaa", uint64(j)+1
			apply(t, r, e)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / devices
	t.Logf("%d bytes a device", each)
	if each > 100<<20/100_000 {
		t.Errorf("%d bytes a device", each)
	}
	runtime.KeepAlive(r)
}

func BenchmarkApply(b *testing.B) {
	r := New()
	list := make([]vaiven.Entry, 256)
	for i := range list {
		dev := vaiven.Device(fmt.Sprintf("%03d", i))
		apply(b, r, &vaiven.SessionStart{Stamp: at(1), Device: dev})
		list[i].Event = reading(dev, 1000, 20)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Apply(1, list); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/reading")
}

func TestEachSeesEveryDeviceUntilItHasEnough(t *testing.T) {
	r := New()
	apply(t, r, reading("1", 1, 20), reading("2", 1, 20), reading("3", 1, 20))
	seen := map[vaiven.Device]bool{}
	r.Each(func(d *vaiven.DeviceInfo) bool { seen[d.ID] = true; return true })
	if len(seen) != 3 {
		t.Errorf("saw %v", seen)
	}
	n := 0
	r.Each(func(*vaiven.DeviceInfo) bool { n++; return false })
	if n != 1 {
		t.Errorf("called %d times", n)
	}
}

// An id in a message that was refused makes no row, also in a log of before, and
// what was refused of it counts for nobody. A device that is known keeps its own.
func TestWhoIsOnlyRefusedIsNoDevice(t *testing.T) {
	r := New()
	refused := []vaiven.Event{
		&vaiven.Rejected{Stamp: at(1000), Device: "0x65", Code: vaiven.CodeNotJSON, Count: 3, Text: "not JSON"},
		&vaiven.Refusal{Stamp: at(1000), Device: "0x65", Boot: "aaaaaaaa", Seq: 1, Code: vaiven.CodeOutOfRange},
		&vaiven.Conflict{Stamp: at(1000), Device: "0x65", Remotes: []string{"a", "b"}},
	}
	apply(t, r, refused...)
	if d, ok := r.Device("0x65"); ok || len(r.List()) != 0 || r.Counts().Devices != 0 {
		t.Errorf("a device: %+v", d)
	}
	if _, ok := r.Session("0x65"); ok {
		t.Error("a session")
	}
	if n := r.Nobody(); len(n) != 1 || n[0].Count != 3 {
		t.Errorf("refused of nobody: %+v", n)
	}
	apply(t, r, reading("0x65", 2000, 20))
	apply(t, r, refused...)
	if d, ok := r.Device("0x65"); !ok || len(d.Rejected) != 1 || d.Rejected[0].Count != 3 || d.Refusals != 1 || d.Conflicts != 1 {
		t.Errorf("its row: %+v", d)
	}
	if c := r.Counts(); c.Rejected != 6 || c.Refusals != 2 {
		t.Errorf("counts %+v", c)
	}
}

// A reading that says so is no part of the session, and a reading like any other.
func TestUncountedReadingIsNoPartOfTheSession(t *testing.T) {
	r := New()
	fast := reading("101", 2100, 90)
	fast.Uncounted = true
	apply(t, r, &vaiven.SessionStart{Stamp: at(1000), Device: "101", Readings: 3}, reading("101", 2000, 20), fast, reading("101", 4000, 22))
	d, _ := r.Device("101")
	sum, _ := r.Summary("101")
	if d.Session.Count != 2 || d.Readings != 3 || sum.Session.Count != 2 || sum.Measurements[0].N != 2 || sum.Measurements[0].Max != 22 || sum.Intervals != 1 {
		t.Errorf("session %+v, %d readings, summary %+v", d.Session, d.Readings, sum)
	}
}

func TestReadingsThatFillAGapAreCounted(t *testing.T) {
	r := New()
	of := func(seq uint64) *vaiven.Reading {
		return &vaiven.Reading{Device: "101", Boot: "9f3c02aa", Seq: seq, Values: []vaiven.Value{{Name: "TEMP", Num: 20}}}
	}
	entries := []vaiven.Entry{
		{Event: &vaiven.SessionStart{Device: "101", Readings: 10}},
		{Event: &vaiven.Gap{Device: "101", Boot: "9f3c02aa", From: 1, To: 5}},
		{Event: of(6)}, {Event: of(2), Fills: true}, {Event: of(3), Fills: true},
	}
	if err := r.Apply(1, entries); err != nil {
		t.Fatal(err)
	}
	snapshot, err := r.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again := New()
	if err := again.Restore(snapshot); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*Registry{r, again} {
		d, _ := r.Device("101")
		s, _ := r.Summary("101")
		if d.Gaps != 5 || d.Filled != 2 || s.Gaps != 3 || r.Counts().Filled != 2 || s.Session.Count != 3 {
			t.Errorf("device %+v, session %+v, counts %+v", d, s, r.Counts())
		}
	}
}
