package history

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven"
)

// reading is one of board d with two values, so many ms after the tests' begin.
func reading(d vaiven.Device, ms int64, temp float64) *vaiven.Reading {
	return &vaiven.Reading{Stamp: vaiven.Stamp{At: begun + ms, Synced: true}, Device: d, Values: []vaiven.Value{{Name: "TEMP", Num: temp}, {Name: "HUM", Num: 60}}}
}

// measured is a reading that came later than it was taken.
func measured(d vaiven.Device, at, taken int64, temp float64) *vaiven.Reading {
	r := reading(d, at, temp)
	r.Measured = begun + taken
	return r
}

// report is one of a board's states, LED and its opposite FAN.
func report(d vaiven.Device, ms int64, on float64) *vaiven.Report {
	return &vaiven.Report{Stamp: vaiven.Stamp{At: begun + ms, Synced: true}, Device: d, States: []vaiven.Value{{Name: "LED", Num: on}, {Name: "FAN", Num: 1 - on}}}
}

// wait returns when blocks are no longer being joined.
func wait(h *History) { h.work.Wait() }

// hours appends a reading each fifteen seconds for some hours.
func (m *mirror) hours(t fatal, from, to int) {
	for ms := int64(from) * 3_600_000; ms < int64(to)*3_600_000; ms += 15_000 {
		m.append(t, reading("101", ms, 20+float64(ms/15_000%50)/10))
	}
}

func open(t *testing.T, change ...func(*Options)) *mirror {
	t.Helper()
	m := newMirror(filepath.Join(t.TempDir(), "history"), 0)
	for _, c := range change {
		c(&m.options)
	}
	m.open(t, 0)
	t.Cleanup(m.closeAll)
	return m
}

// again closes the history and opens it as another start does.
func (m *mirror) again(t *testing.T) {
	t.Helper()
	wait(m.h)
	if err := m.h.Close(); err != nil {
		t.Fatal(err)
	}
	m.open(t, 0)
}

// TestBlocksAreJoined writes three weeks: few blocks remain, no sample is missing or
// there twice, and roll-ups and samples agree for queries of every width.
func TestBlocksAreJoined(t *testing.T) {
	m := open(t, func(o *Options) { o.cut = 8 * time.Hour })
	for day := range 22 {
		m.hours(t, day*24, day*24+24)
		m.append(t, measured("101", int64(day+1)*86_400_000, 60_000*int64(day)+5, 3.5)) // late, of the first hour
	}
	wait(m.h)
	if s := m.h.Stats(); s.Blocks > 20 || s.Late != 2*22 || s.Err != nil {
		t.Errorf("%+v", s)
	}
	m.check(t)
	end := int64(begun + 23*86_400_000)
	for _, q := range []vaiven.CurveQuery{
		{From: begun, To: end, Points: 1000}, {From: begun, To: end, Points: 2}, {From: begun + 77_777, To: end - 1_234_567, Points: 300},
		{From: begun - 1000, To: begun + 7_200_000, Points: 60}, {From: begun + 1, To: begun + 2, Points: 10}, {From: end, To: end + 1, Points: 10},
		{From: begun + 3_600_001, To: begun + 90_000_001, Points: 250, Names: []string{"HUM"}}, {From: begun, To: end, Points: 9000},
	} {
		m.checkQuery(t, q)
	}
	m.again(t)
	m.check(t)
}

