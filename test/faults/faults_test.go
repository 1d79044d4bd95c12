//go:build suites && linux

package faults

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven/test/harness"
)

var (
	cases = flag.Int("cases", 100, "how many times a file is damaged")
	seed  = flag.Uint64("seed", 0, "for what is damaged; 0: a new one, which is printed")
)

func TestFaults(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed %d", *seed)
	all := bases(t)
	for i := range *cases {
		r := rand.New(rand.NewPCG(*seed, uint64(i)))
		b := all[r.IntN(len(all))]
		t.Run(fmt.Sprintf("%03d %s", i, b.name), func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			copyDir(t, b.dir, dir)
			judge(t, b, dir, damage(t, r, dir, b.sure))
		})
	}
	for _, b := range all {
		for _, c := range cuts(t, b) {
			t.Run(c.name+" "+b.name, func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "data")
				copyDir(t, b.dir, dir)
				csv := filepath.Join(dir, "readings.csv")
				judge(t, b, dir, cut(t, csv, read(t, csv), c.at, b.sure))
			})
		}
	}
}

// place is where a CSV is cut.
type place struct {
	name string
	at   int
}

// cuts are the places at which a cut CSV is told apart or not. What the checkpoint
// vouches for, and the beginning of a row, are missed. A file that ends with a row
// behind that is one whose server was killed before it wrote the next: the log has
// it, and that is no news.
func cuts(t *testing.T, b base) []place {
	t.Helper()
	have := read(t, filepath.Join(b.dir, "readings.csv"))
	row := bytes.LastIndexByte(have[:b.sure-1], '\n') + 1
	all := []place{{"the last sure row gone", row}, {"a sure row torn", row + 3}}
	if b.sure == len(have) {
		return all
	}
	next := b.sure + bytes.IndexByte(have[b.sure:], '\n') + 1
	return append(all, place{"no row but the sure ones", b.sure}, place{"one row more", next}, place{"the next row torn", next + 3})
}

// fault says what was done to which file.
type fault struct {
	file  string
	log   bool // it is one of the log's block files
	quiet bool // it cannot be told from a server that was killed a moment earlier
	what  string
}

// targets are the files that are damaged: half of the time the log.
func targets(t *testing.T, r *rand.Rand, dir string) (path string, log bool) {
	t.Helper()
	patterns := []string{".blk", ".blk", "checkpoint", "readings.csv"}
	pattern := patterns[r.IntN(len(patterns))]
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if strings.HasSuffix(path, pattern) && err == nil && info.Size() > 0 {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s in %s (%v)", pattern, dir, err)
	}
	return found[r.IntN(len(found))], pattern == ".blk"
}

// damage flips one bit of a file, or cuts its tail; sure is what the checkpoint
// vouches for of the CSV.
func damage(t *testing.T, r *rand.Rand, dir string, sure int) fault {
	t.Helper()
	path, log := targets(t, r, dir)
	data := read(t, path)
	at := r.IntN(len(data))
	if r.IntN(2) != 0 {
		f := cut(t, path, data, at, sure)
		f.log = log
		return f
	}
	data[at] ^= 1 << r.IntN(8)
	write(t, path, data)
	return fault{file: path, log: log, what: fmt.Sprintf("a bit of byte %d of %d flipped in %s", at, len(data), path)}
}

