//go:build suites && linux

package board

import (
	"strings"
	"testing"

	"vaiven/test/firmware/boardtest"
)

// TestSleep: ten minutes between readings. Each wake is one connection, one
// reading acknowledged, and the LED as the server wants it.
func TestSleep(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := started(t, s.Addr, "101", "interval 600", "sleep on")
	b.Wait(patience, 1, "sleep", nil)
	rows(t, s, "101", 1)
	const wakes = 3
	for n := 1; n <= wakes; n++ {
		led := int64(n % 2)
		setLED(t, s.Addr, "101", led) // while it sleeps
		b.Wait(patience, n+1, "sleep", nil)
		if b.Pin(pinLED) != led {
			t.Errorf("wake %d: the LED is %d", n, b.Pin(pinLED))
		}
		if got := rows(t, s, "101", n+1); len(got) != n+1 {
			t.Errorf("wake %d: %d rows", n, len(got))
		}
	}
	checkWakes(t, b)
	b.Kill() // asleep, it has nothing to say to the end
	want := taken(b)
	for i, r := range rows(t, s, "101", len(want)) {
		if r.Temp+","+r.Hum != want[i] {
			t.Errorf("row %d: %+v, want %s", i, r, want[i])
		}
	}
	verify(t, s)
}

// checkWakes looks at what a board did between two sleeps.
func checkWakes(t *testing.T, b *boardtest.Board) {
	t.Helper()
	var slept int64
	connected, acked, boots := 0, 0, map[string]bool{}
	for _, e := range b.Events("") {
		switch {
		case e.Event == "connected":
			connected++
		case e.Event == "received" && strings.Contains(e.Text, `"ACK":`) && !strings.Contains(e.Text, "WELCOME"):
			acked++
		case e.Event == "sent" && strings.Contains(e.Text, "HELLO"):
			_, boot, _ := strings.Cut(e.Text, `"BOOT":"`)
			boots[boot[:16]] = true
			if !strings.Contains(e.Text, `"SLEEP":600000`) {
				t.Errorf("no SLEEP in %s", e.Text)
			}
		case e.Event == "sleep":
			if connected != 1 || acked != 1 {
				t.Errorf("at %d ms: %d connections and %d acknowledgements in one wake", e.At, connected, acked)
			}
			if slept != 0 && (e.At-slept < 590_000 || e.At-slept > 660_000) {
				t.Errorf("%d ms between two sleeps, want ten minutes", e.At-slept)
			}
			slept, connected, acked = e.At, 0, 0
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
	b.Wait(patience, 5, "sleep", nil)
	b.Kill()
	want := taken(b)
	got := rows(t, s, "101", len(want)-1)
	for i, r := range got {
		if r.Temp+","+r.Hum != want[i] {
			t.Errorf("row %d: %+v, want %s", i, r, want[i])
		}
	}
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