// TestAStateHoldsUntilTheNextReport: what it was at the beginning is found wherever it
// was reported last, in blocks or in memory, late ones included; of boards that are asked
// for, or have something in the time that is.
func TestAStateHoldsUntilTheNextReport(t *testing.T) {
	m := open(t, func(o *Options) { o.cut = 8 * time.Hour })
	const hour = 3_600_000
	m.append(t, report("102", 1000, 1)) // and never again
	m.append(t, report("101", 2000, 0))
	m.append(t, report("101", 3*hour, 1))
	m.hours(t, 0, 60)
	m.append(t, report("103", 60*hour+1, 1))
	m.append(t, report("101", 59*hour, 0)) // late
	wait(m.h)
	if m.h.Stats().Blocks == 0 {
		t.Fatal("all is in memory")
	}
	for _, from := range []int64{0, 1001, 2*hour + 1, 3 * hour, 3*hour + 1, 40 * hour, 59 * hour, 59*hour + 1, 61 * hour} {
		for _, q := range []vaiven.CurveQuery{
			{}, {Devices: []vaiven.Device{"102"}}, {Devices: []vaiven.Device{"101", "103"}}, {Names: []string{"LED"}}, {Devices: []vaiven.Device{"101"}, Names: []string{"TEMP"}},
		} {
			q.From, q.To, q.Points = begun+from, begun+from+30*60_000, 50
			m.checkQuery(t, q)
		}
	}
	got, err := m.h.Curves(t.Context(), vaiven.CurveQuery{Devices: []vaiven.Device{"102"}, From: begun + 61*hour, To: begun + 62*hour, Points: 10})
	if err != nil || len(got.Curves) != 2 || got.Curves[1].Name != "LED" || *got.Curves[1].Before != (vaiven.Held{At: begun + 1000, Num: 1}) || len(got.Curves[1].Buckets) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	m.again(t)
	m.checkQuery(t, vaiven.CurveQuery{From: begun + 59*hour + 60_000, To: begun + 60*hour, Points: 50})
}

