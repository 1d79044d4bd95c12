package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/client"
	"vaiven/client/clienttest"
	"vaiven/wire"
)

const soon = time.Millisecond

// gated starts a server that asks who is there.
func gated(t *testing.T, o clienttest.Options) (*clienttest.Server, *clienttest.Gate) {
	t.Helper()
	g := clienttest.NewGate()
	g.Retry = soon
	o.Intercept = g.Intercept
	return start(t, o), g
}

// secure is a listener with TLS, and the CA that vouches for it.
func secure(t *testing.T) (net.Listener, *x509.CertPool) {
	t.Helper()
	other := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(other.Certificate())
	return tls.NewListener(l, &tls.Config{Certificates: other.TLS.Certificates}), pool
}

func wss(s *clienttest.Server) string { return strings.Replace(s.URL, "ws:", "wss:", 1) }

// TestATokenIsProvenOverPlainWs: whether the server only wants to know, or insists;
// and the token is in no handshake.
func TestATokenIsProvenOverPlainWs(t *testing.T) {
	for name, used := range map[string]bool{"first use": false, "used before": true} {
		t.Run(name, func(t *testing.T) {
			s, g := gated(t, clienttest.Options{})
			token := clienttest.NewToken()
			g.Give("101", token, used)
			var errs notes[error]
			c := dial(t, s, func(o *client.Options) { o.Token, o.OnError = token, errs.add })
			eventually(t, "a proof", func() bool { _, n := g.Token("101"); return n == 1 })
			sendN(t, c, 5)
			flush(t, c)
			checkStored(t, s, c, 5)
			s.Crash()
			eventually(t, "a proof on the next connection", func() bool { _, n := g.Token("101"); return n == 2 })
			sendN(t, c, 5)
			flush(t, c)
			checkStored(t, s, c, 10)
			if g.InTheClear() != 0 {
				t.Error("the token went over the network")
			}
			for _, err := range errs.get() {
				if r, ok := errors.AsType[*client.Refusal](err); ok {
					t.Error(r)
				}
			}
			if c.Barred() != "" {
				t.Errorf("barred: %s", c.Barred())
			}
		})
	}
}

// TestAnApprovedDeviceIsGivenItsToken: it waits, keeps its readings, is given a token,
// keeps it, and proves it at once.
func TestAnApprovedDeviceIsGivenItsToken(t *testing.T) {
	s, g := gated(t, clienttest.Options{})
	var tokens notes[string]
	var errs notes[error]
	c := dial(t, s, func(o *client.Options) { o.Background, o.OnToken, o.OnError = true, tokens.add, errs.add })
	sendN(t, c, 3)
	eventually(t, "not approved, three times", func() bool { return c.Stats().Rejected[vaiven.CodeNotApproved] >= 3 })
	if c.Barred() != vaiven.CodeNotApproved || len(s.Stored(c.Device(), c.Boot())) != 0 {
		t.Errorf("barred: %q, stored %d", c.Barred(), len(s.Stored(c.Device(), c.Boot())))
	}
	if r, ok := errors.AsType[*client.Refusal](errs.get()[0]); !ok || !strings.Contains(r.Text, "vaiven devices approve 101") {
		t.Errorf("told %v", errs.get()[0])
	}
	g.Approve("101")
	flush(t, c)
	checkStored(t, s, c, 3)
	eventually(t, "a proof", func() bool { _, n := g.Token("101"); return n == 1 })
	if want, _ := g.Token("101"); len(tokens.get()) != 1 || tokens.get()[0] != want {
		t.Error("another token than it was given")
	}
	sendN(t, c, 1) // goes behind the WELCOME that answers the proof
	flush(t, c)
	if c.Barred() != "" {
		t.Errorf("barred: %q", c.Barred())
	}
	// The window is closed: nobody else takes its token away.
	stranger := clienttest.NewToken()
	sync := wire.AppendError(nil, &vaiven.Error{Code: vaiven.CodeNotJSON, At: 0}, vaiven.English)
	n := len(errs.get())
	s.Conns()[0].Write(wire.AppendToken(nil, "101", stranger))
	s.Conns()[0].Write(sync)
	eventually(t, "what came behind it", func() bool { return len(errs.get()) > n })
	if len(tokens.get()) != 1 {
		t.Error("it took another token")
	}
}

// TestStrangersTokensAreNotTaken: none over ws that was not waited for, none for another
// device, none that is not written as tokens are.
func TestStrangersTokensAreNotTaken(t *testing.T) {
	s := start(t, clienttest.Options{})
	var tokens notes[string]
	var errs notes[error]
	dial(t, s, func(o *client.Options) { o.OnToken, o.OnError = tokens.add, errs.add })
	conn := s.Conns()[0]
	conn.Write(wire.AppendToken(nil, "101", clienttest.NewToken()))
	conn.Write(wire.AppendNonce(nil, "101", strings.Repeat("0", 32))) // it has nothing to answer with
	conn.Write(wire.AppendError(nil, &vaiven.Error{Code: vaiven.CodeNotApproved, At: -1, Device: "101", Retry: soon}, vaiven.English))
	conn.Write(wire.AppendToken(nil, "102", clienttest.NewToken()))
	conn.Write(wire.AppendToken(nil, "101", "vvn_short"))
	conn.Write(wire.AppendError(nil, &vaiven.Error{Code: vaiven.CodeNotJSON, At: 0}, vaiven.English))
	eventually(t, "what came behind them", func() bool { return len(errs.get()) == 2 })
	if n := len(tokens.get()); n != 0 {
		t.Errorf("%d tokens taken", n)
	}
	for _, h := range s.Hellos() {
		if h.Proof != "" {
			t.Error("a proof of nothing")
		}
	}
}

