//go:build suites && linux

package diskfull

import (
	"context"
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"vaiven"
	"vaiven/internal/history"
)

// TestHistoryOnAFullDisk lets the disk run out at every place of a block's writing, and
// while blocks are joined: nothing panics, a record that was refused is taken once the
// disk has room, and every sample is there once.
func TestHistoryOnAFullDisk(t *testing.T) {
	dir := tmpfs(t, 16)
	o := history.Options{Dir: filepath.Join(dir, "history"), Log: "0f"}
	h, err := history.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	const hour, begun = 3_600_000, 1_790_000_000_000
	pos, taken := uint64(0), uint64(0)
	reading := func(at int64) []vaiven.Entry {
		return []vaiven.Entry{{Event: &vaiven.Reading{Stamp: vaiven.Stamp{At: at}, Device: "101", Values: []vaiven.Value{{Name: "TEMP", Num: float64(at/1000%7) / 10}}}}}
	}
	refused := 0
	for stretch := range int64(40) {
		for at := begun + 2*stretch*hour + 1; at < begun+2*(stretch+1)*hour; at += 20_000 {
			full := at%hour < 20_000 && at > begun+hour // where blocks are written
			if full {
				fill(t, dir, stretch%20*4096)
			}
			pos++
			err := h.Apply(pos, reading(at))
			if err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("%d KiB left: %v", stretch%20*4, err)
			}
			if full {
				empty(t, dir)
			}
			if err != nil {
				refused++
				if err := h.Apply(pos, reading(at)); err != nil {
					t.Fatalf("with room again: %v", err)
				}
			}
			taken++
		}
	}
	if refused == 0 {
		t.Error("the disk was never full: this shows nothing")
	}
	count := func() (n uint64) {
		got, err := h.Curves(context.Background(), vaiven.CurveQuery{From: begun, To: begun + 100*hour, Points: 7})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range got.Curves[0].Buckets {
			n += b.Count
		}
		return n
	}
	if n := count(); n != taken {
		t.Errorf("%d samples of %d", n, taken)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if h, err = history.Open(o); err != nil {
		t.Fatal(err)
	}
	lost := taken - count() // those in memory are the log's to give again
	if s := h.Stats(); h.Kept() != pos-lost || s.Samples != taken-lost {
		t.Errorf("kept %d, %+v; %d of %d samples", h.Kept(), s, taken-lost, taken)
	}
}