// cut leaves the first bytes of a file.
func cut(t *testing.T, path string, data []byte, at, sure int) fault {
	t.Helper()
	write(t, path, data[:at])
	behind := filepath.Base(path) == "readings.csv" && at >= sure && data[at-1] == '\n'
	return fault{file: path, quiet: behind, what: fmt.Sprintf("%s cut from %d to %d bytes", path, len(data), at)}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// judge starts the server over the damage and requires that it says so or heals.
func judge(t *testing.T, b base, dir string, f fault) {
	t.Helper()
	s := restart(t, dir)
	s.Start()
	if !s.ReadyOrEnded() {
		refused(t, s, f)
		return
	}
	send(t, s, f)
	s.Stop()
	got := read(t, s.CSV())
	if !bytes.HasPrefix(got, b.csv) {
		t.Fatalf("%s: the CSV's earlier rows changed, %d bytes are %d now\n%s", f.what, len(b.csv), len(got), s.Stderr())
	}
	if rows, err := harness.ParseCSV(got); err != nil {
		t.Fatalf("%s: %v", f.what, err)
	} else if n := bytes.Count(b.csv, []byte("\n")) - 1 + sent; len(rows) != n {
		t.Fatalf("%s: %d rows, want %d", f.what, len(rows), n)
	}
	verified(t, s, f)
}

// refused is the outcome "detected": the server did not start, and said why.
func refused(t *testing.T, s *harness.Server, f fault) {
	t.Helper()
	if code := s.Wait(harness.StopTimeout); code != 1 || !strings.Contains(s.Stderr(), "error: ") {
		t.Fatalf("%s: exit %d, and it said %q", f.what, code, s.Stderr())
	}
	if !f.log {
		t.Fatalf("%s: that is no reason to refuse\n%s", f.what, s.Stderr())
	}
	_, reason, _ := strings.Cut(s.Stderr(), "error: ")
	reason, _, _ = strings.Cut(reason, "\n")
	t.Logf("%s: refused: %s", f.what, reason)
	repair(t, s, f)
}

// repair lets `vaiven doctor` find the damage and set it aside, and requires
// that the server starts then, and that nothing of the old files was deleted.
func repair(t *testing.T, s *harness.Server, f fault) {
	t.Helper()
	before := contents(t, s.Data)
	if out, errs, code := harness.Vaiven(t, "doctor", "--data", s.Data, "--lang", "en"); code != 1 {
		t.Fatalf("%s: doctor: exit %d\n%s%s", f.what, code, out, errs)
	}
	if out, errs, code := harness.Vaiven(t, "doctor", "--repair", "--data", s.Data, "--lang", "en"); code != 0 {
		t.Fatalf("%s: doctor --repair: exit %d\n%s%s", f.what, code, out, errs)
	}
	after := contents(t, s.Data)
	for data, path := range before {
		if _, ok := after[data]; !ok {
			t.Errorf("%s: doctor --repair left nothing of %s", f.what, path)
		}
	}
	s.StartReady()
	send(t, s, f)
	s.Stop()
	harness.Verify(t, s.Data)
}

// contents maps what the block files and CSVs below dir hold to their paths.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (strings.HasSuffix(path, ".blk") || strings.HasSuffix(path, ".csv")) {
			found[string(read(t, path))] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// sent is how many readings a board sends after the damage.
const sent = 10

// send lets one more board send its readings, and waits for their acks.
func send(t *testing.T, s *harness.Server, f fault) {
	t.Helper()
	fleet := harness.NewFleet(t, s.Addr, 1)
	fleet.Boards[0].Device, fleet.Boards[0].Limit = "900", sent
	fleet.Start(t)
	harness.Until(t, 4*time.Minute, f.what+": readings are acknowledged", fleet.Settled)
	fleet.Stop()
}

// verified requires of a server that started that it healed the damage, and said
// so where a person's file changed under its hands, and only there.
func verified(t *testing.T, s *harness.Server, f fault) {
	t.Helper()
	out, errs, code := harness.Vaiven(t, "verify", "--data", s.Data, "--lang", "en")
	said := spoke(s.Stderr())
	switch {
	case code != 0:
		t.Errorf("%s: the server started over it, and verify says: exit %d\n%s%s", f.what, code, out, errs)
	case !f.log && said == f.quiet:
		t.Errorf("%s: healed, and said so: %v, want %v\n%s", f.what, said, !f.quiet, s.Stderr())
	default:
		t.Logf("%s: healed", f.what)
	}
}

// spoke reports whether the server said that it found something.
func spoke(stderr string) bool {
	for _, words := range []string{"kept as", "completed", "cut off", "does not match"} {
		if strings.Contains(stderr, words) {
			return true
		}
	}
	return false
}
