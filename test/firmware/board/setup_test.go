//go:build suites && linux

package board

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vaiven/test/firmware/boardtest"
)

// TestSerial: a new board asks for settings, takes them over the serial port, and
// has them after a power cut.
func TestSerial(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := newBoard(t, s.Addr)
	b.Start()
	says(t, b, "Faltan ajustes. Escribe: help", 1)
	b.Tell("serial lang en")
	for i, wrong := range []string{"wifi", "server h 70000", "interval 0", "device " + strings.Repeat("x", 65), "tls maybe", "hola"} {
		b.Tell("serial %s", wrong)
		says(t, b, "I did not understand that", i+1)
	}
	setUp(b, "7", "interval 2.5", "token off")
	b.Wait(patience, 2, "boot", nil)
	says(t, b, "Online: 192.168.1.50:8080", 1)
	rows(t, s, "007", 5)
	b.Tell("serial show")
	says(t, b, "interval 2.5", 1)
	if len(b.Wait(0, 0, "serial", has("la clave"))) > 0 {
		t.Error("the password was shown")
	}
	first := ask(t, b).boot
	b.Kill()
	b.Start()
	says(t, b, "Online:", 2)
	if again := ask(t, b).boot; again == first {
		t.Error("the same BOOT after a power cut")
	}
	b.Tell("serial forget")
	b.Tell("serial restart")
	says(t, b, "Faltan ajustes", 2)
	b.Quit()
}

// portal is where a board's form is on this computer.
func portal(t *testing.T, b *boardtest.Board, n int) string {
	t.Helper()
	return fmt.Sprintf("http://127.0.0.1:%d", b.Wait(patience, n, "listening", nil)[n-1].Port)
}

func body(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPortal: settings in a form; the button opens it again while the board
// works, and nobody who looks at it reads a secret.
func TestPortal(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := newBoard(t, s.Addr, "BOARD_MAC=246f28abcdef")
	b.Start()
	if name := b.Wait(patience, 1, "access_point", nil)[0].SSID; name != "vaiven-CDEF" {
		t.Errorf("the network is called %q", name)
	}
	at := portal(t, b, 1)
	resp, err := http.Get(at + "/generate_204") // as a phone asks
	if page := body(t, resp, err); !strings.Contains(page, "<form") {
		t.Errorf("no form in %q", page)
	}
	form := url.Values{
		"ssid": {"red"}, "password": {"la clave"}, "server": {"192.168.1.50"}, "port": {"80800"}, "device": {"101"}, "interval": {"2"},
	}
	resp, err = http.PostForm(at+"/save", form)
	if page := body(t, resp, err); !strings.Contains(page, "Corrige por favor: servidor") {
		t.Errorf("a wrong port: %q", page)
	}
	form.Set("port", "8080")
	resp, err = http.PostForm(at+"/save", form)
	if page := body(t, resp, err); !strings.Contains(page, "Guardado") {
		t.Errorf("%q", page)
	}
	says(t, b, "En línea: 192.168.1.50:8080", 1)
	rows(t, s, "101", 3)

	b.Tell("pin %d low", pinSetup)
	at = portal(t, b, 2)
	b.Tell("pin %d high", pinSetup)
	before := len(rows(t, s, "101", 3))
	resp, err = http.Get(at)
	if page := body(t, resp, err); strings.Contains(page, "la clave") || !strings.Contains(page, `value="red"`) {
		t.Errorf("the form shows a secret, or not the rest: %q", page)
	}
	rows(t, s, "101", before+3) // work goes on
	// Nobody saves: after ten minutes it closes.
	b.Wait(patience, 1, "access_point", func(e boardtest.Event) bool { return !e.On })
	finish(t, s, b, "101")
	b.Quit()
}

// TestShortPress: the setup button has to be held.
func TestShortPress(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := newBoard(t, s.Addr, "BOARD_SPEED=10")
	b.Start()
	setUp(b, "101")
	says(t, b, "Online:", 1)
	b.Tell("pin %d low", pinSetup)
	b.Tell("pin %d high", pinSetup)
	rows(t, s, "101", 6)
	if n := len(b.Events("listening")); n != 1 {
		t.Errorf("the portal opened %d times, want once", n)
	}
	b.Quit()
}

// TestFinding: the server is found by what it announces, by its name, by its
// address, and where it was the last time when mDNS is silent.
func TestFinding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, server, mdns, dials string }{
		{"announced", "auto", "pi=192.168.1.60:8090", "192.168.1.60:8090"},
		{"announced by one that has no IPv4 too", "auto", "six=:8091,pi=192.168.1.60:8090,seven=:8092", "192.168.1.60:8090"},
		{"by its name", "pi.local 8081", "pi=192.168.1.61", "192.168.1.61:8081"},
		{"by its address", "192.168.1.62 8082", "pi=192.168.1.61", "192.168.1.62:8082"},
		{"by DNS", "vaiven.example.org 80", "", "vaiven.example.org:80"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			b := newBoard(t, s.Addr)
			flash := b.Env
			b.Env = append(flash, "BOARD_MDNS="+c.mdns)
			b.Start()
			setUp(b, "101", "server "+c.server)
			says(t, b, "Online: "+c.dials, 1)
			b.Kill()
			b.Env = append(flash, "BOARD_MDNS=")
			b.Start()
			says(t, b, "Online: "+c.dials, 2)
			b.Quit()
		})
	}
	t.Run("nowhere", func(t *testing.T) {
		t.Parallel()
		s := serve(t)
		b := newBoard(t, s.Addr)
		b.Start()
		setUp(b, "101", "server auto")
		b.Wait(patience, 3, "mdns", nil) // looked for again, with the core's waits between
		if n := len(b.Events("dial")); n > 0 {
			t.Errorf("%d dials to nowhere", n)
		}
		b.Quit()
	})
}
