//go:build suites && linux

package board

import (
	"fmt"
	"strings"
	"testing"

	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

// asleep waits until the board sleeps.
func asleep(t *testing.T, b *boardtest.Board) {
	t.Helper()
	harness.Until(t, patience, "the board sleeps", func() bool { return len(b.Events("sleep")) > len(b.Events("wake")) })
}

// allThere waits until every reading that a board took is in the CSV while it sleeps,
// and returns them. From then on it may wake up and take another.
func allThere(t *testing.T, s *harness.Server, b *boardtest.Board) (want []string) {
	t.Helper()
	harness.Until(t, patience, "what a sleeping board has measured is in the CSV", func() bool {
		want = taken(b)
		all, err := harness.ReadCSV(s.CSV())
		return err == nil && len(all) == len(want)
	})
	return want
}

// sameRows compares the CSV's rows with what was measured.
func sameRows(t *testing.T, got []harness.Row, want []string) {
	t.Helper()
	for i, w := range want {
		if have := got[i].Temp + "," + got[i].Hum; have != w {
			t.Errorf("row %d: %s, want %s", i, have, w)
		}
	}
}

// TestSleep: ten minutes between readings. Each wake is one connection, one
// reading acknowledged, and the LED as the server wants it.
func TestSleep(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := started(t, s.Addr, "101", "interval 600", "sleep on")
	asleep(t, b)
	rows(t, s, "101", 1)
	const wakes = 3
	for n := 1; n <= wakes; n++ {
		led := int64(n % 2)
		setLED(t, s.Addr, "101", led) // while it sleeps
		waitLED(t, b, led)
		rows(t, s, "101", n+1)
		asleep(t, b)
	}
	want := allThere(t, s, b)
	b.Kill()
	checkWakes(t, b, 600_000)
	sameRows(t, rows(t, s, "101", len(want)), want)
	verify(t, s)
}

// Of a board's wakes: it lets nothing keep it awake for longer than awakeAtMost, and
// its Wi-Fi is never there before joined. In simulated ms.
const (
	awakeAtMost = 45_000
	joined      = 1000
)

// checkWakes looks at what a board did between two sleeps, and how long it meant to
// sleep: until ten minutes are over since it woke up. How long it was awake by the
// board's own clock is unknown; how long this machine let it be is its upper bound.
func checkWakes(t *testing.T, b *boardtest.Board, interval int64) {
	t.Helper()
	var woke int64
	connected, acked, boots := 0, 0, map[string]bool{}
	for _, e := range b.Events("") {
		switch {
		case e.Event == "boot":
			woke, connected, acked = e.At-e.Millis, 0, 0
		case e.Event == "connected":
			connected++
		case e.Event == "received" && strings.Contains(e.Text, `"ACK":`) && !strings.Contains(e.Text, "WELCOME"):
			acked++
		case e.Event == "sent" && strings.Contains(e.Text, "HELLO"):
			_, boot, _ := strings.Cut(e.Text, `"BOOT":"`)
			boots[boot[:16]] = true
			if !strings.Contains(e.Text, fmt.Sprintf(`"SLEEP":%d`, interval)) {
				t.Errorf("no SLEEP in %s", e.Text)
			}
		case e.Event == "sleep":
			awake := e.At - woke
			// A machine that is too busy lets time run out, or repeats what it answered late.
			if awake < awakeAtMost && (connected == 0 || acked == 0) || awake < 10_000 && (connected != 1 || acked != 1) {
				t.Errorf("at %d ms: %d connections and %d acknowledgements in a wake of %d ms", e.At, connected, acked, awake)
			}
			if e.MS > interval-joined || awake < interval && e.MS+awake < interval-100 {
				t.Errorf("awake for %d ms, asleep for %d ms: together %d ms were wanted", awake, e.MS, interval)
			}
		}
	}
	if len(boots) != 1 {
		t.Errorf("%d BOOTs, want one through all sleeps", len(boots))
	}
}

// TestSleepWithoutServer: a wake that finds no server keeps its reading for the
// next, and the ages are right when they come.
func TestSleepWithoutServer(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := started(t, s.Addr, "101", "interval 300", "sleep on")
	b.Wait(patience, 1, "sleep", nil)
	s.Stop()
	b.Wait(patience, 3, "sleep", nil)
	s.StartReady()
	rows(t, s, "101", 4)
	b.Tell("sensor unplugged")
	b.Wait(patience, len(b.Events("sensor"))+2, "sensor", nil) // the last good one is recorded
	want := allThere(t, s, b)
	b.Kill()
	sameRows(t, rows(t, s, "101", len(want)), want)
	checkTimes(t, b, readings(t, s.Addr, "101"))
	verify(t, s)
}

// TestSleepButton: the button wakes a sleeping board, and what it did counts.
func TestSleepButton(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := started(t, s.Addr, "101", "interval 3600", "sleep on")
	b.Wait(patience, 1, "sleep", nil)
	setLED(t, s.Addr, "101", 0)
	b.Tell("pin %d low", pinWall)
	b.Wait(patience, 1, "wake", nil)
	b.Tell("pin %d high", pinWall)
	waitLED(t, b, 1)
	b.Wait(patience, 2, "sleep", nil)
	b.Kill()
}
