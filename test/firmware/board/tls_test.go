//go:build suites && linux

package board

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

// authority makes a private CA, and a certificate of its for an address.
func authority(t *testing.T, address string) (ca, cert, key []byte) {
	t.Helper()
	caKey, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	serverKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a school's CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	caDER, err3 := x509.CreateCertificate(rand.Reader, template, template, &caKey.PublicKey, caKey)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.ParseIP(address)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certDER, err4 := x509.CreateCertificate(rand.Reader, leaf, template, &serverKey.PublicKey, caKey)
	keyDER, err5 := x509.MarshalECPrivateKey(serverKey)
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			t.Fatal(err)
		}
	}
	encode := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	return encode("CERTIFICATE", caDER), encode("CERTIFICATE", certDER), encode("EC PRIVATE KEY", keyDER)
}

// serveTLS starts a server with a certificate for the address that boards dial.
func serveTLS(t *testing.T, cert, key []byte) (s *harness.Server, addr string) {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(certFile, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, key, 0o600); err != nil {
		t.Fatal(err)
	}
	addr = fmt.Sprintf("127.0.0.1:%d", harness.Port(t))
	return serve(t, "--tls-cert", certFile, "--tls-key", keyFile, "--tls-listen", addr), addr
}

// paste types a certificate into the serial port, a line after the other.
func paste(b *boardtest.Board, ca []byte) {
	b.Tell("serial ca")
	for _, line := range strings.Split(strings.TrimSpace(string(ca)), "\n") {
		b.Tell("serial %s", line)
	}
}

// TestTLS: wss with the CA that was pinned, and nothing else.
func TestTLS(t *testing.T) {
	t.Parallel()
	ca, cert, key := authority(t, "192.168.1.50")
	otherCA, _, _ := authority(t, "192.168.1.50")
	s, addr := serveTLS(t, cert, key)
	for device, pinned := range map[string][]byte{"101": ca, "102": otherCA} {
		t.Run(device, func(t *testing.T) {
			b := newBoard(t, "", "BOARD_SERVER_TLS="+addr)
			b.Start()
			paste(b, pinned)
			setUp(b, device, "tls on", "server 192.168.1.50 8443")
			if device == "101" {
				says(t, b, "Online: 192.168.1.50:8443", 1)
				rows(t, s, device, 5)
				b.Tell("wifi down")
				b.Wait(patience, 1, "wifi", func(e boardtest.Event) bool { return e.State == "lost" })
				b.Tell("wifi up")
				finish(t, s, b, device)
			} else {
				distrusts(t, b)
			}
			b.Quit()
		})
	}
}

// distrusts requires that a board refuses the server, and says nothing to it.
func distrusts(t *testing.T, b *boardtest.Board) {
	t.Helper()
	failed := b.Wait(patience, 2, "dial_failed", nil)
	if !strings.HasPrefix(failed[0].Reason, "TLS: error") {
		t.Errorf("refused because %q", failed[0].Reason)
	}
	if n := len(b.Events("sent")); n > 0 {
		t.Errorf("%d messages to a server that it must not trust", n)
	}
}

// TestOwnAuthority: a server without a certificate of its own has what its authority
// signed. A board that was given what `vaiven ca` prints gets through, one that was given
// another server's says nothing to it.
func TestOwnAuthority(t *testing.T) {
	t.Parallel()
	addr := fmt.Sprintf("127.0.0.1:%d", harness.Port(t))
	s := serve(t, "--tls-listen", addr)
	other := serve(t, "--tls-listen", fmt.Sprintf("127.0.0.1:%d", harness.Port(t)))
	for device, of := range map[string]*harness.Server{"101": s, "102": other} {
		t.Run(device, func(t *testing.T) {
			pem, errs, code := harness.Vaiven(t, "ca", "--pem", "--data", of.Data)
			if code != 0 {
				t.Fatalf("vaiven ca: exit %d: %s", code, errs)
			}
			b := newBoard(t, "", "BOARD_SERVER_TLS="+addr)
			b.Start()
			paste(b, []byte(pem))
			setUp(b, device, "tls on", "server 127.0.0.1 8443")
			if of == s {
				says(t, b, "Online: 127.0.0.1:8443", 1)
				rows(t, s, device, 3)
				finish(t, s, b, device)
			} else {
				distrusts(t, b)
			}
			b.Quit()
		})
	}
}

// TestTLSWithoutCA: a board that was told nobody to trust does not dial.
func TestTLSWithoutCA(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := newBoard(t, s.Addr, "BOARD_SERVER_TLS="+s.Addr)
	b.Start()
	ca, _, _ := authority(t, "192.168.1.50")
	lines := strings.Split(string(ca), "\n")
	for n, wrong := range []string{
		"not a certificate\n-----END CERTIFICATE-----",
		"-----BEGIN CERTIFICATE-----\nnot a certificate\n-----END CERTIFICATE-----",
		strings.Join(append(lines[:2:2], lines[3:]...), "\n"), // a line got lost
	} {
		paste(b, []byte(wrong))
		says(t, b, "No entendí eso", n+1)
	}
	setUp(b, "101", "tls on")
	says(t, b, "Settings are missing", 1)
	b.Wait(patience, 2, "access_point", nil)
	if n := len(b.Events("dial")); n > 0 {
		t.Errorf("%d dials", n)
	}
	b.Quit()
}

// TestPasteWhileDialling: a certificate that is pasted while loop() waits for a server
// that does not answer arrives whole.
func TestPasteWhileDialling(t *testing.T) {
	t.Parallel()
	ca, _, _ := authority(t, "192.168.1.50")
	b := newBoard(t, "", "BOARD_SPEED=10") // a dial of five seconds is half a second here
	b.Start()
	setUp(b, "101")
	for n := 1; n <= 3; n++ {
		b.Wait(patience, n, "dial", nil)
		paste(b, ca)
		says(t, b, "Saved. It counts after: restart", 1+n) // the first is of "lang en"
	}
	b.Tell("serial show")
	says(t, b, fmt.Sprintf("ca %d bytes", len(ca)), 1)
	b.Quit()
}
