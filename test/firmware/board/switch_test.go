//go:build suites && linux

package board

import (
	"testing"

	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

// press presses the button at the board once, and lets it go for long enough.
func press(t *testing.T, b *boardtest.Board) {
	t.Helper()
	was := b.Pin(pinLED)
	b.Tell("pin %d low", pinWall)
	waitLED(t, b, 1-was)
	b.Tell("pin %d high", pinWall)
	b.Wait(patience, len(b.Events("sensor"))+2, "sensor", nil) // two seconds of the board's
}

func waitDesired(t *testing.T, s *harness.Server, led int) {
	t.Helper()
	harness.Until(t, patience, "the desired state", func() bool { return desired(t, s.Addr, "101") == led })
}

// TestLED: what is asked for is done, and done again after a restart of either.
func TestLED(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := started(t, s.Addr, "101")
	rows(t, s, "101", 2)
	for _, led := range []int64{1, 0, 1} {
		setLED(t, s.Addr, "101", led)
		waitLED(t, b, led)
	}
	off := func(e boardtest.Event) bool { return e.Pin == pinLED && e.Level == 0 }
	before := len(b.Wait(patience, 0, "pin", off))
	b.Kill() // a power cut: the LED is off, until the server says what it should be
	b.Start()
	b.Wait(patience, 3, "boot", nil)
	b.Wait(patience, before+1, "pin", off) // for a moment that whoever looks now and then misses
	waitLED(t, b, 1)
	s.Stop()
	s.StartReady()
	setLED(t, s.Addr, "101", 0)
	waitLED(t, b, 0)
	b.Quit()
}

// TestWall: the button at the board acts at once, with a server or without, and
// what it did becomes what is wanted.
func TestWall(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := started(t, s.Addr, "101")
	rows(t, s, "101", 2)
	press(t, b)
	waitDesired(t, s, 1)
	press(t, b)
	waitDesired(t, s, 0)
	setLED(t, s.Addr, "101", 1)
	waitLED(t, b, 1)
	harness.Until(t, patience, "the report", func() bool { return ask(t, b).rev == 3 })

	// Somebody presses while the server is away: that counts when it is back.
	s.Stop()
	harness.Until(t, patience, "no server", func() bool { return ask(t, b).name != "online" })
	press(t, b)
	s.StartReady()
	waitDesired(t, s, 0)
	if b.Pin(pinLED) != 0 {
		t.Error("the LED went on again")
	}

	// Somebody presses while the server wants something else: the last word counts.
	b.Tell("wifi down")
	harness.Until(t, patience, "no connection", func() bool { return ask(t, b).name != "online" })
	press(t, b)
	setLED(t, s.Addr, "101", 0)
	b.Tell("wifi up")
	waitLED(t, b, 0)
	waitDesired(t, s, 0)
	finish(t, s, b, "101")
	b.Quit()
}
