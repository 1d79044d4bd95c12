package views

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"vaiven"
)

// late is a view whose data are behind the checkpoint: it keeps what it was given up to
// kept, and forgets the rest in a restart.
type late struct {
	mu     sync.Mutex
	events map[vaiven.ID]uint64 // by record
	kept   uint64
	fail   error // of the next Apply
}

func (v *late) Name() string { return "late" }

func (v *late) Apply(pos uint64, entries []vaiven.Entry) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.fail; err != nil {
		v.fail = nil
		return err
	}
	for _, en := range entries {
		v.events[en.ID] = pos
	}
	return nil
}

func (v *late) Snapshot() ([]byte, error) { return []byte("late"), nil }

func (v *late) Restore([]byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for id, pos := range v.events {
		if pos > v.kept {
			delete(v.events, id)
		}
	}
	return nil
}

func (v *late) Kept() uint64 { return v.kept }

func (v *late) all() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var ids []vaiven.ID
	for id := range v.events {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b vaiven.ID) int {
		if a.Before(b) {
			return -1
		}
		return 1
	})
	var out []string
	for _, id := range ids {
		out = append(out, id.String())
	}
	return out
}

// TestPositionedViewIsGivenWhatItLacks restarts a view whose own position is behind the
// checkpoint, at several places, and once fails while it is brought up.
func TestPositionedViewIsGivenWhatItLacks(t *testing.T) {
	for _, kept := range []uint64{0, 1, 7, 20} {
		for _, fails := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				log, dir := newMemLog(), t.TempDir()
				v := &late{events: map[vaiven.ID]uint64{}, kept: kept}
				p, stop := running(t, Options{Source: log, Views: []View{v}, Dir: dir})
				var last uint64
				for s := uint64(1); s <= 20; s++ {
					last = log.add(reading("101", "aaaaaaaa", s), reading("101", "aaaaaaaa", s/2+1)) // half of them repeats
				}
				waitFor(t, p, last)
				stop() // writes a checkpoint of all
				if fails {
					v.fail = errDamaged
				}
				p, stop = running(t, Options{Source: log, Views: []View{v}, Dir: dir})
				defer stop()
				last = log.add(reading("101", "aaaaaaaa", 21))
				waitFor(t, p, last)
				if got, want := v.all(), log.want(t); !slices.Equal(got, want) {
					t.Errorf("kept %d: %v, want %v", kept, got, want)
				}
			})
		}
	}
}

// gapped is a late view that is told of what it will not get.
type gapped struct {
	late
	missed [][2]uint64
	at     int64
}

func (v *gapped) Missed(first, last uint64, at int64) {
	v.missed, v.at = append(v.missed, [2]uint64{first, last}), at
}

// TestViewIsToldOfAGap: records that a view lacks and the log does not have any more are
// named, with a checkpoint, with a snapshot and without either; and by Begin. A view that
// lacks nothing is told nothing, nor one of a log that begins there.
func TestViewIsToldOfAGap(t *testing.T) {
	for name, c := range map[string]struct {
		kept uint64
		dir  bool
		want [][2]uint64
	}{
		"behind":               {4, true, [][2]uint64{{5, 11}}},
		"behind, no snapshot":  {0, true, [][2]uint64{{1, 11}}},
		"behind, from the log": {4, false, [][2]uint64{{5, 11}}},
		"just there":           {11, true, nil},
		"ahead":                {15, true, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			log, dir := newMemLog(), ""
			if c.dir {
				dir = t.TempDir()
			}
			p, stop := running(t, Options{Source: log, Views: []View{&late{events: map[vaiven.ID]uint64{}, kept: 100}}, Dir: dir})
			for s := uint64(1); s <= 20; s++ {
				waitFor(t, p, log.add(reading("101", "aaaaaaaa", s)))
				if s == 10 {
					c, err := p.checkpoint(t.Context(), true)
					if err != nil || c == nil || c.pos != 11 {
						t.Fatalf("%+v, %v", c, err)
					}
					log.snapshots[11], log.infos[11] = c.data, vaiven.SnapshotInfo{Pos: 11}
				}
			}
			stop()
			log.trimmed = 11
			v := &gapped{late: late{events: map[vaiven.ID]uint64{}, kept: c.kept}}
			p, stop = running(t, Options{Source: log, Views: []View{v}, Dir: dir})
			waitFor(t, p, 21)
			stop()
			if !slices.Equal(v.missed, c.want) || c.want != nil && v.at != log.recs[11].Events[0].Time().At {
				t.Errorf("%s: told of %v, the next came at %d; want %v", name, v.missed, v.at, c.want)
			}
			if n := 21 - max(c.kept, 11); len(v.all()) < int(n) {
				t.Errorf("%s: has %v", name, v.all())
			}
			v.missed = nil
			if _, _, err := Begin(t.Context(), log, "", v); err != nil || !slices.Equal(v.missed, c.want) {
				t.Errorf("%s: begin: %v, %v", name, v.missed, err)
			}
		})
	}
	log := newMemLog()
	v := &gapped{late: late{events: map[vaiven.ID]uint64{}}}
	p, stop := running(t, Options{Source: log, Views: []View{v}, Dir: t.TempDir()})
	waitFor(t, p, log.add(reading("101", "aaaaaaaa", 1)))
	stop()
	if v.missed != nil {
		t.Errorf("told of %v of a log that is whole", v.missed)
	}
}

// counting counts the records that it is handed.
type counting struct {
	late
	applied []uint64
}

func (v *counting) Apply(pos uint64, entries []vaiven.Entry) error {
	v.applied = append(v.applied, pos)
	return v.late.Apply(pos, entries)
}

// TestViewThatWasAwayGoesOnWhereItKept: a checkpoint that was written while there was no
// such view does not make it read the log from where that begins.
func TestViewThatWasAwayGoesOnWhereItKept(t *testing.T) {
	log, dir := newMemLog(), t.TempDir()
	p, stop := running(t, Options{Source: log, Views: []View{&tape{}}, Dir: dir})
	for s := uint64(1); s <= 20; s++ {
		waitFor(t, p, log.add(reading("101", "aaaaaaaa", s)))
	}
	stop()
	v := &counting{late: late{events: map[vaiven.ID]uint64{}, kept: 15}}
	p, stop = running(t, Options{Source: log, Views: []View{&tape{}, v}, Dir: dir})
	waitFor(t, p, log.add(reading("101", "aaaaaaaa", 21)))
	stop()
	if !slices.Equal(v.applied, []uint64{16, 17, 18, 19, 20, 21, 22}) {
		t.Errorf("it was handed %v, and has all up to 15", v.applied)
	}
}
