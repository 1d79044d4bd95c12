//go:build suites && linux

package host

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven/test/firmware/boardtest"
)

// authority is a private CA.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a school's CA"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	a := &authority{t: t, key: key}
	a.cert = a.sign(template, template, key)
	return a
}

func (a *authority) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

// server makes a certificate for an address that ended an hour ago: boards have
// no clock.
func (a *authority) server(ip string) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	cert := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.ParseIP(ip)},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
	}, a.cert, key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// TestTLS dials a server with the right CA pinned, with another one, and with a
// certificate for another address.
func TestTLS(t *testing.T) {
	right, wrong := newAuthority(t), newAuthority(t)
	for _, c := range []struct {
		name, ip string
		pinned   *authority
		refused  string
	}{
		{"right CA", "192.168.1.50", right, ""},
		{"wrong CA", "192.168.1.50", wrong, "certificate verify failed"},
		{"another address", "192.168.1.51", right, "certificate verify failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{right.server(c.ip)}})
			flash := t.TempDir()
			pinCA(t, flash, c.pinned)
			b := probe(t, "", "BOARD_SERVER_TLS="+l.Addr().String(), "BOARD_FLASH="+flash)
			b.Tell("serial wss")
			if c.refused == "" {
				p := accept(t, l)
				prints(t, b, "CONNECTED", 1)
				b.Tell("serial send secret")
				if f := p.read(); f.payload != "secret" {
					t.Errorf("over TLS: %+v", f)
				}
				p.send(0x81, "answer")
				prints(t, b, "TEXT answer", 1)
			} else {
				refuse(t, l, b, c.refused)
			}
			b.Quit()
		})
	}
}

// pinCA puts the CA where the probe reads it.
func pinCA(t *testing.T, flash string, a *authority) {
	t.Helper()
	folder := filepath.Join(flash, "littlefs")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	if err := os.WriteFile(filepath.Join(folder, "ca.pem"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func refuse(t *testing.T, l net.Listener, b *boardtest.Board, reason string) {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*tls.Conn).HandshakeContext(t.Context()); err == nil {
		// TLS 1.3: the server is done before the board has judged it.
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, err = conn.Read(make([]byte, 1))
		if err == nil {
			t.Error("the board spoke to a server that it must not trust")
		}
	}
	failed := b.Wait(patience, 1, "dial_failed", nil)[0]
	if !strings.Contains(failed.Reason, reason) {
		t.Errorf("refused because %q, want %q", failed.Reason, reason)
	}
	prints(t, b, "DISCONNECTED", 1)
}
