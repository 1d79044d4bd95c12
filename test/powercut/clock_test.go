//go:build suites && linux

package powercut

import (
	"fmt"
	"testing"
	"time"

	"vaiven/test/harness"
)

// jumps are moments to which the machine's clock is set while the server runs,
// and what TIMEFLAG must say in Madrid.
var jumps = []struct{ utc, flag string }{
	{"1970-01-01 00:30:05", "197001010130"}, // a Pi before the network told it the time; Linux takes no time before its own start
	{"2026-06-01 10:20:05", "202606011220"}, // and after
	{"2026-06-01 11:20:05", "202606011320"}, // an hour ahead
	{"2026-05-31 23:59:05", "202606010159"}, // backwards, the day before in UTC
	{"2026-03-29 00:59:05", "202603290159"}, // the last minute of winter time
	{"2026-03-29 01:00:05", "202603290300"}, // the first of summer time
	{"2026-10-25 00:59:05", "202610250259"}, // the last of summer time
	{"2026-10-25 01:00:05", "202610250200"}, // the same hour again
}

// TestClockJumps sends one reading after each jump of the system's clock: order
// stays, and TIMEFLAG is exact, also over a kill -9 while the clock is behind.
func TestClockJumps(t *testing.T) {
	m := newMachine(t)
	m.boot()
	m.serve()
	for i, j := range jumps {
		m.Run(fmt.Sprintf("date -u -s '%s'", j.utc))
		if i == len(jumps)/2 {
			m.kill()
			m.serve()
			m.Run(fmt.Sprintf("date -u -s '%s'", j.utc)) // starting took its time
		}
		one(t, m.Addr, fmt.Sprintf("%03d", i+1))
	}
	rows := m.check()
	if len(rows) != len(jumps) {
		t.Fatalf("%d rows, want %d", len(rows), len(jumps))
	}
	for i, r := range rows {
		if want := fmt.Sprintf("%03d", i+1); r.Device != want || r.TimeFlag != jumps[i].flag {
			t.Errorf("row %d is %s at %s, want %s at %s", i+1, r.Device, r.TimeFlag, want, jumps[i].flag)
		}
	}
}

// one sends a single reading of a device and waits for its ack.
func one(t *testing.T, addr, device string) {
	t.Helper()
	f := harness.NewFleet(t, addr, 1)
	f.Boards[0].Device, f.Boards[0].Limit = device, 1
	f.Start(t)
	defer f.Stop()
	harness.Until(t, 4*time.Minute, "the reading of "+device+" is acknowledged", func() bool { return f.Ledger.Acked() == 1 })
}
