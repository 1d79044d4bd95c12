package server

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestTLSThatIsTaken: a port that somebody has costs TLS, not the server, unless it was
// asked for.
func TestTLSThatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t.TempDir())
	o.TLSListen, o.TLSIfFree = []string{l.Addr().String()}, true
	r := launch(t, o)
	if a := r.Addresses(); len(a.Secure) > 0 || len(a.Plain) != 1 || r.OwnTLS() != nil {
		t.Errorf("%+v", a)
	}
	r.mu.Lock()
	told := slices.Clone(r.told)
	r.mu.Unlock()
	if len(told) != 2 || !strings.Contains(told[0], "is in use: no wss://") || !strings.Contains(told[1], "--tls-listen off") {
		t.Errorf("told %q", told)
	}
	o = options(t.TempDir())
	o.TLSListen = []string{l.Addr().String()}
	if s, err := Open(testContext(t), o); err == nil || !strings.Contains(err.Error(), "is in use") {
		s.Close()
		t.Errorf("asked for, and %v", err)
	}
}

// TestAuthorityIsHandedOut to whoever asks, and is what TLS shows.
func TestAuthorityIsHandedOut(t *testing.T) {
	o := options(t.TempDir())
	o.TLSListen = []string{"127.0.0.1:0"}
	r := launch(t, o)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: r.certs.Authority().Pool()}}
	defer transport.CloseIdleConnections()
	for _, url := range []string{"http://" + r.Addresses().Local, "https://" + r.Addresses().LocalSecure} {
		resp, err := (&http.Client{Transport: transport}).Get(url + "/ca.crt")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || string(text) != r.certs.Authority().PEM() || resp.Header.Get("Content-Type") != "application/x-x509-ca-cert" {
			t.Errorf("%s: %s, %v, %q", url, resp.Status, err, text)
		}
	}
	again, err := Explainer{Data: o.Data}.ReadAuthority()
	if err != nil || again.PEM() != r.certs.Authority().PEM() {
		t.Errorf("read: %v", err)
	}
}
