//go:build suites && linux

package board

import (
	"testing"

	"vaiven/test/firmware/boardtest"
)

// TestSleepStuckButton: a button that stays down wakes the board and switches once; then
// the board sleeps as if it were not there, until it is let go.
func TestSleepStuckButton(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := started(t, s.Addr, "101", "interval 300", "sleep on")
	b.Wait(patience, 1, "sleep", nil)
	b.Tell("pin %d low", pinWall)
	waitLED(t, b, 1)
	b.Wait(patience, 5, "sleep", nil)
	wakes := b.Wait(patience, 4, "wake", nil)
	for i, e := range wakes[:4] {
		if by := map[bool]string{true: "pin", false: "timer"}[i == 0]; e.By != by {
			t.Errorf("wake %d by %s, want %s", i, e.By, by)
		}
	}
	switched := false
	for _, e := range b.Events("pin") {
		if e.Pin != pinLED {
			continue
		}
		if switched && e.Level == 0 {
			t.Errorf("the LED was switched again at %d ms", e.At)
		}
		switched = switched || e.Level == 1
	}
	// Let go, it works again.
	b.Tell("pin %d high", pinWall)
	n := len(b.Events("sleep"))
	b.Wait(patience, n+2, "sleep", nil) // the first that begins with the button up
	b.Tell("pin %d low", pinWall)
	waitLED(t, b, 0)
	b.Kill()
}

// TestButtonDownAtPowerOn: a button that is down when the board begins was not pressed.
func TestButtonDownAtPowerOn(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := newBoard(t, s.Addr)
	b.Start()
	says(t, b, "Faltan ajustes", 1)
	b.Tell("pin %d low", pinWall)
	waitLED(t, b, 1)
	setUp(b, "101") // and restarts
	rows(t, s, "101", 5)
	if b.Pin(pinLED) != 0 {
		t.Error("the restart was taken for a press")
	}
	b.Tell("pin %d high", pinWall)
	b.Wait(patience, len(b.Events("sensor"))+2, "sensor", nil)
	b.Tell("pin %d low", pinWall)
	waitLED(t, b, 1)
	b.Quit()
}

// TestButtonOfC3: an ESP32-C3 has no RTC pins, and wakes by its button all the same.
func TestButtonOfC3(t *testing.T) {
	t.Parallel()
	const pinLED, pinWall = 5, 3
	s := serve(t)
	c3 := program(t, "--plain", "-DCONFIG_IDF_TARGET_ESP32C3=1")
	b := boardtest.New(t, c3, s.Addr, "BOARD_SPEED=50", "BOARD_SSID=red", "BOARD_PASSWORD=la clave")
	b.Start()
	setUp(b, "101", "interval 3600", "sleep on")
	b.Wait(patience, 1, "sleep", nil)
	b.Tell("pin %d low", pinWall)
	b.Wait(patience, 1, "wake", func(e boardtest.Event) bool { return e.By == "pin" })
	b.Tell("pin %d high", pinWall)
	b.Wait(patience, 1, "pin", func(e boardtest.Event) bool { return e.Pin == pinLED && e.Level == 1 })
	b.Kill()
}
