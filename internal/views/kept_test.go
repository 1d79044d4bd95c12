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
