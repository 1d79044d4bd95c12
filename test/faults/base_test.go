//go:build suites && linux

package faults

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"vaiven/test/harness"
)

// base is a data folder to damage copies of, and the CSV that the server would
// make of it.
type base struct {
	name, dir string
	csv       []byte
	sure      int // bytes of dir's CSV that its checkpoint vouches for
}

// bases makes two: of a server that was stopped in order, and of one that was
// killed, whose checkpoint and CSV are behind the log.
func bases(t *testing.T) []base {
	t.Helper()
	stopped := fill(t)
	stopped.Stop()
	killed := fill(t)
	killed.Kill()
	healed := filepath.Join(t.TempDir(), "healed")
	copyDir(t, killed.Data, healed)
	again := restart(t, healed)
	again.StartReady()
	again.Stop()
	return []base{
		{"stopped", stopped.Data, read(t, stopped.CSV()), vouched(t, stopped.Data)},
		{"killed", killed.Data, read(t, again.CSV()), vouched(t, killed.Data)},
	}
}

var csvSnapshot = regexp.MustCompile(`"rows":\d+,"bytes":(\d+),"crc64"`)

// vouched is how many bytes of the CSV the checkpoint in dir knows.
func vouched(t *testing.T, dir string) int {
	t.Helper()
	found := csvSnapshot.FindSubmatch(read(t, filepath.Join(dir, "checkpoint")))
	if found == nil {
		t.Fatalf("no snapshot of the CSV in %s/checkpoint", dir)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// fill runs a server over two starts, with two boards in each. Everything that
// they sent is acknowledged, so that no damage may cost any of it: what was
// committed and not yet acknowledged may go, since nobody was told of it.
func fill(t *testing.T) *harness.Server {
	t.Helper()
	s := restart(t, t.TempDir())
	s.StartReady()
	readings(t, s, "001", "002")
	s.Stop()
	s.StartReady()
	readings(t, s, "003", "004")
	return s
}

func readings(t *testing.T, s *harness.Server, devices ...string) {
	t.Helper()
	f := harness.NewFleet(t, s.Addr, len(devices))
	for i, b := range f.Boards {
		b.Device, b.Limit = devices[i], 150
	}
	f.Start(t)
	harness.Until(t, 4*time.Minute, "readings are acknowledged", f.Settled)
	f.Stop()
}

func restart(t *testing.T, data string) *harness.Server {
	t.Helper()
	s := harness.NewServer(t, "serve", data)
	s.Env = append(s.Env, "TZ=UTC")
	return s
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
