//go:build suites && linux

package board

import (
	"strings"
	"testing"

	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

// TestSettingsCountAfterRestart: what is set while the board works changes nothing of
// what it dials, trusts, joins and measures by, however often it does so again; after a
// restart it counts.
func TestSettingsCountAfterRestart(t *testing.T) {
	t.Parallel()
	ca, cert, key := authority(t, "192.168.1.50")
	other, _, _ := authority(t, "192.168.1.50")
	s, addr := serveTLS(t, cert, key)
	b := newBoard(t, "", "BOARD_SERVER_TLS="+addr)
	b.Start()
	paste(b, ca)
	setUp(b, "101", "tls on", "server 192.168.1.50 8443", "interval 2")
	says(t, b, "Online: 192.168.1.50:8443", 1)
	rows(t, s, "101", 3)

	for _, line := range []string{`wifi otra "otra clave"`, "server 192.168.1.99 9999", "device 102", "interval 3600", "sleep on", "token off", "ca off"} {
		b.Tell("serial %s", line)
	}
	paste(b, other)
	b.Tell("serial tls off")
	b.Tell("serial show")
	says(t, b, "server 192.168.1.99 9999", 1)
	says(t, b, "tls off", 1)
	dials := len(b.Events("dial"))
	s.Stop()
	b.Wait(patience, dials+2, "dial", nil)
	b.Tell("wifi down")
	b.Wait(patience, 1, "wifi", func(e boardtest.Event) bool { return e.State == "lost" })
	b.Tell("wifi up")
	s.StartReady()
	says(t, b, "Online: 192.168.1.50:8443", 2)
	for _, e := range b.Events("dial") {
		if e.Host != "192.168.1.50" || e.Port != 8443 || !e.TLS {
			t.Errorf("dialled %s:%d, TLS %v", e.Host, e.Port, e.TLS)
		}
	}
	finish(t, s, b, "101")

	restarts := len(b.Events("boot"))
	b.Tell("serial restart")
	b.Wait(patience, restarts+1, "boot", nil)
	b.Tell("serial show")
	says(t, b, `wifi "otra"`, 2)
	b.Tell(`serial wifi red "la clave"`)
	b.Tell("serial restart")
	dial := b.Wait(patience, 1, "dial", func(e boardtest.Event) bool { return e.Host == "192.168.1.99" })[0]
	if dial.Port != 9999 || dial.TLS {
		t.Errorf("after the restart %+v", dial)
	}
	b.Kill() // asleep, or about to be
}

// TestForget: everything is forgotten, and nothing comes back from what still works.
func TestForget(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := started(t, s.Addr, "101")
	rows(t, s, "101", 2)
	b.Tell("serial forget")
	s.Stop()
	s.StartReady()
	says(t, b, "Online:", 2) // where it was found is noted with each connection
	b.Tell("serial show")
	for _, want := range []string{`wifi "" ""`, "found  0", "token no"} {
		says(t, b, want, 1)
	}
	b.Tell("serial restart")
	says(t, b, "Faltan ajustes", 2)
	b.Tell("serial show")
	says(t, b, "found  0", 2)
	b.Quit()
}

// TestLongInterval: more than 4,294,967 ms between two readings, where FreeRTOS's
// conversion to ticks has begun again from nothing.
func TestLongInterval(t *testing.T) {
	t.Parallel()
	b := newBoard(t, "")
	b.Start()
	setUp(b, "101", "interval 4295") // 32 ms in 32 bits
	first := b.Wait(patience, 1, "sensor", nil)[0]
	// The light shows that a minute has passed.
	harness.Until(t, patience, "a minute", func() bool {
		pins := b.Events("pin")
		return len(pins) > 0 && pins[len(pins)-1].At > first.At+60_000
	})
	if n := len(b.Events("sensor")); n != 1 {
		t.Errorf("%d conversions in a minute, want one", n)
	}
	b.Quit()
}

// TestStatusShowsStacks: how much of its stack each task never used.
func TestStatusShowsStacks(t *testing.T) {
	t.Parallel()
	b := started(t, "", "101")
	b.Wait(patience, 2, "sensor", nil)
	ask(t, b)
	line := says(t, b, "status ", 1)[0].Text
	if _, stacks, ok := strings.Cut(line, " stack "); !ok || len(strings.Fields(stacks)) != 3 || strings.Contains(" "+stacks+" ", " 0 ") {
		t.Errorf("%q", line)
	}
	b.Quit()
}
