//go:build suites && linux

package kill

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
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
	s.Kill()
	if err := os.Remove(filepath.Join(data, "checkpoint")); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	s.StartReady()
	t.Logf("%d readings: %v to read all, %v after a kill without checkpoint", *readings, whole.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	progress(t, f, f.Ledger.Acked())
	f.Stop()
	s.Stop()
	out, errs, code := harness.Vaiven(t, "verify", "--data", data, "--lang", "en")
	if code != 0 {
		t.Fatalf("verify: exit %d\n%s%s", code, out, errs)
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
