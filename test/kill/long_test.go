//go:build suites && linux

package kill

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"vaiven"
	"vaiven/test/harness"
)

var readings = flag.Int("readings", 1_200_000, "how many readings the log of the long run has")

// TestStartAfterALongRun: a server with a long log is killed, and starts without its
// checkpoint: it reads what is behind the newest snapshot, however much came before.
func TestStartAfterALongRun(t *testing.T) {
	data := t.TempDir()
	writeReadings(t, filepath.Join(data, "log"), *readings)
	s := harness.NewServer(t, "serve", data, "--csv-rotate", "rows=1000000", "--keep-log", "0")
	began := time.Now()
	s.Start()
	harness.Until(t, time.Hour, "the whole log is read", s.Ready)
	whole := time.Since(began)
	harness.Until(t, 4*time.Minute, "a snapshot is taken", func() bool { return harness.Metric(t, s.Addr, "vaiven_log_snapshots") > 0 })
	f := harness.NewFleet(t, s.Addr, boards)
	f.Start(t)
	progress(t, f, 0)
	restart := func(what string) {
		s.Kill()
		if err := os.RemoveAll(filepath.Join(data, "checkpoint")); err != nil { // there may be none yet
			t.Fatal(err)
		}
		began = time.Now()
		s.StartReady()
		t.Logf("%d readings, killed without checkpoint, %s: ready in %v", *readings, what, time.Since(began).Round(time.Millisecond))
	}
	t.Logf("%d readings: %v to read all", *readings, whole.Round(time.Millisecond))
	all := s.Args
	restart("with history")
	logHistory(t, s.Addr)
	progress(t, f, f.Ledger.Acked())
	s.Args = append(slices.Clone(all), "--no-history")
	restart("without history")
	progress(t, f, f.Ledger.Acked())
	s.Args = all
	restart("with the history again")
	logHistory(t, s.Addr)
	progress(t, f, f.Ledger.Acked())
	f.Stop()
	s.Stop()
	out, errs, code := harness.Vaiven(t, "verify", "--data", data, "--lang", "en")
	if code != 0 {
		t.Fatalf("verify: exit %d\n%s%s", code, out, errs)
	}
}

// logHistory says how much of the log the history was handed again: what its blocks do
// not have, not all of it.
func logHistory(t *testing.T, addr string) {
	t.Helper()
	kept, last := harness.Metric(t, addr, "vaiven_history_kept_record"), harness.Metric(t, addr, "vaiven_log_records")
	t.Logf("history: blocks hold all up to record %.0f of %.0f, %.0f values are in memory", kept, last, harness.Metric(t, addr, "vaiven_history_memory_samples"))
	if kept < last/2 {
		t.Errorf("it was handed the log from record %.0f of %.0f on", kept, last)
	}
}

// writeReadings makes a log of so many readings of 50 boards, a year of theirs.
func writeReadings(t *testing.T, dir string, count int) {
	t.Helper()
	harness.FillLog(t, dir, func(put func([]vaiven.Event)) {
		from := time.Now().Add(-365 * 24 * time.Hour).UnixMilli()
		step := 365 * 24 * time.Hour.Milliseconds() / int64(count)
		const fleet = 50
		for n := 0; n < count; {
			events := make([]vaiven.Event, 0, 250)
			for ; len(events) < 250 && n < count; n++ {
				events = append(events, &vaiven.Reading{
					Stamp:  vaiven.Stamp{At: from + int64(n)*step, Synced: true},
					Device: vaiven.Device(fmt.Sprintf("%03d", 200+n%fleet)), Boot: "abcdabcd", Seq: uint64(n/fleet) + 1,
					Values: []vaiven.Value{{Name: "TEMP", Num: 20 + float64(n/fleet%100)/10}, {Name: "HUM", Num: float64(40 + n%30)}},
				})
			}
			put(events)
		}
	})
}
