package views

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"vaiven"
)

// settling is a late view that can be asked to keep what it has, unless its disk is full.
type settling struct {
	late
	full bool
}

var errFull = errors.New("no space left")

func (v *settling) Settle(pos uint64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.full {
		return errFull
	}
	v.kept = max(v.kept, pos)
	return nil
}

func (v *settling) Kept() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.kept
}

func (v *settling) setFull(full bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.full = full
}

// TestAViewThatCanSettleHoldsNothingUp: a log over its size, and one on a full disk, are
// trimmed with a view that would keep its position for ever by itself; not before it
// could settle, and not beyond it.
func TestAViewThatCanSettleHoldsNothingUp(t *testing.T) {
	for name, room := range map[string]bool{"over its size": false, "full disk": true} {
		t.Run(name, func(t *testing.T) {
			log := newMemLog()
			log.weight = 1 << 20
			v := &settling{late: late{events: map[vaiven.ID]uint64{}}}
			var minutes atomic.Int64
			o := Options{
				Source: log, Views: []View{v}, Every: time.Hour, Retention: Retention{Records: 11, Events: 1000},
				Now: func() time.Time { return time.Unix(1795333377, 0).Add(time.Duration(minutes.Add(1)) * lookEvery) },
			}
			if !room {
				o.Retention.Size = 30 << 20
			}
			p, stop := running(t, o)
			v.setFull(true)
			more := func() {
				for range 8 {
					addReadings(log, 11)
					last, _ := log.Last(t.Context())
					waitFor(t, p, last)
					if _, err := p.Round(t.Context(), false); err != nil {
						t.Fatal(err)
					}
				}
			}
			free := func() bool {
				if room {
					ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
					defer cancel()
					return p.MakeRoom(ctx)
				}
				trimmed, err := p.Round(t.Context(), false) // nothing has come since the last
				if err != nil {
					t.Fatal(err)
				}
				return trimmed
			}
			more()
			if free() || log.First() != 1 || len(log.infos) < 3 {
				t.Fatalf("a log that the view needs begins with record %d, and has %d snapshots", log.First(), len(log.infos))
			}
			v.setFull(false)
			if !free() || log.First() == 1 || log.First() > v.Kept()+1 {
				t.Fatalf("the log begins with record %d, the view has all up to %d", log.First(), v.Kept())
			}
			more()
			stop()
			newest := p.kept.list[len(p.kept.list)-1].Pos
			if v.Kept() < newest {
				t.Errorf("a start would read again what is behind %d, the newest snapshot is at %d", v.Kept(), newest)
			}
		})
	}
}
