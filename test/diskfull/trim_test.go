//go:build suites && linux

package diskfull

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vaiven/test/harness"
)

// room is what the log of this test has: enough for some of its blocks and snapshots.
const room = 14 << 20

// TestALogThatFillsTheDisk goes on taking readings: what every view has goes from the
// log's beginning, before anything is refused. Then the server is killed, and begins
// with what is left, without its checkpoint.
func TestALogThatFillsTheDisk(t *testing.T) {
	dir := tmpfs(t, sizeMiB)
	csv := filepath.Join(t.TempDir(), "readings.csv") // on another disk
	s := harness.NewServer(t, "serve", filepath.Join(dir, "data"), "--csv", csv, "--no-history",
		"--keep-log", "0", "--keep-log-size", "1GB", "--commit-every", "0")
	f := harness.NewFleet(t, s.Addr, 32)
	s.StartReady()
	fill(t, dir, room)
	f.Start(t)
	defer func() {
		if t.Failed() {
			t.Log(s.Stderr())
		}
	}()
	first := metric(t, s, "vaiven_log_first_record")
	for range 2 { // the second time, a log is trimmed that begins with a snapshot
		before := first
		harness.Until(t, 4*time.Minute, "the log's beginning goes", func() bool {
			first = metric(t, s, "vaiven_log_first_record")
			return first > before
		})
		progress(t, f)
	}
	if said := s.Stderr(); strings.Contains(said, "disk is full") {
		t.Errorf("readings were refused:\n%s", said)
	}
	s.Kill()
	if err := os.Remove(filepath.Join(s.Data, "checkpoint")); err != nil {
		t.Fatal(err)
	}
	s.StartReady()
	progress(t, f)
	f.Stop()
	s.Stop()
	rows := f.CheckCSV(t, csv)
	out, errs, code := harness.Vaiven(t, "verify", "--data", s.Data, "--csv", csv, "--lang", "en")
	if code != 0 || !strings.Contains(out, "ok") {
		t.Errorf("verify: %d\n%s%s", code, out, errs)
	}
	t.Logf("%d rows; the log begins with record %.0f\n%s", len(rows), first, out)
}

// metric reads a number from /metrics.
func metric(t *testing.T, s *harness.Server, name string) float64 {
	t.Helper()
	res, err := http.Get("http://" + s.Addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%s is not among the metrics", name)
	return 0
}
