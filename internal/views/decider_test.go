package views

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"vaiven"
)

// checker is what a test of testing and one of rapid have in common.
type checker interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// begun is a decider that has read the log's first record.
func begun(t checker) *Decider {
	t.Helper()
	d := NewDecider(testLog)
	_, err := d.Decide(vaiven.Record{Seq: 1, Writer: 1, N: 1, Events: []vaiven.Event{&vaiven.LogStart{Log: testLog}}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// feed decides the events as one record of a writer of their own.
func (d *Decider) feed(t checker, events ...vaiven.Event) []vaiven.Entry {
	t.Helper()
	entries, err := d.Decide(vaiven.Record{Seq: d.next, Writer: 1 << 40 * d.next, N: 1, Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func refusal(dev vaiven.Device, boot vaiven.Boot, seq uint64) *vaiven.Refusal {
	return &vaiven.Refusal{Device: dev, Boot: boot, Seq: seq, Code: vaiven.CodeOutOfRange}
}

func TestLateBatchOfAnotherWriterIsStored(t *testing.T) {
	d := begun(t)
	count := func(from, to uint64) (n int) {
		var events []vaiven.Event
		for s := from; s <= to; s++ {
			events = append(events, reading("101", "aaaaaaaa", s))
		}
		return len(d.feed(t, events...))
	}
	for _, step := range []struct {
		from, to uint64
		fresh    int
		top, max uint64
	}{
		{1, 11, 11, 11, 11},
		{17, 20, 4, 11, 20},
		{12, 16, 5, 20, 20}, // a maximum would drop these
		{10, 22, 2, 22, 22},
		{1, 22, 0, 22, 22},
	} {
		if n := count(step.from, step.to); n != step.fresh {
			t.Errorf("%d-%d: %d new, want %d", step.from, step.to, n, step.fresh)
		}
		if s := d.Settled("101", "aaaaaaaa"); s.Top != step.top || s.Max != step.max || s.Has != step.max || !s.Known {
			t.Errorf("after %d-%d: %+v", step.from, step.to, s)
		}
	}
}

// TestDeciderGivesEachReadingOnce interleaves readings, repeats, refusals and
// gaps of several boots at random, and compares with plain maps.
func TestDeciderGivesEachReadingOnce(t *testing.T) {
	type key struct {
		dev  vaiven.Device
		boot vaiven.Boot
	}
	rapid.Check(t, func(t *rapid.T) {
		d := begun(t)
		stored, skipped, open := map[key]naive{}, map[key]naive{}, map[key]naive{}
		filled := uint64(0)
		for range rapid.IntRange(1, 60).Draw(t, "records") {
			k := key{
				rapid.SampledFrom([]vaiven.Device{"001", "002"}).Draw(t, "device"),
				rapid.SampledFrom([]vaiven.Boot{"aaaaaaaa", "bbbbbbbb"}).Draw(t, "boot"),
			}
			if stored[k] == nil {
				stored[k], skipped[k], open[k] = naive{}, naive{}, naive{}
			}
			from := rapid.Uint64Range(1, 30).Draw(t, "from")
			to := from + rapid.Uint64Range(0, 6).Draw(t, "more")
			kind := rapid.IntRange(0, 5).Draw(t, "kind")
			want, fills := map[uint64]bool{}, map[uint64]bool{}
			var events []vaiven.Event
			for s := from; s <= to; s++ {
				switch {
				case kind == 0:
					events = append(events, refusal(k.dev, k.boot, s))
					want[s] = !stored[k][s] && !skipped[k][s]
					skipped[k][s] = skipped[k][s] || want[s]
					delete(open[k], s)
				case kind > 1:
					events = append(events, reading(k.dev, k.boot, s))
					want[s], fills[s] = !stored[k][s], open[k][s]
					stored[k][s] = true
					delete(open[k], s)
				}
			}
			if kind == 1 {
				events = append(events, &vaiven.Gap{Device: k.dev, Boot: k.boot, From: from, To: to})
			}
			got := d.feed(t, events...)
			if kind == 1 {
				gap := false
				for s := from; s <= to; s++ {
					gap = gap || !stored[k][s] && !skipped[k][s]
				}
				if len(got) == 0 && gap {
					t.Fatal("a gap that settles something was dropped")
				}
				for s := from; s <= to && len(got) == 1; s++ {
					if !stored[k][s] && !skipped[k][s] {
						open[k][s] = true
					}
					skipped[k][s] = true
				}
			} else {
				for _, e := range got {
					s := from + uint64(e.ID.Index)
					if !want[s] {
						t.Fatalf("SEQ %d was handed on, and should not have been", s)
					}
					if e.Fills != fills[s] {
						t.Fatalf("SEQ %d: Fills is %v", s, e.Fills)
					}
					if e.Fills {
						filled++
					}
					delete(want, s)
				}
				for s, missing := range want {
					if missing {
						t.Fatalf("SEQ %d was not handed on", s)
					}
				}
			}
			top := uint64(0)
			for stored[k][top+1] || skipped[k][top+1] {
				top++
			}
			has := uint64(0)
			for s := uint64(1); s <= 40; s++ {
				if (stored[k][s] || skipped[k][s]) && !open[k][s] {
					has = s
				}
			}
			if s := d.Settled(k.dev, k.boot); s.Top != top || s.Has != has {
				t.Fatalf("Top = %d and Has = %d, want %d and %d", s.Top, s.Has, top, has)
			}
			from = rapid.Uint64Range(0, 40).Draw(t, "missing from")
			first, last := d.Missing(k.dev, k.boot, from)
			for s := uint64(1); s <= 40; s++ {
				if in := first <= s && s <= last; in && !open[k][s] || !in && s >= from && s < first && open[k][s] {
					t.Fatalf("Missing(%d) = %d..%d, and %d is open: %v", from, first, last, s, open[k][s])
				}
			}
			if open[k][from] && !(first <= from && from <= last) || first != 0 && (open[k][first-1] || open[k][last+1]) {
				t.Fatalf("Missing(%d) = %d..%d of %v", from, first, last, open[k])
			}
		}
		if got := d.Stats().Filled; got != filled {
			t.Fatalf("%d counted as filled, want %d", got, filled)
		}
		sameState(t, d)
	})
}

// sameState checks that a decider survives being written and read, and cloned.
func sameState(t checker, d *Decider) {
	t.Helper()
	state := d.appendState(nil)
	read, rest, err := parseState(append(state, "rest"...), checkpointVersion)
	if err != nil || string(rest) != "rest" {
		t.Fatalf("parseState: %v, rest %q", err, rest)
	}
	if !bytes.Equal(read.appendState(nil), state) {
		t.Fatal("the state that was read differs")
	}
	c := d.Clone()
	if !bytes.Equal(c.appendState(nil), state) {
		t.Fatal("the clone differs")
	}
	c.feed(t, reading("001", "aaaaaaaa", 99), reading("009", "aaaaaaaa", 1), refusal("002", "bbbbbbbb", 80))
	if !bytes.Equal(d.appendState(nil), state) {
		t.Fatal("the clone changed the original")
	}
}

func TestStateCutAnywhereIsRefused(t *testing.T) {
	d := begun(t)
	for s := uint64(1); s < 40; s++ {
		d.feed(t, reading("101", "aaaaaaaa", s*2), refusal("7", "bbbbbbbb", s))
	}
	state := d.appendState(nil)
	for n := range state {
		if _, _, err := parseState(state[:n], checkpointVersion); err == nil {
			t.Fatalf("cut at %d of %d: accepted", n, len(state))
		}
	}
}

func TestCourseFormReadingsAlwaysPass(t *testing.T) {
	d := begun(t)
	r := &vaiven.Reading{Device: "101", Values: []vaiven.Value{{Name: "TEMP", Num: 24.5}}}
	for range 3 {
		if got := d.feed(t, r, r); len(got) != 2 {
			t.Fatalf("%d handed on, want 2", len(got))
		}
	}
	if d.Settled("101", "").Known {
		t.Error("a boot is known")
	}
}

func TestARefusedSeqThatIsStoredAfterAllIsHandedOn(t *testing.T) {
	d := begun(t)
	d.feed(t, reading("101", "aaaaaaaa", 1), refusal("101", "aaaaaaaa", 2))
	if len(d.feed(t, reading("101", "aaaaaaaa", 2))) != 1 {
		t.Error("dropped")
	}
	if len(d.feed(t, reading("101", "aaaaaaaa", 2))) != 0 {
		t.Error("handed on twice")
	}
}

func TestBootsAreForgottenByLogOrder(t *testing.T) {
	d := begun(t)
	boot := func(i int) vaiven.Boot { return vaiven.Boot(fmt.Sprintf("%08x", i)) }
	for i := range keepBoots {
		d.feed(t, reading("101", boot(i), 1))
	}
	d.feed(t, reading("101", boot(0), 1)) // a repeat: boot 0 is the newest again
	d.feed(t, reading("101", boot(keepBoots), 1))
	if !d.Settled("101", boot(0)).Known {
		t.Error("boot 0 was forgotten, though it was named last")
	}
	if d.Settled("101", boot(1)).Known {
		t.Error("boot 1 was not forgotten")
	}
	if n := len(d.devices["101"].boots); n != keepBoots {
		t.Errorf("%d boots", n)
	}
}

func TestWritersCount(t *testing.T) {
	rec := func(d *Decider, writer, n uint64) (int, error) {
		e, err := d.Decide(vaiven.Record{Seq: d.next, Writer: writer, N: n, Events: []vaiven.Event{&vaiven.Presence{Device: "1"}}})
		return len(e), err
	}
	var lost *LostRecordsError
	d := begun(t)
	for _, step := range []struct {
		writer, n uint64
		events    int
		want      uint64 // in the error
	}{
		{2, 1, 1, 0}, {3, 1, 1, 0}, {2, 2, 1, 0},
		{2, 2, 0, 0}, // published twice
		{3, 1, 0, 0}, {3, 2, 1, 0},
		{2, 4, 0, 3}, // 3 is missing
		{9, 2, 0, 1}, // the first record of writer 9 is missing
	} {
		n, err := rec(d, step.writer, step.n)
		if step.want != 0 {
			if !errors.As(err, &lost) || lost.Want != step.want || !errors.Is(err, ErrLostRecords) {
				t.Errorf("writer %d, n %d: %v", step.writer, step.n, err)
			}
			continue
		}
		if err != nil || n != step.events {
			t.Errorf("writer %d, n %d: %d events, %v", step.writer, step.n, n, err)
		}
	}
	if s := d.Stats(); s.RepeatedRecords != 2 {
		t.Errorf("%d repeated records", s.RepeatedRecords)
	}
	for w := range uint64(keepWriters + 5) {
		if _, err := rec(d, 1000+w, 1); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.writers.known) != keepWriters {
		t.Errorf("%d writers", len(d.writers.known))
	}
	if _, err := rec(d, 2, 3); err != nil {
		t.Errorf("a forgotten writer that goes on: %v", err)
	}
	sameState(t, d)
}

func TestALogMustBeginWithItsNameAndHaveNoHole(t *testing.T) {
	start := &vaiven.LogStart{Log: testLog}
	var lost *LostRecordsError
	var other *OtherLogError
	_, err := NewDecider(testLog).Decide(vaiven.Record{Seq: 5, Writer: 1, N: 1, Events: []vaiven.Event{&vaiven.Presence{}}})
	if !errors.As(err, &lost) || !lost.Beginning || lost.Seq != 5 {
		t.Errorf("no beginning: %v", err)
	}
	_, err = NewDecider("ff").Decide(vaiven.Record{Seq: 1, Writer: 1, N: 1, Events: []vaiven.Event{start}})
	if !errors.As(err, &other) || other.Got != testLog {
		t.Errorf("another log: %v", err)
	}
	d := begun(t)
	_, err = d.Decide(vaiven.Record{Seq: 3, Writer: 1, N: 2})
	if !errors.As(err, &lost) || lost.Expected != 2 {
		t.Errorf("a hole: %v", err)
	}
	_, err = d.Decide(vaiven.Record{Seq: 2, Writer: 1, N: 2, Events: []vaiven.Event{&vaiven.LogStart{Log: "ff"}}})
	if !errors.As(err, &other) {
		t.Errorf("another name in the middle: %v", err)
	}
	if _, err = begun(t).Decide(vaiven.Record{Seq: 2, Writer: 1, N: 1, Events: []vaiven.Event{start}}); err != nil {
		t.Errorf("the first record published twice: %v", err)
	}
	for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
		for _, e := range []*LostRecordsError{{Seq: 5, Beginning: true}, {Seq: 3, Expected: 2}, {Seq: 9, Writer: 1, N: 4, Want: 3}, {Seq: 7, Checkpoint: 12}} {
			if s := e.Text(l); bytes.Contains([]byte(s), []byte("%!")) {
				t.Error(s)
			}
		}
	}
}

func TestRepeatRemembersTheFirstAndTheLastValues(t *testing.T) {
	d := begun(t)
	values := func(s uint64) []vaiven.Value { return reading("101", "aaaaaaaa", s).Values }
	other := []vaiven.Value{{Name: "TEMP", Num: 99}}
	for s := uint64(1); s <= 200; s++ {
		if s == 190 {
			d.feed(t, refusal("101", "aaaaaaaa", s))
			continue
		}
		d.feed(t, reading("101", "aaaaaaaa", s))
	}
	for s := uint64(1); s <= 201; s++ {
		same, known := d.Repeat("101", "aaaaaaaa", s, values(s))
		differs, _ := d.Repeat("101", "aaaaaaaa", s, other)
		remembered := (s <= firstSums || s > 200-lastSums && s <= 200) && s != 190
		if known != remembered || same != remembered || differs {
			t.Errorf("SEQ %d: same %v, known %v, another is the same: %v", s, same, known, differs)
		}
	}
	if _, known := d.Repeat("101", "bbbbbbbb", 1, other); known {
		t.Error("an unknown boot is known")
	}
	turned := values(3)
	turned[0], turned[1] = turned[1], turned[0]
	if same, _ := d.Repeat("101", "aaaaaaaa", 3, turned); !same {
		t.Error("the order of the values counts")
	}
	for i := range sumBoots {
		d.feed(t, reading("101", vaiven.Boot(fmt.Sprintf("%08x", i)), 1))
	}
	if _, known := d.Repeat("101", "aaaaaaaa", 200, values(200)); known {
		t.Error("an old boot keeps its last values")
	}
	if same, known := d.Repeat("101", "aaaaaaaa", 16, values(16)); !same || !known {
		t.Error("an old boot has lost its first values")
	}
	d.feed(t, &vaiven.Reading{Device: "101", Boot: "aaaaaaaa", Seq: 1, Values: other})
	if s := d.Stats(); s.Different != 1 || s.Repeats != 1 {
		t.Errorf("%+v", s)
	}
}

// TestSumsStay: they are in checkpoints of earlier versions.
func TestSumsStay(t *testing.T) {
	if got := sumOf([]vaiven.Value{{Name: "TEMP", Num: 24.5}, {Name: "HUM", Num: 61}}); got != 0xfb02a395 {
		t.Errorf("%#x", got)
	}
}

func TestManyRefusalsAreJoinedBelowTheTop(t *testing.T) {
	d := begun(t)
	const last = 20_000
	for s := uint64(1); s <= last; s++ {
		if s%2 == 0 {
			d.feed(t, refusal("101", "aaaaaaaa", s))
		} else {
			d.feed(t, reading("101", "aaaaaaaa", s))
		}
	}
	b := d.devices["101"].boots[0]
	if len(b.stored) > maxSpans || len(b.skipped) > maxSpans+1 || b.top != last {
		t.Errorf("%d and %d spans, top %d", len(b.stored), len(b.skipped), b.top)
	}
	if n := len(d.feed(t, reading("101", "aaaaaaaa", 1), reading("101", "aaaaaaaa", last-1), reading("101", "aaaaaaaa", last+1))); n != 1 {
		t.Errorf("%d handed on, want 1", n)
	}
	if n := len(d.feed(t, reading("101", "aaaaaaaa", last))); n != 1 {
		t.Error("a reading under a SEQ refused lately was dropped")
	}
}
