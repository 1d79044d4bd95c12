package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven"
	"vaiven/client"
)

const patience = 2 * time.Minute

// lockedBuffer is a stream of the program that a test may read meanwhile.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// certificate writes a self-signed certificate for 127.0.0.1 and its key, and
// returns a pool that trusts it.
func certificate(t *testing.T, dir string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "vaiven test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &priv.PublicKey, priv)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, data := range map[string][]byte{cert: certPEM, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return cert, key, pool
}

// freePort returns an address of loopback that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestBoardOverTLS runs the whole program in this process: a board connects with
// wss:// and TLS 1.2, as boards' libraries do, and all its readings are in the
// CSV when the program has ended.
func TestBoardOverTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key, pool := certificate(t, dir)
	plain, secure := freePort(t), freePort(t)
	var out, errs lockedBuffer
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"serve", "--open", "--lang", "en", "--data", filepath.Join(dir, "d"), "--listen", plain,
			"--tls-listen", secure, "--tls-cert", cert, "--tls-key", key}, streams{os.Stdin, &out, &errs, func(string) string { return "" }})
	}()
	conf := &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS12}
	waitReady(t, "https://"+secure+"/readyz", conf, &errs)

	dial, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	board, err := client.Dial(dial, client.Options{URL: "wss://" + secure + "/", Device: "101", TLS: conf})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if _, err := board.Send(dial, client.Reading{Values: []vaiven.Value{{Name: "TEMP", Num: 20 + float64(i)}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := board.Flush(dial); err != nil {
		t.Fatal(err)
	}
	if err := board.Close(dial); err != nil {
		t.Fatal(err)
	}
	stop()
	select {
	case got := <-code:
		if got != exitOK {
			t.Errorf("exit %d: %s", got, errs.String())
		}
	case <-time.After(patience):
		t.Fatal("the program does not end")
	}
	csv, err := os.ReadFile(filepath.Join(dir, "d", "readings.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if rows := strings.Count(string(csv), "\n") - 1; rows != 20 {
		t.Errorf("%d rows, want 20:\n%s", rows, csv)
	}
	if !strings.Contains(errs.String(), "wss://"+secure+"/") {
		t.Errorf("the banner names no wss address:\n%s", errs.String())
	}
	if lines := strings.Count(out.String(), "TEMP"); lines != 20 {
		t.Errorf("%d lines on stdout, want 20:\n%s", lines, out.String())
	}
}

func waitReady(t *testing.T, url string, conf *tls.Config, errs *lockedBuffer) {
	t.Helper()
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: conf}, Timeout: time.Second}
	defer h.CloseIdleConnections()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		resp, err := h.Get(url)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("not ready: %v\n%s", err, errs.String())
		}
	}
}
