//go:build suites && linux

package powercut

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"vaiven/test/harness"
)

var cycles = flag.Int("cycles", 3, "how often the power is cut")

const boards = 8

// TestPowerCut pulls the plug in the middle of ingest, again and again on one
// disk: no acknowledged reading may be missing.
func TestPowerCut(t *testing.T) {
	m := newMachine(t)
	m.boot()
	f := harness.NewFleet(t, m.Addr, boards)
	f.Start(t)
	m.serve()
	for i := range *cycles {
		acked(t, f, 100)
		time.Sleep(time.Duration(rand.Int64N(int64(time.Second)))) // the random moment itself; nothing is awaited
		m.Cut()
		m.boot()
		m.serve()
		acked(t, f, 1)
		rows := m.check()
		if err := f.Ledger.Check(rows); err != nil {
			t.Fatalf("after power cut %d: %v", i+1, err)
		}
		t.Logf("power cut %d: %d rows, %d acknowledged", i+1, len(rows), f.Ledger.Acked())
		m.serve()
	}
}

// TestPowerCutControl is the same without fsync: it must lose readings that were
// acknowledged, or TestPowerCut could not see a missing one.
func TestPowerCutControl(t *testing.T) {
	m := newMachine(t)
	m.env += " VAIVEN_UNSAFE_NO_SYNC=1"
	m.boot()
	f := harness.NewFleet(t, m.Addr, boards)
	f.Start(t)
	m.serve()
	acked(t, f, 300)
	m.Cut()
	f.Stop()
	m.boot()
	if !m.tryServe() {
		t.Logf("vaiven itself sees that its log lost records:\n%s", m.Run("cat /tmp/err"))
		return
	}
	missing, err := f.Ledger.Missing(m.check())
	if err != nil {
		t.Fatal(err)
	}
	if missing == 0 {
		t.Fatal("without fsync a power cut lost nothing: this machine does not cut power")
	}
	t.Logf("without fsync: %d of %d acknowledged readings lost", missing, f.Ledger.Acked())
}

// acked waits until n more readings have been acknowledged.
func acked(t *testing.T, f *harness.Fleet, n uint64) {
	t.Helper()
	before := f.Ledger.Acked()
	harness.Until(t, 4*time.Minute, "boards are acknowledged", func() bool { return f.Ledger.Acked() >= before+n })
}
