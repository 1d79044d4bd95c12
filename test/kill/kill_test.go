//go:build suites && linux

package kill

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"vaiven/test/harness"
)

var (
	cycles = flag.Int("cycles", 25, "how often the server is killed")
	seed   = flag.Uint64("seed", 0, "for the random moments; 0: a new one, which is printed")
)

// A folder is used for so many cycles: checks read the whole file each time.
const cyclesPerFolder = 25

const boards = 50

func TestKill(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed %d", *seed)
	r := rand.New(rand.NewPCG(*seed, 1))
	for done := 0; done < *cycles; done += cyclesPerFolder {
		t.Run("", func(t *testing.T) { folder(t, r, min(cyclesPerFolder, *cycles-done)) })
	}
}

// folder runs n cycles on one data folder.
func folder(t *testing.T, r *rand.Rand, n int) {
	s := harness.NewServer(t, "serve", t.TempDir())
	f := harness.NewFleet(t, s.Addr, boards)
	f.Start(t)
	rows := 0
	for i := range n {
		s.StartReady()
		cycle(t, r, s, f)
		rows = len(f.CheckCSV(t, s.CSV()))
		harness.Verify(t, s.Data)
		if t.Failed() {
			t.Fatalf("cycle %d of %d", i+1, n)
		}
	}
	t.Logf("%d cycles, %d rows, %d acknowledged", n, rows, f.Ledger.Acked())
}

// cycle lets the boards send, kills the server at a random moment after the
// first acks, starts it again, lets the boards go on, and stops it in order, so
// that the CSV has caught up with the log. Now and then a board loses its power
// too, and what it had not been acknowledged.
func cycle(t *testing.T, r *rand.Rand, s *harness.Server, f *harness.Fleet) {
	t.Helper()
	before := f.Ledger.Acked()
	moment := time.Duration(r.Int64N(int64(600 * time.Millisecond)))
	progress(t, f, before)
	time.Sleep(moment) // the random moment itself; nothing is awaited
	if r.IntN(3) == 0 {
		f.Boards[r.IntN(len(f.Boards))].Restart()
	}
	s.Kill()
	before = f.Ledger.Acked()
	s.StartReady()
	progress(t, f, before)
	s.Stop()
}

// progress waits until readings are acknowledged again.
func progress(t *testing.T, f *harness.Fleet, before uint64) {
	t.Helper()
	harness.Until(t, 4*time.Minute, "boards are acknowledged", func() bool { return f.Ledger.Acked() > before })
}
