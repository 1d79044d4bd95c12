package harness

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// Fleet is several boards, each in its own goroutine.
type Fleet struct {
	Boards []*Board
	Ledger *Ledger

	stop context.CancelFunc
	wait sync.WaitGroup
}

// NewFleet makes n boards called 001, 002 ... for the server at addr, and starts
// nothing. What a server may never do fails the test.
func NewFleet(t testing.TB, addr string, n int) *Fleet {
	f := &Fleet{Ledger: NewLedger()}
	for i := range n {
		fail := func(err error) { t.Error(err) }
		f.Boards = append(f.Boards, NewBoard(fmt.Sprintf("%03d", i+1), addr, f.Ledger, fail))
	}
	return f
}

// Start runs the boards; the test's end stops them.
func (f *Fleet) Start(t testing.TB) {
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	for _, b := range f.Boards {
		f.wait.Go(func() { b.Run(ctx) })
	}
	t.Cleanup(f.Stop)
}

// Stop ends all boards and waits for them. Safe twice.
func (f *Fleet) Stop() {
	if f.stop != nil {
		f.stop()
	}
	f.wait.Wait()
}

// Settled reports whether no board has a reading without acknowledgement.
func (f *Fleet) Settled() bool {
	for _, b := range f.Boards {
		if !b.Settled() {
			return false
		}
	}
	return true
}

// CheckCSV reads a server's CSV and holds it against what the boards know.
func (f *Fleet) CheckCSV(t testing.TB, path string) []Row {
	t.Helper()
	rows, err := ReadCSV(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if err := f.Ledger.Check(rows); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return rows
}
