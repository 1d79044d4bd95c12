//go:build suites && linux

package diskfull

import (
	"encoding/base64"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/test/harness"
)

// TestALogThatFillsTheDisk goes on taking readings: what every view has goes from the
// log's beginning, before anything is refused. Then the server is killed, and begins
// with what is left, without its checkpoint.
func TestALogThatFillsTheDisk(t *testing.T) {
	dir := tmpfs(t, sizeMiB)
	csv := filepath.Join(t.TempDir(), "readings.csv") // on another disk
	s := harness.NewServer(t, "serve", filepath.Join(dir, "data"), "--csv", csv,
		"--keep-log", "0", "--keep-log-size", "1GB", "--commit-every", "0")
	writeLog(t, filepath.Join(s.Data, "log"))
	f := harness.NewFleet(t, s.Addr, boards)
	for _, b := range f.Boards {
		b.Pace = pace
	}
	s.StartReady()
	harness.Until(t, 4*time.Minute, "a snapshot is taken", func() bool { return harness.Metric(t, s.Addr, "vaiven_log_snapshots") > 0 })
	fill(t, dir, 3<<19) // a little above the reserve
	f.Start(t)
	defer func() {
		if t.Failed() {
			t.Log(s.Stderr())
		}
	}()
	size, first := harness.Metric(t, s.Addr, "vaiven_log_bytes"), 1.0
	harness.Until(t, 4*time.Minute, "the log's beginning goes", func() bool {
		first = harness.Metric(t, s.Addr, "vaiven_log_first_record")
		return first > 1
	})
	progress(t, f)
	if now := harness.Metric(t, s.Addr, "vaiven_log_bytes"); now > size-4<<20 {
		t.Errorf("the log had %.0f bytes, and has %.0f", size, now)
	}
	if kept := harness.Metric(t, s.Addr, "vaiven_history_kept_record"); kept < first-1 {
		t.Errorf("the log begins with record %.0f, the history has all up to %.0f", first, kept)
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

// writeLog makes a log of 24 MiB, of what no compression makes smaller.
func writeLog(t *testing.T, dir string) {
	t.Helper()
	harness.FillLog(t, dir, func(put func([]vaiven.Event)) {
		noise := rand.NewChaCha8([32]byte{1})
		for range (24 << 20) / (64 << 10) {
			var events []vaiven.Event
			for range 16 {
				text := make([]byte, 3<<10)
				_, _ = noise.Read(text) // never fails
				events = append(events, &vaiven.Rejected{
					Stamp: vaiven.Stamp{At: time.Now().UnixMilli()}, Code: vaiven.CodeNotJSON, Count: 1, Text: base64.StdEncoding.EncodeToString(text),
				})
			}
			put(events)
		}
	})
}
