//go:build suites && linux

package board

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

func TestMain(m *testing.M) { os.Exit(boardtest.MainWithoutRace(m)) }

// patience is the real time that anything may take; it says when something hangs.
const patience = 4 * time.Minute

// Pins as firmware/vaiven/pins.h has them.
const (
	pinLED    = 2
	pinStatus = 18
	pinWall   = 27
	pinSetup  = 0
)

// program builds the sketch with the core, and more compiler flags.
func program(t testing.TB, flags ...string) string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(harness.Root(), "firmware", "core", "src", "vaiven", "*.cpp"))
	if err != nil || len(sources) == 0 {
		t.Fatal("no core", err)
	}
	flags = append(flags, "-Ifirmware/core/src")
	for _, s := range sources {
		flags = append(flags, "firmware/core/src/vaiven/"+filepath.Base(s))
	}
	return boardtest.Build(t, "firmware/vaiven", flags...)
}

// newBoard prepares a board 50 times as fast as life.
func newBoard(t testing.TB, addr string, env ...string) *boardtest.Board {
	t.Helper()
	return boardtest.New(t, program(t), addr, append([]string{"BOARD_SPEED=50", "BOARD_IDLE=5000", "BOARD_SSID=red", "BOARD_PASSWORD=la clave"}, env...)...)
}

// setUp types what a board needs into its serial port, and more lines, and
// restarts it.
func setUp(b *boardtest.Board, device string, lines ...string) {
	settings := []string{`wifi red "la clave"`, "server 192.168.1.50 8080", "device " + device, "lang en"}
	for _, line := range append(settings, append(lines, "restart")...) {
		b.Tell("serial %s", line)
	}
}

// started is a board that is set up and has restarted.
func started(t testing.TB, addr, device string, lines ...string) *boardtest.Board {
	t.Helper()
	b := newBoard(t, addr)
	b.Start()
	setUp(b, device, lines...)
	b.Wait(patience, 2, "boot", nil)
	return b
}

// says waits for n lines on the serial port that have text in them.
func says(t testing.TB, b *boardtest.Board, text string, n int) []boardtest.Event {
	t.Helper()
	return b.Wait(patience, n, "serial", has(text))
}

func has(text string) func(boardtest.Event) bool {
	return func(e boardtest.Event) bool { return strings.Contains(e.Text, text) }
}

// status is what the board says about itself.
type status struct {
	name, boot                     string
	waiting, settled, lost, failed int
	rev, led                       int
}

// ask asks a board for its status.
func ask(t testing.TB, b *boardtest.Board) (s status) {
	t.Helper()
	n := len(b.Wait(0, 0, "serial", has("status ")))
	b.Tell("serial status")
	line := says(t, b, "status ", n+1)[n].Text
	_, err := fmt.Sscanf(line, "status %s boot %s waiting %d settled %d lost %d failed %d rev %d LED %d",
		&s.name, &s.boot, &s.waiting, &s.settled, &s.lost, &s.failed, &s.rev, &s.led)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return s
}

// serve starts a server.
func serve(t testing.TB, args ...string) *harness.Server {
	t.Helper()
	s := harness.NewServer(t, "serve", t.TempDir(), args...)
	s.StartReady()
	return s
}

// rows waits until the CSV has n rows of a device, and returns them all.
func rows(t testing.TB, s *harness.Server, device string, n int) (found []harness.Row) {
	t.Helper()
	harness.Until(t, patience, fmt.Sprintf("%d rows of %s", n, device), func() bool {
		all, err := harness.ReadCSV(s.CSV())
		if err != nil {
			return false // not there yet, or a row is being written
		}
		found = found[:0]
		for _, r := range all {
			if r.Device == device {
				found = append(found, r)
			}
		}
		return len(found) >= n
	})
	return found
}

// verify stops the server, and has its log replayed.
func verify(t testing.TB, s *harness.Server) {
	t.Helper()
	s.Stop()
	harness.Verify(t, s.Data)
}

// taken are a board's conversions that succeeded, as the rows of the CSV must be.
func taken(b *boardtest.Board) (all []string) {
	for _, e := range b.Events("sensor") {
		if e.OK {
			all = append(all, fmt.Sprintf("%g,%g", e.Temp, e.Hum))
		}
	}
	return all
}

// finish pulls the sensor out, waits until the server has everything, and holds
// the CSV against what the board measured.
func finish(t testing.TB, s *harness.Server, b *boardtest.Board, device string) {
	t.Helper()
	b.Tell("sensor unplugged")
	n := len(b.Events("sensor"))
	b.Wait(patience, n+2, "sensor", nil) // the last good one is recorded
	harness.Until(t, patience, "everything acknowledged", func() bool { return ask(t, b).waiting == 0 })
	want := taken(b)
	var got []string
	for _, r := range rows(t, s, device, len(want)) {
		got = append(got, r.Temp+","+r.Hum)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d rows, and %d readings were taken; the rows end with %q, the readings with %q", len(got), len(want),
			got[max(0, len(got)-3):], want[max(0, len(want)-3):])
	}
}

// request speaks the HTTP API; the answer's JSON goes into out unless that is nil.
func request(t testing.TB, method, addr, path, body string, out any) int {
	t.Helper()
	resp, err := harness.Send(t.Context(), method, "http://"+addr+"/api/v1"+path, body)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0
	}
	if out != nil && resp.StatusCode < 300 {
		if err := json.NewDecoder(bytes.NewReader(text)).Decode(out); err != nil {
			t.Fatalf("%s: %v in %s", path, err, text)
		}
	}
	return resp.StatusCode
}

// setLED asks for a device's LED.
func setLED(t testing.TB, addr, device string, led int64) int {
	t.Helper()
	return request(t, http.MethodPut, addr, "/devices/"+device+"/state", fmt.Sprintf(`{"LED":%d}`, led), nil)
}

// desired is what the server wants a device's LED to be; -1 for nothing.
func desired(t testing.TB, addr, device string) int {
	t.Helper()
	var out struct {
		Desired map[string]float64 `json:"desired"`
	}
	request(t, http.MethodGet, addr, "/devices/"+device+"/state", "", &out)
	if led, ok := out.Desired["LED"]; ok {
		return int(led)
	}
	return -1
}

// waitLED waits until a board's LED is as it should be.
func waitLED(t testing.TB, b *boardtest.Board, led int64) {
	t.Helper()
	harness.Until(t, patience, fmt.Sprintf("LED %d", led), func() bool { return b.Pin(pinLED) == led })
}
