//go:build suites && linux

package board

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/client/clienttest"
	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

// gated starts a server that asks who is there.
func gated(t *testing.T, o clienttest.Options) (*clienttest.Server, *clienttest.Gate, string) {
	t.Helper()
	if o.Listener == nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		o.Listener = l
	}
	g := clienttest.NewGate()
	o.Intercept = g.Intercept
	s := clienttest.New(o)
	t.Cleanup(s.Close)
	return s, g, o.Listener.Addr().String()
}

// arrived waits until the server has n readings of a power-up.
func arrived(t *testing.T, s *clienttest.Server, device vaiven.Device, boot string, n int) {
	t.Helper()
	harness.Until(t, patience, fmt.Sprintf("%d readings of %s", n, device), func() bool {
		return len(s.Stored(device, vaiven.Boot(boot))) >= n
	})
}

// secret fails if a token stands in anything that a board printed.
func secret(t *testing.T, b *boardtest.Board, token string) {
	t.Helper()
	for _, e := range b.Events("serial") {
		if strings.Contains(e.Text, token) {
			t.Errorf("the token was printed: %q", e.Text)
		}
	}
}

// proofs waits until a device has proven its token n times.
func proofs(t *testing.T, g *clienttest.Gate, device vaiven.Device, n int) {
	t.Helper()
	harness.Until(t, patience, fmt.Sprintf("%d proofs of %s", n, device), func() bool {
		_, got := g.Token(device)
		return got >= n
	})
}

// TestAdoption: a board that nobody knows says what it waits for, keeps its readings,
// is given a token when it is approved, proves it at once, and after a loss of power.
func TestAdoption(t *testing.T) {
	t.Parallel()
	s, g, addr := gated(t, clienttest.Options{})
	b := started(t, addr, "101")
	says(t, b, "Waiting to be approved. On the server: vaiven devices approve 101", 1)
	if got := ask(t, b); got.name != "waiting" || got.settled != 0 {
		t.Errorf("status %+v", got)
	}
	flashesSlowly(t, b)
	g.Approve("101")
	says(t, b, "The server gave this board its token", 1)
	proofs(t, g, "101", 1)
	arrived(t, s, "101", ask(t, b).boot, 5)
	if got := s.Stored("101", vaiven.Boot(ask(t, b).boot)); got[0].Seq != 1 {
		t.Errorf("the first reading is SEQ %d", got[0].Seq)
	}
	if n := len(says(t, b, "Waiting to be approved", 1)); n != 1 {
		t.Errorf("said %d times that it waits", n)
	}
	token, _ := g.Token("101")
	b.Tell("serial show")
	says(t, b, "token yes", 1)
	b.Kill() // the flash keeps it
	b.Start()
	proofs(t, g, "101", 2)
	b.Tell("serial token off")
	b.Tell("serial restart")
	says(t, b, "This number has a token, and this board does not have it", 1)
	secret(t, b, token)
	if g.InTheClear() != 0 {
		t.Error("the token went over the network")
	}
	b.Quit()
}

// flashesSlowly waits until the status LED was on for about a second, twice.
func flashesSlowly(t *testing.T, b *boardtest.Board) {
	t.Helper()
	slow := 0
	var on int64
	b.Wait(patience, 4, "pin", func(e boardtest.Event) bool {
		if e.Pin != pinStatus {
			return false
		}
		if e.Level == 1 {
			on = e.At
			return false
		}
		if on != 0 && e.At-on > 700 {
			slow++
		}
		return slow >= 2
	})
}