// TestFolderThatFails puts a file where the folder should be: nothing is lost, nothing
// is taken twice, and all is well once the folder can be written.
func TestFolderThatFails(t *testing.T) {
	m := open(t, func(o *Options) { o.headSamples = 50 })
	for ms := int64(0); m.h.head.samples < 50; ms += 2000 {
		m.append(t, reading("101", ms, 20))
	}
	if err := os.WriteFile(m.dir, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	next := []vaiven.Entry{{Event: reading("101", 200_000, 21)}}
	pos := uint64(len(m.log) + 1)
	for range 3 {
		if err := m.h.Apply(pos, next); err == nil {
			t.Fatal("a block was written into a file")
		}
	}
	m.check(t) // from memory
	if err := os.Remove(m.dir); err != nil {
		t.Fatal(err)
	}
	m.append(t, reading("101", 200_000, 21))
	if m.h.Kept() != pos-1 || m.h.Stats().Blocks != 1 {
		t.Errorf("kept %d, %+v; want %d", m.h.Kept(), m.h.Stats(), pos-1)
	}
	m.check(t)
	m.again(t)
	m.check(t)
}

// TestManifestThatCannotBeReplaced fails behind the blocks and in front of the manifest.
func TestManifestThatCannotBeReplaced(t *testing.T) {
	m := open(t)
	m.hours(t, 0, 5) // two blocks
	inTheWay := filepath.Join(m.dir, manifestName+".new")
	if err := os.MkdirAll(filepath.Join(inTheWay, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	before := m.h.Stats()
	next := reading("101", 7*3_600_000, 21)
	if err := m.h.Apply(uint64(len(m.log)+1), []vaiven.Entry{{Event: next}}); err == nil {
		t.Fatal("a manifest was written")
	}
	if s := m.h.Stats(); s.Blocks != before.Blocks || s.InMemory != before.InMemory {
		t.Errorf("%+v, before %+v", s, before)
	}
	folders, err := m.h.folders()
	if err != nil || len(folders) != before.Blocks {
		t.Errorf("leftovers: %v, %v", folders, err)
	}
	m.check(t)
	if err := os.RemoveAll(inTheWay); err != nil {
		t.Fatal(err)
	}
	m.append(t, next)
	m.check(t)
}

// TestOtherLog sets the folder of another log aside.
func TestOtherLog(t *testing.T) {
	m := open(t)
	m.hours(t, 0, 3)
	if err := m.h.Close(); err != nil {
		t.Fatal(err)
	}
	var notices []Notice
	m.options.Log = "ff"
	m.options.Notify = func(n Notice) { notices = append(notices, n) }
	m.log, m.want, m.counts = nil, map[key]map[int64]float64{}, counts{}
	m.open(t, 0)
	if len(notices) != 1 || notices[0].Kind != OtherLog || !strings.Contains(notices[0].Text(vaiven.Spanish), "otro registro") {
		t.Errorf("%+v", notices)
	}
	if old, err := readManifest(notices[0].Aside); err != nil || old == nil || len(old.Blocks) == 0 {
		t.Errorf("the old folder: %+v, %v", old, err)
	}
	m.hours(t, 0, 3)
	m.check(t)
}

// TestDamagedManifest is used as far as its blocks are whole, and completed from the
// log's end.
func TestDamagedManifest(t *testing.T) {
	m := open(t)
	m.hours(t, 0, 40)
	wait(m.h)
	kept := m.h.Kept()
	if err := m.h.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(m.dir, manifestName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 4
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	told := 0
	m.options.Notify = func(n Notice) { told++ }
	m.open(t, 0)
	if told != 1 || m.h.saved.Kept == 0 || m.h.saved.Kept > kept {
		t.Errorf("%d notices; kept %d of %d", told, m.h.saved.Kept, kept)
	}
	m.counts.Samples = m.h.Stats().Samples // counts were in the manifest
	m.check(t)
}

// TestBlockThatCannotBeRead is told, kept, and missing; the others are there.
func TestBlockThatCannotBeRead(t *testing.T) {
	m := open(t)
	m.hours(t, 0, 9)
	wait(m.h)
	victim := m.h.blocks[1].dir
	if err := m.h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(victim, indexName), 100); err != nil {
		t.Fatal(err)
	}
	var notices []Notice
	m.options.Notify = func(n Notice) { notices = append(notices, n) }
	m.open(t, 0)
	m.hours(t, 9, 40)
	m.again(t)
	if len(notices) != 2 || notices[0].Kind != LostBlocks {
		t.Errorf("%+v: want a notice at each start", notices)
	}
	if _, err := os.Stat(victim); err != nil {
		t.Errorf("the block is gone: %v", err)
	}
	got, err := m.everything()
	if n := len(got[key{"101", "TEMP", false}]); err != nil || n < 40*240-2*2400 || n >= 40*240 {
		t.Errorf("%d samples, %v", n, err)
	}
}

// TestDamagedRollup changes every byte of a roll-up in turn: answers stay right.
func TestDamagedRollup(t *testing.T) {
	m := open(t)
	m.hours(t, 0, 3)
	path := filepath.Join(m.h.blocks[0].dir, rollupName)
	b, err := os.ReadFile(path)
	if err != nil || len(b) < 1000 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	q := vaiven.CurveQuery{From: begun, To: begun + 3*3_600_000, Points: 10}
	for i := len(rollupMagic); i < len(b); i += 7 {
		bad := slices.Clone(b)
		bad[i] ^= 0x41
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		m.checkQuery(t, q)
	}
}

// TestRetention removes what is older than is kept, and then the oldest beyond a size.
func TestRetention(t *testing.T) {
	m := open(t, func(o *Options) { o.Keep, o.cut = 5*vaiven.Day, 6*time.Hour })
	m.hours(t, 0, 12*24)
	wait(m.h)
	s := m.h.Stats()
	if age := time.Duration(m.h.newest-s.Oldest) * time.Millisecond; age < 5*vaiven.Day || age > 6*vaiven.Day {
		t.Errorf("the oldest is %v old", age)
	}
	m.append(t, measured("101", 12*86_400_000, 86_400_000, 9)) // older than is kept
	if got := m.h.Stats(); got.Expired != 2 {
		t.Errorf("%+v", got)
	}
	m.options.MaxBytes = s.Bytes / 2
	m.counts.Samples = m.h.Stats().Samples
	m.again(t)
	m.hours(t, 12*24+1, 13*24)
	wait(m.h)
	if got := m.h.Stats(); got.Bytes > s.Bytes/2 || got.Blocks == 0 || got.Oldest <= s.Oldest {
		t.Errorf("%+v, before %+v", got, s)
	}
	if folders, err := m.h.folders(); err != nil || len(folders) != m.h.Stats().Blocks {
		t.Errorf("folders %v, %v", folders, err)
	}
}

// TestReadersMeetRemoval asks while blocks are joined and removed.
func TestReadersMeetRemoval(t *testing.T) {
	m := open(t, func(o *Options) { o.Keep, o.cut = 3*vaiven.Day, 4*time.Hour })
	ask, done := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		var err error
		for range ask {
			if err == nil {
				_, err = m.h.Curves(context.Background(), vaiven.CurveQuery{From: begun, To: begun + 30*86_400_000, Points: 100})
			}
			if err == nil {
				_, err = m.everything()
			}
			_ = m.h.Stats()
		}
		done <- err
	}()
	for day := range 8 {
		for hour := range 24 {
			m.hours(t, day*24+hour, day*24+hour+1)
			select {
			case ask <- struct{}{}:
			default:
			}
		}
	}
	close(ask)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestStates are series of their own, and numbers near the largest have a mean.
func TestStates(t *testing.T) {
	m := open(t)
	r := reading("101", 0, math.MaxFloat64)
	r.States = []vaiven.Value{{Name: "LED", Num: 1}, {Name: "TEMP", Num: 7}}
	m.append(t, r, reading("101", 1, math.MaxFloat64), reading("101", 2, math.Copysign(0, -1)),
		&vaiven.Report{Stamp: vaiven.Stamp{At: begun + 1}, Device: "101", States: []vaiven.Value{{Name: "LED", Num: 0}}},
		&vaiven.Hello{Stamp: vaiven.Stamp{At: begun + 1}, Device: "101"}, &vaiven.Presence{Stamp: vaiven.Stamp{At: begun + 1}, Device: "102"})
	m.check(t)
	got, err := m.h.Curves(t.Context(), vaiven.CurveQuery{From: begun, To: begun + 1000, Points: 2})
	if err != nil || len(got.Curves) != 4 || got.Curves[0].Name != "HUM" || got.Curves[2].Name != "LED" || !got.Curves[2].State {
		t.Fatalf("%+v, %v", got, err)
	}
	if b := got.Curves[1].Buckets[0]; b.Count != 3 || math.IsInf(b.Mean, 0) || b.Min != 0 {
		t.Errorf("%+v", b)
	}
}

// TestTooMuch refuses a query whose answer would be memory without end.
func TestTooMuch(t *testing.T) {
	m := open(t)
	for i := range 200 {
		m.append(t, reading(vaiven.Device("board-"+string(rune('a'+i%26))+string(rune('a'+i/26))), int64(i), 1))
	}
	_, err := m.h.Curves(t.Context(), vaiven.CurveQuery{From: begun - 86_400_000*365, To: begun + 86_400_000, Points: vaiven.MaxPoints})
	if !errors.Is(err, vaiven.ErrTooManyBuckets) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.h.Curves(ctx, vaiven.CurveQuery{From: begun, To: begun + 1000, Points: 10}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestAdopt lets a history go on with another log, and looks at the folder before.
func TestAdopt(t *testing.T) {
	m := open(t)
	m.hours(t, 0, 7)
	wait(m.h)
	s := m.h.Stats()
	f, err := Examine(m.dir)
	if err != nil || f.Log != "0f" || f.Blocks != s.Blocks || f.Bytes != s.Bytes || f.Samples+uint64(s.InMemory) != s.Samples || f.Oldest != begun || len(f.Unreadable) != 0 {
		t.Errorf("%+v, %v; %+v", f, err, s)
	}
	if err := m.h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Adopt(m.dir, "ff"); err != nil {
		t.Fatal(err)
	}
	lost := 0 // what was in memory only
	for _, samples := range m.want {
		for at := range samples {
			if at > f.Newest {
				delete(samples, at)
				lost++
			}
		}
	}
	m.counts.Samples -= uint64(lost)
	m.options.Log, m.log = "ff", nil
	m.options.Notify = func(n Notice) { t.Error(n) }
	m.open(t, 0)
	m.check(t)
	m.hours(t, 8, 11)
	m.check(t)
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if f, err := Examine(dir); err != nil || f.Log != "" || Adopt(dir, "ff") != nil {
			t.Errorf("%+v, %v", f, err)
		}
	}
}

// TestClockOfAnotherCentury: a computer that wakes up in 2099 without a clock, and then
// learns the time, loses nothing and goes on writing blocks.
func TestClockOfAnotherCentury(t *testing.T) {
	m := open(t, func(o *Options) { o.Keep = 5 * vaiven.Day })
	m.hours(t, 0, 5)
	wrong := reading("101", 73*365*86_400_000, 20)
	wrong.Synced = false
	m.append(t, wrong)
	m.hours(t, 5, 13)
	wait(m.h)
	m.check(t)
	if s := m.h.Stats(); s.Expired != 0 || s.InMemory > 2*2*240 {
		t.Errorf("%+v", s)
	}
}

// TestWriterThatIsLeftBehind goes on when the history is closed, as a view does that
// hangs in a slow disk: its blocks do not count, and those of before are all there.
func TestWriterThatIsLeftBehind(t *testing.T) {
	m := open(t)
	m.hours(t, 0, 9)
	wait(m.h)
	blocks := m.h.Stats().Blocks
	if blocks == 0 || m.h.head.samples == 0 {
		t.Fatalf("%d blocks, %d samples in memory", blocks, m.h.head.samples)
	}
	if err := m.h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.h.writeHead(); !errors.Is(err, errClosed) {
		t.Errorf("written behind the end: %v", err)
	}
	m.open(t, 0)
	if got := m.h.Stats().Blocks; got != blocks {
		t.Errorf("%d blocks are left of %d", got, blocks)
	}
	m.check(t)
}

// TestTimesOfABoardGoneMad are of many centuries, told by a server that does not know
// the time itself: they make no more blocks than a bound.
func TestTimesOfABoardGoneMad(t *testing.T) {
	h, err := Open(Options{Dir: t.TempDir(), Log: "0f"})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	slot := h.slot()
	for i := range uint64(3 * maxSlots) {
		r := measured("101", int64(i), int64(i)*slot, 20)
		r.Synced = false
		if err := h.Apply(i+1, []vaiven.Entry{{ID: vaiven.ID{Record: i + 1}, Event: r}}); err != nil {
			t.Fatal(err)
		}
	}
	if slots := len(h.headSlots()); slots != maxSlots {
		t.Errorf("samples in %d slots, want %d", slots, maxSlots)
	}
	if s := h.Stats(); s.Expired != 2*2*maxSlots || s.Samples != 2*maxSlots {
		t.Errorf("%+v", s)
	}
}

// TestErrorsNameTheRoomOnce: what is said of a folder that fails has "history:" in front,
// once.
func TestErrorsNameTheRoomOnce(t *testing.T) {
	m := open(t)
	m.hours(t, 0, 3)
	wait(m.h)
	said := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.HasPrefix(err.Error(), "history: ") || strings.Count(err.Error(), "history: ") != 1 {
			t.Errorf("%s: %v", what, err)
		}
	}
	inTheWay := filepath.Join(m.dir, manifestName+".new")
	if err := os.MkdirAll(filepath.Join(inTheWay, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	said("settle", m.h.Settle(1<<40))
	said("apply", m.h.Apply(1<<41, []vaiven.Entry{{Event: reading("101", 86_400_000, 20)}}))
	if err := m.h.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := m.h.Queryable().Querier(0, 1)
	said("query", err)
	said("adopt", Adopt(m.dir, "ff"))
	path := filepath.Join(m.dir, manifestName)
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Open(m.options) // which writes another manifest
	said("open", err)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil { // it cannot be read
		t.Fatal(err)
	}
	_, err = Open(m.options)
	said("open", err)
	_, err = Examine(m.dir)
	said("examine", err)
	_, err = Files(m.dir, "0f")
	said("files", err)
	_, err = OpenChecker(m.dir, "0f")
	said("check", err)
}
