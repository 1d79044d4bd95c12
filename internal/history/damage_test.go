package history

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/util/annotations"

	"vaiven"
)

// harm changes a file of a block, behind the back of whoever has it open.
func harm(t *testing.T, dir, name string, change func(b []byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before := len(b)
	if b = change(b); len(b) < before {
		err = os.Truncate(path, int64(len(b)))
	} else {
		err = os.WriteFile(path, b, 0o644) // the same file, as a disk changes it
	}
	if err != nil {
		t.Fatal(err)
	}
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		if at < 0 {
			at += len(b)
		}
		b[at] ^= 1
		return b
	}
}

var firstChunks = filepath.Join(chunksName, "000001")

// ask asks for all there is, both ways, and returns how many values of TEMP came, what
// was said to be unread, and the warnings.
func (m *mirror) ask(t *testing.T, hours int) (curves, samples int, unread []vaiven.Stretch, warnings []string) {
	t.Helper()
	q := vaiven.CurveQuery{From: begun, To: begun + int64(hours)*3_600_000, Points: hours*3600 + 1, Names: []string{"TEMP"}}
	got, err := m.h.Curves(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range got.Curves {
		for _, b := range c.Buckets {
			curves += int(b.Count)
		}
	}
	querier, err := m.h.Queryable().Querier(q.From, q.To)
	if err != nil {
		t.Fatal(err)
	}
	set := querier.Select(t.Context(), true, nil, labels.MustNewMatcher(labels.MatchEqual, vaiven.LabelMeasurement, "TEMP"))
	for set.Next() {
		it := set.At().Iterator(nil)
		for it.Next() != 0 {
			samples++
		}
		if it.Err() != nil {
			t.Error(it.Err())
		}
	}
	if set.Err() != nil {
		t.Error(set.Err())
	}
	if err := querier.Close(); err != nil {
		t.Error(err)
	}
	notes := querier.(interface {
		Warnings() annotations.Annotations
	}).Warnings()
	warnings, _ = notes.AsStrings("", 0, 0)
	return curves, samples, got.Unread, warnings
}

// TestDamagedBlockIsAnsweredAround damages one block in many ways, while the server runs
// and before it starts: all else is answered, the answer says that something is missing,
// and a person is told once.
func TestDamagedBlockIsAnsweredAround(t *testing.T) {
	for name, c := range map[string]struct {
		file   string
		change func([]byte) []byte
		most   int // hours of the block that are lost, at most
	}{
		"a bit of a chunk":        {firstChunks, flip(500), 1},
		"the last chunk":          {firstChunks, flip(-10), 1},
		"chunks cut":              {firstChunks, func(b []byte) []byte { return b[:700] }, 2},
		"chunks gone":             {firstChunks, func(b []byte) []byte { return b[:0] }, 2},
		"index cut":               {indexName, func(b []byte) []byte { return b[:40] }, 2},
		"index: a bit in its end": {indexName, flip(-3), 2},
		"meta.json":               {metaName, func(b []byte) []byte { return b[:20] }, 2},
	} {
		for _, restart := range []bool{false, true} {
			if name == "meta.json" && !restart {
				continue // it is not read again
			}
			t.Run(strings.ReplaceAll(name, " ", "_")+map[bool]string{true: ",_then_started"}[restart], func(t *testing.T) {
				var told []Notice
				var logged bytes.Buffer
				m := open(t, func(o *Options) {
					o.Notify = func(n Notice) { told = append(told, n) }
					o.Logger = slog.New(slog.NewTextHandler(&logged, nil))
				})
				const hours = 9
				m.hours(t, 0, hours)
				wait(m.h)
				b := m.h.blocks[1]
				id, first, end := b.id, b.first, b.end
				harm(t, b.dir, c.file, c.change)
				if restart {
					m.again(t)
				}
				all := 240 * hours
				for range 2 {
					curves, samples, unread, warnings := m.ask(t, hours)
					if curves != samples || curves < all-240*c.most || curves > all {
						t.Errorf("%d and %d values of %d", curves, samples, all)
					}
					if curves == all && len(unread) == 0 && len(warnings) == 0 && !restart {
						continue // what was read of it at the start is not read again
					}
					outside := func(s vaiven.Stretch) bool { return (s.From < first || s.To > end) && name != "meta.json" }
					if len(unread) == 0 || slices.ContainsFunc(unread, outside) || len(warnings) == 0 || !strings.Contains(warnings[0], id.String()) {
						t.Errorf("unread %v, warnings %q; the block is of %d to %d", unread, warnings, first, end)
					}
					if len(told) != 1 || told[0].Blocks[0] != id || told[0].Hint(vaiven.English) == "" || told[0].Text(vaiven.Spanish) == told[0].Text(vaiven.English) {
						t.Errorf("told %+v", told)
					}
					if text := logged.String(); strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, id.String()) || !strings.Contains(text, "hint=") {
						t.Errorf("logged %s", text)
					}
					if m.h.Stats().Unreadable != 1 {
						t.Errorf("%+v", m.h.Stats())
					}
				}
				if err := m.h.Close(); err != nil {
					t.Fatal(err)
				}
				found := m.checkFolder(t, 1000, nil) // of a log that was trimmed
				if len(found.Unread) != 1 || found.Unread[0] != id || !strings.Contains(found.Text(vaiven.English), id.String()) || found.Text(vaiven.Spanish) == "" || found.Err == nil {
					t.Errorf("verify: %+v: %q", found, found.Text(vaiven.English))
				}
			})
		}
	}
}

