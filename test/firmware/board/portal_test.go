//go:build suites && linux

package board

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vaiven/test/firmware/boardtest"
)

// openPortal holds the setup button until the board's own network is open, and
// returns where its form is.
func openPortal(t *testing.T, b *boardtest.Board) string {
	t.Helper()
	n := len(b.Events("listening"))
	b.Tell("pin %d low", pinSetup)
	at := portal(t, b, n+1)
	b.Tell("pin %d high", pinSetup)
	return at
}

// TestPortalWithWrongNetwork: who typed the Wi-Fi's name wrong can mend it, since the
// radio does not look for that network while somebody is in the board's own.
func TestPortalWithWrongNetwork(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := newBoard(t, s.Addr)
	b.Start()
	setUp(b, "101", `wifi otra "la clave"`)
	b.Wait(patience, 2, "boot", nil)
	at := openPortal(t, b)
	resp, err := http.Get(at)
	if page := body(t, resp, err); !strings.Contains(page, `value="otra"`) {
		t.Errorf("no form in %q", page)
	}
	form := url.Values{
		"ssid": {"red"}, "server": {"192.168.1.50"}, "port": {"8080"}, "device": {"101"}, "interval": {"2"},
	}
	resp, err = http.PostForm(at+"/save", form)
	if page := body(t, resp, err); !strings.Contains(page, "Saved") {
		t.Errorf("%q", page)
	}
	says(t, b, "Online: 192.168.1.50:8080", 1)
	b.Quit()
}

// TestPortalDoesNotDial: a server that is not there does not hold up the form; when the
// portal is closed again, the board goes on looking, for its network too.
func TestPortalDoesNotDial(t *testing.T) {
	t.Parallel()
	b := newBoard(t, "")
	b.Start()
	setUp(b, "101")
	b.Wait(patience, 2, "dial", nil)
	at := openPortal(t, b)
	dials := len(b.Events("dial"))
	b.Tell("wifi down")
	b.Wait(patience, 1, "wifi", func(e boardtest.Event) bool { return e.State == "lost" })
	b.Tell("wifi up")
	for range 3 {
		resp, err := http.Get(at)
		if page := body(t, resp, err); !strings.Contains(page, "<form") {
			t.Errorf("no form in %q", page)
		}
	}
	closed := b.Wait(patience, 1, "access_point", func(e boardtest.Event) bool { return !e.On })[0]
	for _, e := range b.Events("dial")[dials:] {
		if e.At < closed.At {
			t.Errorf("a dial at %d ms, while the portal was open until %d", e.At, closed.At)
		}
	}
	joined := b.Wait(patience, 2, "wifi", func(e boardtest.Event) bool { return e.State == "connected" })[1]
	if joined.At < closed.At {
		t.Errorf("joined a network at %d ms, while the portal was open until %d", joined.At, closed.At)
	}
	b.Wait(patience, dials+1, "dial", nil)
	b.Quit()
}
