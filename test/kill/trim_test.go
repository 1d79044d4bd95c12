//go:build suites && linux

package kill

import (
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven/test/harness"
)

var trims = flag.Int("trims", 4, "how often a server is killed whose log is trimmed all the time")

// TestKillWhileTrimming kills a server that takes snapshots and trims its log every few
// seconds, at random moments, and takes its checkpoint away every other time: the CSV
// has every reading all the same, and verify agrees although the log begins later.
func TestKillWhileTrimming(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed %d", *seed)
	r := rand.New(rand.NewPCG(*seed, 2))
	s := harness.NewServer(t, "serve", t.TempDir(), "--keep-log-size", "100kB", "--no-history", "--commit-every", "0")
	s.Env = append(s.Env, "VAIVEN_UNSAFE_SMALL_LOG=1")
	f := harness.NewFleet(t, s.Addr, 8)
	for _, b := range f.Boards {
		b.Pace = 10 * time.Millisecond
	}
	f.Start(t)
	out := ""
	for i := range *trims {
		s.StartReady()
		progress(t, f, f.Ledger.Acked())
		time.Sleep(time.Duration(r.Int64N(int64(12 * time.Second)))) // the random moment itself
		s.Kill()
		if i%2 == 1 {
			if err := os.Remove(filepath.Join(s.Data, "checkpoint")); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
		}
		s.StartReady()
		progress(t, f, f.Ledger.Acked())
		s.Stop()
		f.CheckCSV(t, s.CSV())
		var errs string
		var code int
		if out, errs, code = harness.Vaiven(t, "verify", "--data", s.Data, "--lang", "en"); code != 0 {
			t.Fatalf("cycle %d: verify: exit %d\n%s%s", i+1, code, out, errs)
		}
	}
	t.Log(strings.TrimSpace(out))
}
