//go:build suites && linux

package diskfull

import (
	"math"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vaiven/test/harness"
)

// TestCardThatDies lets every write of a running server fail, as a card does, by
// taking away the process's right to write files; the system's word is then "file
// too large". One notice names folder and error, nothing is acknowledged that is
// not kept, and when the card is back the server is.
func TestCardThatDies(t *testing.T) {
	dir := t.TempDir()
	s := harness.NewServer(t, "serve", filepath.Join(dir, "data"))
	f := harness.NewFleet(t, s.Addr, boards)
	for _, b := range f.Boards {
		b.Pace = pace
	}
	s.StartReady()
	f.Start(t)
	defer func() {
		if t.Failed() {
			t.Log(s.Stderr())
		}
	}()
	name := s.Data + " cannot be written (file too large): readings are not taken"
	for round := range 2 {
		progress(t, f)
		limitFiles(t, s, 0)
		harness.Until(t, 4*time.Minute, "/readyz says so", func() bool { return !s.Ready() })
		harness.Until(t, 4*time.Minute, "a person is told folder and error", func() bool { return strings.Count(s.Stderr(), name) > round })
		limitFiles(t, s, unix.RLIM_INFINITY)
		harness.Until(t, 4*time.Minute, "the server heals by itself", s.Ready)
	}
	progress(t, f)
	f.Stop()
	s.Stop()
	if said := s.Stderr(); strings.Count(said, "readings are not taken") > 2 || strings.Contains(said, "embedded nats") {
		t.Errorf("not one notice for each time:\n%s", said)
	}
	f.CheckCSV(t, s.CSV())
	harness.Verify(t, s.Data)
}

// limitFiles bounds the size that the server's files may have.
func limitFiles(t *testing.T, s *harness.Server, size uint64) {
	t.Helper()
	limit := unix.Rlimit{Cur: size, Max: math.MaxUint64}
	if err := unix.Prlimit(s.PID(), unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}

// TestReadOnlyCard starts on a file system that the system has made read-only: the
// advice is not to change owners, whatever the command.
func TestReadOnlyCard(t *testing.T) {
	dir := tmpfs(t, sizeMiB)
	s := harness.NewServer(t, "serve", filepath.Join(dir, "data"))
	f := harness.NewFleet(t, s.Addr, 1)
	f.Start(t)
	s.StartReady()
	progress(t, f)
	s.Stop()
	f.Stop()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"serve", "--listen", s.Addr, "--data", s.Data},
		{"serve", "--listen", s.Addr, "--data", filepath.Join(dir, "new")},
		{"serve", "--listen", s.Addr, "--data", filepath.Join(t.TempDir(), "data"), "--csv", filepath.Join(dir, "readings.csv")},
		{"verify", "--data", s.Data},
		{"doctor", "--listen", s.Addr, "--data", s.Data, "--repair"},
	} {
		out, errs, code := harness.Vaiven(t, append(args, "--lang", "en")...)
		if said := out + errs; code != 1 || !strings.Contains(said, "read-only") || !strings.Contains(said, "dmesg") || strings.Contains(said, "chown") {
			t.Errorf("%v: exit %d\n%s", args, code, said)
		}
	}
}