// TestEveryByteOfABlock changes one byte after the other: what is answered is true,
// whatever is missing from it is said, and verify finds what is said.
func TestEveryByteOfABlock(t *testing.T) {
	m := open(t)
	m.hours(t, 0, 3)
	wait(m.h)
	dir, id := m.h.blocks[0].dir, m.h.blocks[0].id
	if err := m.h.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{firstChunks, indexName} {
		whole, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for at := range whole {
			if at%11 != 0 { // 11 and the fields' lengths have nothing in common
				continue
			}
			harm(t, dir, name, flip(at))
			m.open(t, 0)
			got, err := m.everything()
			if err != nil {
				t.Fatalf("%s, byte %d: %v", name, at, err)
			}
			lacks := false
			for k, samples := range m.want {
				for ms, v := range samples {
					have, there := got[k][ms]
					lacks = lacks || !there && ms < begun+7_200_000
					if there && have != v {
						t.Fatalf("%s, byte %d: %v at %d is %v, not %v", name, at, k, ms, have, v)
					}
				}
			}
			unread := m.h.Stats().Unreadable
			if lacks && unread == 0 {
				t.Fatalf("%s, byte %d: something is missing, and nobody says so", name, at)
			}
			if err := m.h.Close(); err != nil {
				t.Fatal(err)
			}
			if found := m.checkFolder(t, 1000, nil); unread > 0 && !slices.Contains(found.Unread, id) {
				t.Fatalf("%s, byte %d: verify does not find it: %+v", name, at, found)
			}
			if err := os.WriteFile(filepath.Join(dir, name), whole, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestDamagedBlockIsNotJoined: the others are, once; the damaged one stays as it is until
// it is too old, and nothing of the others is lost.
func TestDamagedBlockIsNotJoined(t *testing.T) {
	var logged bytes.Buffer
	m := open(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	m.hours(t, 0, 9)
	wait(m.h)
	victim := m.h.blocks[1]
	harm(t, victim.dir, firstChunks, flip(500))
	const hours = 60
	m.hours(t, 9, hours)
	wait(m.h)
	s := m.h.Stats()
	if s.Err != nil || s.Unreadable != 1 || s.Blocks > 15 || !slices.Contains(m.h.blocks, victim) {
		t.Errorf("%+v, %v", s, m.h.blocks)
	}
	if n := strings.Count(logged.String(), "level="); n != 1 {
		t.Errorf("%d lines: %s", n, logged.String())
	}
	if folders, err := m.h.folders(); err != nil || len(folders) != s.Blocks {
		t.Errorf("leftovers: %v, %v", folders, err)
	}
	curves, samples, unread, _ := m.ask(t, hours)
	if lost := 240*hours - curves; curves != samples || lost > 240 || len(unread) > 1 || lost > 0 && len(unread) == 0 {
		t.Errorf("%d and %d of %d, unread %v", curves, samples, 240*hours, unread)
	}
	m.append(t, measured("101", hours*3_600_000, 3_600_000*3+7, 9), measured("101", hours*3_600_000+1, 3_600_000*3+7_000, 9)) // late, into it
	m.options.Keep = 24 * 3_600_000_000_000
	m.again(t)
	m.hours(t, hours+1, hours+14)
	wait(m.h)
	if s := m.h.Stats(); s.Unreadable != 0 {
		t.Errorf("it is too old, and still there: %+v", s)
	}
	if _, err := os.Stat(victim.dir); err == nil {
		t.Error("its folder is still there")
	}
}

// TestLostBlockGrowsOld removes a block that cannot be opened when it is too old.
func TestLostBlockGrowsOld(t *testing.T) {
	m := open(t)
	m.hours(t, 0, 9)
	wait(m.h)
	dir := m.h.blocks[0].dir
	harm(t, dir, indexName, flip(-3))
	m.options.Keep = 24 * 3_600_000_000_000
	m.again(t)
	if s := m.h.Stats(); s.Unreadable != 1 {
		t.Fatalf("%+v", s)
	}
	m.hours(t, 9, 40)
	wait(m.h)
	if s := m.h.Stats(); s.Unreadable != 0 {
		t.Errorf("%+v", s)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("its folder is still there")
	}
	m.options.Notify = func(n Notice) { t.Error(n.Text(vaiven.English)) }
	m.again(t)
}

// TestUnreadStaysSmall joins what touches, and tells no end of stretches.
func TestUnreadStaysSmall(t *testing.T) {
	var u unread
	for i := range int64(5000) {
		u.add(damage{Stretch: vaiven.Stretch{From: i * 10, To: i*10 + 5}})
	}
	if got := u.within(100, 200); len(got) != 1 || got[0] != (vaiven.Stretch{From: 100, To: 200}) {
		t.Error(got)
	}
	u = unread{}
	for _, s := range []vaiven.Stretch{{From: 5, To: 9}, {From: 0, To: 3}, {From: 3, To: 5}, {From: 20, To: 30}} {
		u.add(damage{Stretch: s})
	}
	if got := u.within(1, 25); len(got) != 2 || got[0] != (vaiven.Stretch{From: 1, To: 9}) || got[1] != (vaiven.Stretch{From: 20, To: 25}) {
		t.Error(got)
	}
	var none *unread
	none.add(damage{})
	if _, err := (&Checker{}).Finish(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestDamageHidesWhatHeld damages the block with a state's last report, in each place: no
// earlier report is answered as if it held still.
func TestDamageHidesWhatHeld(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		firstChunks: func(b []byte) []byte { return b[:0] },
		indexName:   func(b []byte) []byte { return b[:40] },
		metaName:    func(b []byte) []byte { return b[:20] },
	} {
		for _, restart := range []bool{false, true} {
			if name == metaName && !restart {
				continue // it is not read again
			}
			m := open(t)
			m.append(t, report("101", 1000, 1))
			m.hours(t, 0, 3)
			m.append(t, report("101", 3*3_600_000, 0))
			m.hours(t, 3, 9)
			wait(m.h)
			ask := func() *vaiven.Held {
				got, err := m.h.Curves(t.Context(), vaiven.CurveQuery{Names: []string{"LED"}, Devices: []vaiven.Device{"101"}, From: begun + 8*3_600_000, To: begun + 9*3_600_000, Points: 2})
				if err != nil {
					t.Fatal(err)
				}
				if len(got.Curves) == 0 {
					return nil
				}
				return got.Curves[0].Before
			}
			if held := ask(); held == nil || *held != (vaiven.Held{At: begun + 3*3_600_000, Num: 0}) {
				t.Fatalf("%+v held", held)
			}
			harm(t, m.h.blocks[1].dir, name, change)
			if restart {
				m.again(t)
			}
			if held := ask(); held != nil && held.Num != 0 {
				t.Errorf("%s, started again %v: %+v is said to hold", name, restart, *held)
			}
		}
	}
}
