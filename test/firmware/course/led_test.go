//go:build suites && linux

package course

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

// pinLED is where the sketches have their LED.
const pinLED = 2

// unhurried leaves twenty seconds to a workshop: time enough to switch an LED three
// times before the board stops listening, also on a busy machine.
const unhurried = "BOARD_SPEED=5"

// TestVaivenLED asks the API for the LED in the middle of the workshop; the
// sketches find it in what the server says.
func TestVaivenLED(t *testing.T) {
	t.Parallel()
	for _, sketch := range sketches {
		t.Run(sketch, func(t *testing.T) {
			t.Parallel()
			s := harness.NewServer(t, "workshop", t.TempDir(), "--session-rate", "0")
			s.Env = append(s.Env, "TZ=UTC")
			s.StartReady()
			p := practices[1]
			b := board(t, sketch, p, s.Addr, unhurried)
			from := time.Now()
			b.Start()
			switchLED(t, b, func(led int64) { setLED(t, s.Addr, led) })
			if code := finish(t, s, b); code != 0 {
				t.Errorf("exit %d\n%s", code, s.Stderr())
			}
			to := time.Now()
			b.Wait(patience, p.readings, "serial", isReading)
			b.Quit()
			compareCSV(t, s.CSV(), rows(t, taken(t, s, printed(b), p.readings), shortest), from, to)
		})
	}
}

// TestPythonLED presses the button of the course's own server.
func TestPythonLED(t *testing.T) {
	t.Parallel()
	for _, sketch := range sketches {
		t.Run(sketch, func(t *testing.T) {
			t.Parallel()
			p := practices[1]
			s := startServidor(t, p.python)
			b := board(t, sketch, p, s.addr, unhurried)
			b.Start()
			switchLED(t, b, func(int64) { s.press(t) })
			s.waitFor(t, "LED encendido")
			s.waitFor(t, "LED apagado")
			b.Quit()
		})
	}
}

// switchLED has the LED of a board that sends switched on, off and on.
func switchLED(t *testing.T, b *boardtest.Board, ask func(led int64)) {
	t.Helper()
	b.Wait(patience, 3, "serial", isReading)
	for _, led := range []int64{1, 0, 1} {
		ask(led)
		harness.Until(t, patience, "the LED", func() bool { return b.Pin(pinLED) == led })
	}
	if n := len(b.Events("pin")); n != 3 {
		t.Errorf("the LED changed %d times, want 3:\n%s", n, b.Tail(20))
	}
}

// setLED asks for board 101's LED.
func setLED(t *testing.T, addr string, led int64) {
	t.Helper()
	resp, err := harness.Send(t.Context(), http.MethodPut, "http://"+addr+"/api/v1/devices/101/state", fmt.Sprintf(`{"LED":%d}`, led))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
		t.Fatalf("PUT LED %d: %s", led, resp.Status)
	}
}