// TestATokenIsShownToATrustedServerOnly: as a bearer over wss, and proven where the
// certificate was not verified.
func TestATokenIsShownToATrustedServerOnly(t *testing.T) {
	for name, verified := range map[string]bool{"verified": true, "not verified": false} {
		t.Run(name, func(t *testing.T) {
			l, pool := secure(t)
			shown := make(chan string, 16)
			s, g := gated(t, clienttest.Options{Listener: l, Refuse: func(r *http.Request) int {
				shown <- r.Header.Get("Authorization")
				return 0
			}})
			token := clienttest.NewToken()
			g.Give("101", token, true)
			c := dial(t, s, func(o *client.Options) {
				o.URL, o.Token = wss(s), token
				o.TLS = &tls.Config{RootCAs: pool, InsecureSkipVerify: !verified}
			})
			sendN(t, c, 2)
			flush(t, c)
			_, proofs := g.Token("101")
			if got := <-shown; verified != (got == "Bearer "+token) || verified != (proofs == 0) || !verified && got != "" {
				t.Errorf("shown %t, %d proofs", got != "", proofs)
			}
		})
	}
}

// TestATrustedServerGivesATokenAtAnyTime, and the next connection shows it.
func TestATrustedServerGivesATokenAtAnyTime(t *testing.T) {
	l, pool := secure(t)
	shown := make(chan string, 16)
	s, g := gated(t, clienttest.Options{Listener: l, Refuse: func(r *http.Request) int {
		shown <- r.Header.Get("Authorization")
		return 0
	}})
	g.Approve("101")
	var tokens notes[string]
	dial(t, s, func(o *client.Options) {
		o.URL, o.TLS, o.OnToken = wss(s), &tls.Config{RootCAs: pool}, tokens.add
	})
	eventually(t, "a proof", func() bool { _, n := g.Token("101"); return n == 1 })
	if got := <-shown; got != "" || len(tokens.get()) != 1 {
		t.Errorf("%d tokens; showed one: %t", len(tokens.get()), got != "")
	}
	s.Crash()
	if got := <-shown; got != "Bearer "+tokens.get()[0] {
		t.Error("the next connection does not show it")
	}
}

// TestTheWrongCAIsRefused: nothing is said to a server that nobody vouches for.
func TestTheWrongCAIsRefused(t *testing.T) {
	l, _ := secure(t)
	s, g := gated(t, clienttest.Options{Listener: l})
	_, err := client.Dial(within(t), client.Options{
		URL: wss(s), Device: "101", Token: clienttest.NewToken(), TLS: &tls.Config{RootCAs: x509.NewCertPool()},
	})
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		t.Errorf("dialled: %v", err)
	}
	if len(s.Conns()) != 0 || g.InTheClear() != 0 {
		t.Error("it spoke all the same")
	}
}

// TestAWrongTokenIsToldAndTriedAgain, and so is that there is one where none is had.
func TestAWrongTokenIsToldAndTriedAgain(t *testing.T) {
	for token, want := range map[string]vaiven.Code{clienttest.NewToken(): vaiven.CodeBadToken, "": vaiven.CodeNotAuthorised} {
		t.Run(string(want), func(t *testing.T) {
			s, g := gated(t, clienttest.Options{})
			right := clienttest.NewToken()
			g.Give("101", right, true)
			var errs notes[error]
			c := dial(t, s, func(o *client.Options) { o.Background, o.Token, o.OnError = true, token, errs.add })
			sendN(t, c, 3)
			eventually(t, "three refusals", func() bool { return c.Stats().Rejected[want] >= 3 })
			if c.Barred() != want || len(s.Stored(c.Device(), c.Boot())) != 0 {
				t.Errorf("barred: %q", c.Barred())
			}
			for _, err := range errs.get() {
				if strings.Contains(err.Error(), right) || token != "" && strings.Contains(err.Error(), token) {
					t.Error("a token in an error")
				}
			}
			g.Give("101", token, token != "") // the server has another now
			flush(t, c)
			checkStored(t, s, c, 3)
		})
	}
}

// TestDialSaysThatItWaits: who dials with a deadline is told why nothing came of it.
func TestDialSaysThatItWaits(t *testing.T) {
	s, _ := gated(t, clienttest.Options{})
	ctx, cancel := context.WithCancel(within(t))
	_, err := client.Dial(ctx, client.Options{URL: s.URL, Device: "101", Backoff: quick, OnError: func(error) { cancel() }})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "not_approved") {
		t.Errorf("error %v", err)
	}
}

// TestADeviceThatIsShutOutKeepsItsReadings: whose token was used elsewhere while it was
// connected is refused, and goes on where it was when it is let in again.
func TestADeviceThatIsShutOutKeepsItsReadings(t *testing.T) {
	s, g := gated(t, clienttest.Options{})
	g.Give("101", "", false)
	c := dial(t, s, nil)
	sendN(t, c, 3)
	flush(t, c)
	g.Give("101", clienttest.NewToken(), true)
	sendN(t, c, 3)
	eventually(t, "a refusal", func() bool { return c.Barred() == vaiven.CodeNotAuthorised })
	if c.Connected() {
		t.Error("it counts as connected")
	}
	reports := len(s.Reports())
	if err := c.Report([]vaiven.Value{{Name: "LED", Num: 1}}, 0); err != nil {
		t.Fatal(err)
	}
	g.Give("101", "", false)
	flush(t, c)
	eventually(t, "its states, with HELLO or behind one that was on its way", func() bool {
		h := s.Hellos()
		return len(h[len(h)-1].States) == 1 || len(s.Reports()) > reports
	})
	if st := c.Stats(); !st.Connected || st.Connects != 1 {
		t.Errorf("stats %+v", st)
	}
	checkStored(t, s, c, 6)
}