// TestTypedToken: a token is set over the serial port or the portal, proven, and not
// taken away by a server that says that the board waits, since anybody could.
func TestTypedToken(t *testing.T) {
	t.Parallel()
	s, g, addr := gated(t, clienttest.Options{})
	token := clienttest.NewToken()
	g.Give("101", token, true)
	b := newBoard(t, addr)
	b.Start()
	b.Tell("serial token vvn_short")
	says(t, b, "No entendí eso", 1)
	setUp(b, "101", "token "+clienttest.NewToken())
	says(t, b, "The server does not take this board's token", 1)
	open := len(b.Events("listening"))
	b.Tell("serial portal")
	at := portal(t, b, open+1)
	form := url.Values{
		"ssid": {"red"}, "server": {"192.168.1.50"}, "port": {"8080"}, "device": {"101"}, "interval": {"2"}, "token": {token},
	}
	resp, err := http.PostForm(at+"/save", form)
	if page := body(t, resp, err); !strings.Contains(page, "Saved") {
		t.Errorf("%q", page)
	}
	proofs(t, g, "101", 1)
	arrived(t, s, "101", ask(t, b).boot, 3)

	g.Give("101", "", false)
	g.Approve("101") // a stranger in the server's place
	s.Crash()
	harness.Until(t, patience, "another token", func() bool { other, _ := g.Token("101"); return other != "" && other != token })
	g.Give("101", token, true)
	s.Crash()
	proofs(t, g, "101", 2)
	if n := len(b.Wait(0, 0, "serial", has("gave this board its token"))); n != 0 {
		t.Error("it took the stranger's token")
	}
	secret(t, b, token)
	b.Quit()
}

// TestBearer: over TLS with the CA pinned the board shows its token in the handshake;
// one that it is given there it keeps.
func TestBearer(t *testing.T) {
	t.Parallel()
	ca, cert, key := authority(t, "192.168.1.50")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	shown := make(chan string, 64)
	s, g, addr := gated(t, clienttest.Options{Listener: l, Refuse: func(r *http.Request) int {
		select {
		case shown <- r.Header.Get("Authorization"):
		default:
		}
		return 0
	}})
	g.Approve("101")
	b := newBoard(t, "", "BOARD_SERVER_TLS="+addr)
	b.Start()
	paste(b, ca)
	setUp(b, "101", "tls on", "server 192.168.1.50 8443")
	says(t, b, "The server gave this board its token", 1)
	proofs(t, g, "101", 1)
	token, _ := g.Token("101")
	s.Crash()
	b.Wait(patience, 2, "serial", has("Online:"))
	arrived(t, s, "101", ask(t, b).boot, 5)
	if first, second := wait(t, shown), wait(t, shown); first != "" || second != "Bearer "+token {
		t.Errorf("shown at first: %t, then: %t", first != "", second != "")
	}
	if _, n := g.Token("101"); n != 1 {
		t.Errorf("%d proofs, want the one before it was shown", n)
	}
	secret(t, b, token)
	b.Quit()
}

func wait(t *testing.T, c <-chan string) string {
	t.Helper()
	select {
	case s := <-c:
		return s
	case <-time.After(patience):
		t.Fatal("no connection")
		return ""
	}
}

// TestAdoptionOfASleeper: a board that sleeps between readings is adopted when it
// wakes up, and goes on proving its token.
func TestAdoptionOfASleeper(t *testing.T) {
	t.Parallel()
	s, g, addr := gated(t, clienttest.Options{})
	b := started(t, addr, "101", "interval 60", "sleep on")
	says(t, b, "Waiting to be approved", 1)
	b.Wait(patience, 1, "sleep", nil)
	g.Approve("101")
	says(t, b, "The server gave this board its token", 1)
	proofs(t, g, "101", 3)
	if n := len(s.Hellos()); n == 0 {
		t.Error("no HELLO")
	}
	b.Quit()
}

// TestCompiledIn: what a sketch has in mine.h counts until somebody sets another.
func TestCompiledIn(t *testing.T) {
	t.Parallel()
	_, g, addr := gated(t, clienttest.Options{})
	token := clienttest.NewToken()
	g.Give("101", token, true)
	compiled := program(t, `-DVAIVEN_DEVICE="101"`, fmt.Sprintf("-DVAIVEN_TOKEN=%q", token), `-DVAIVEN_SERVER="192.168.1.50"`)
	b := boardtest.New(t, compiled, addr, "BOARD_SPEED=50", "BOARD_IDLE=5000", "BOARD_SSID=red", "BOARD_PASSWORD=la clave")
	b.Start()
	for _, line := range []string{`wifi red "la clave"`, "restart"} {
		b.Tell("serial %s", line)
	}
	proofs(t, g, "101", 1)
	secret(t, b, token)
	b.Quit()
}
