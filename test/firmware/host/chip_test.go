//go:build suites && linux

package host

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vaiven/test/firmware/boardtest"
)

// TestSleep: RTC memory and the RTC's clock run through sleep, millis() begins
// anew, what control lines set stays set.
func TestSleep(t *testing.T) {
	t.Parallel()
	b := probe(t, "")
	b.Tell("sensor unplugged")
	b.Tell("serial keep 77")
	b.Wait(patience, 1, "flash", nil)
	b.Tell("serial sleep 60000")
	prints(t, b, "ready", 2)
	setups := prints(t, b, "setup", 2)
	if want := "setup reset 8 wake 4 slept 1 kept 77 flash 77 rtc "; !strings.HasPrefix(setups[1].Text, want) {
		t.Errorf("%q, want %q...", setups[1].Text, want)
	}
	slept := b.Wait(patience, 1, "sleep", nil)[0]
	boots := b.Wait(patience, 2, "boot", nil)
	if boots[1].At < slept.At+60_000 || boots[1].Reason != "deepsleep" || boots[1].Millis > boots[1].At-boots[0].At {
		t.Errorf("slept at %d, then %+v", slept.At, boots[1])
	}
	b.Tell("serial dht")
	prints(t, b, "dht 0 edges", 1)

	// A switch wakes it too.
	b.Tell("serial sleep 100000000")
	b.Wait(patience, 2, "sleep", nil)
	b.Tell("pin 5 low")
	prints(t, b, "setup reset 8 wake 2 slept 2 kept 77", 1)
	prints(t, b, "ready", 3)
	b.Quit()
}

// TestRestart: a restart and a crash keep memory that is not initialised, in the RTC and
// in RAM; sleep keeps that of the RTC; a power cut nothing but flash.
func TestRestart(t *testing.T) {
	t.Parallel()
	b := probe(t, "")
	b.Tell("serial keep 78")
	b.Wait(patience, 1, "flash", nil)
	b.Tell("serial restart")
	prints(t, b, "setup reset 3 wake 0 slept 0 kept 78 flash 78", 1)
	prints(t, b, "ready", 2)
	b.Tell("reset")
	prints(t, b, "setup reset 2 wake 0 slept 0 kept 78 flash 78", 1)
	prints(t, b, "ready", 3)
	b.Tell("panic")
	prints(t, b, "setup reset 4 wake 0 slept 0 kept 78 flash 78", 1)
	prints(t, b, "ram 78", 3)
	prints(t, b, "ready", 4)
	b.Tell("serial sleep 60000")
	prints(t, b, "ready", 5)
	b.Kill()
	b.Start()
	prints(t, b, "setup reset 1 wake 0 slept 0 kept 0 flash 78", 1)
	prints(t, b, "ready", 6)
	rams := prints(t, b, "ram ", 6)
	for _, i := range []int{0, 4, 5} { // power-on, sleep, power-on: no power, no memory
		if text := rams[i].Text; text == "ram 78" || text == "ram 0" {
			t.Errorf("%q without power", text)
		}
	}
	b.Quit()
}

// TestSerialBuffer: what comes while nobody reads is kept as far as there is room.
func TestSerialBuffer(t *testing.T) {
	t.Parallel()
	b := probe(t, "")
	b.Tell("serial pause")
	b.Wait(patience, 1, "control", func(e boardtest.Event) bool { return e.Line == "serial pause" })
	b.Tell("serial send %s", strings.Repeat("x", 300)) // more than the 256 bytes of the core
	b.Tell("serial keep 1")                            // no room at all
	prints(t, b, "sent 0", 1)                          // the line that was cut, when nothing more comes
	b.Tell("serial keep 2")
	b.Tell("serial samples")
	prints(t, b, "samples ", 1)
	if n := len(b.Events("flash")); n != 1 {
		t.Errorf("%d of two lines were read, want the second alone", n)
	}
	b.Quit()
}

// TestWatchdog: a task that hangs restarts the board.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	b := probe(t, "")
	b.Tell("serial dog")
	prints(t, b, "the task hangs", 1)
	b.Wait(patience, 1, "watchdog", nil)
	prints(t, b, "setup reset 6 ", 1)
	b.Quit()
}

// TestSensor decodes what the pin says, and compares it with what the event says
// that it should.
func TestSensor(t *testing.T) {
	t.Parallel()
	b := probe(t, "", "BOARD_SENSOR_FAIL=0.5")
	good, bad := 0, 0
	for i := 0; good < 5 || bad < 5; i++ {
		b.Tell("serial dht")
		truth := b.Wait(patience, i+1, "sensor", nil)[i]
		said := prints(t, b, "dht ", i+1)[i].Text
		want := fmt.Sprintf("dht 42 edges %.1f %.0f sum ok", truth.Temp, truth.Hum)
		if truth.OK {
			good++
		} else {
			bad++
		}
		if (said == want) != truth.OK {
			t.Errorf("ok is %v, and the pin said %q, of %q", truth.OK, said, want)
		}
	}
	b.Quit()
}

// TestTasks: a task samples while loop() waits, and an interrupt sees a switch.
func TestTasks(t *testing.T) {
	t.Parallel()
	b := probe(t, "")
	b.Tell("serial tasks")
	b.Tell("pin 5 low")
	b.Tell("pin 5 high")
	prints(t, b, "switch 0", 1)
	prints(t, b, "switch 1", 1)
	for asked, samples := 1, 0; samples < 10; asked++ {
		b.Tell("serial samples")
		last := prints(t, b, "samples ", asked)[asked-1].Text
		if _, err := fmt.Sscanf(last, "samples %d at", &samples); err != nil {
			t.Fatal(last, err)
		}
	}
	b.Quit()
}

// TestPortal: a form that a person sends to the board's own web server.
func TestPortal(t *testing.T) {
	t.Parallel()
	b := probe(t, "")
	port := b.Wait(patience, 1, "listening", nil)[0].Port
	resp, err := http.PostForm(fmt.Sprintf("http://127.0.0.1:%d/save", port), url.Values{"ssid": {"Aula 3"}, "password": {"a&b=ñ"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "ok a&b=ñ" {
		t.Errorf("%q, %v", body, err)
	}
	prints(t, b, "saved Aula 3", 1)
	b.Quit()
}

// TestSignatures compiles the header that a developer compiles against the real
// libraries.
func TestSignatures(t *testing.T) {
	t.Parallel()
	boardtest.Build(t, "firmware/host/signatures")
}
