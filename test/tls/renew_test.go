//go:build suites && linux

package tlssuite

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/client"
	"vaiven/test/harness"
)

// selfSigned writes a certificate for localhost with its key, as one file each, and
// returns the certificate.
func selfSigned(t *testing.T, dir string, serial int64) (cert, key string, pemText []byte) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "a test's"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err1 := x509.CreateCertificate(rand.Reader, template, template, priv.Public(), priv)
	keyDER, err2 := x509.MarshalECPrivateKey(priv)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pemText = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, text := range map[string][]byte{cert: pemText, key: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(path+".new", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, pemText
}

// shown is the serial number of what a server shows to a new connection.
func shown(t *testing.T, addr, name string) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{ServerName: name, InsecureSkipVerify: true}) // it is looked at, not trusted
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// TestCertificateChangesUnderABoard: a board over wss sends on while the certificate's
// files change; who connects then sees the new one.
func TestCertificateChangesUnderABoard(t *testing.T) {
	dir := t.TempDir()
	cert, key, first := selfSigned(t, dir, 1)
	s, addr := secure(t, "--tls-cert", cert, "--tls-key", key)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	url := "wss://" + strings.Replace(addr, "127.0.0.1", "localhost", 1)
	board, err := client.Dial(ctx, client.Options{URL: url, Device: "101", CA: first})
	if err != nil {
		t.Fatal(err)
	}
	send := func() {
		t.Helper()
		if _, err := board.Send(ctx, client.Reading{Values: []vaiven.Value{{Name: "TEMP", Num: 20}}}); err != nil {
			t.Fatal(err)
		}
		if err := board.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	send()
	_, _, second := selfSigned(t, dir, 2)
	harness.Until(t, patience, "the new certificate", func() bool {
		send()
		return shown(t, addr, "localhost").SerialNumber.Int64() == 2
	})
	send()
	if stats := board.Stats(); stats.Connects != 1 {
		t.Errorf("%d connections of the board", stats.Connects)
	}
	other, err := client.Dial(ctx, client.Options{URL: url, Device: "102", CA: second})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*client.Client{board, other} {
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(s.Stderr(), "another certificate in cert.pem") {
		t.Errorf("nobody is told:\n%s", s.Stderr())
	}
	s.Stop()
	harness.Verify(t, s.Data)
}
