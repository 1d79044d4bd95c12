package certs

import (
	"crypto/ecdsa"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// given is a certificate in two files, as certbot writes them.
type given struct {
	cert, key string
	writes    int
}

// write signs a certificate for localhost and writes its files; with another key it
// writes one that does not belong to it.
func (g *given) write(t *testing.T, a *Authority, now time.Time, otherKey bool) {
	t.Helper()
	cert, err1 := a.sign([]string{"localhost"}, nil, now)
	other, err2 := a.sign([]string{"localhost"}, nil, now)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if err := writePair(g.key, cert.Certificate[0], cert.PrivateKey.(*ecdsa.PrivateKey)); err != nil {
		t.Fatal(err)
	}
	if otherKey {
		cert = other
	}
	g.put(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
}

// put writes the certificate's file, and makes sure that it looks changed.
func (g *given) put(t *testing.T, text []byte) {
	t.Helper()
	if err := os.WriteFile(g.cert, text, 0o600); err != nil {
		t.Fatal(err)
	}
	g.writes++
	at := time.Now().Add(time.Duration(g.writes) * time.Minute)
	if err := os.Chtimes(g.cert, at, at); err != nil {
		t.Fatal(err)
	}
}

// TestGivenFilesAreReadAgain while a connection sends. What cannot be used is said once,
// and what was used before stays.
func TestGivenFilesAreReadAgain(t *testing.T) {
	w := newWorld()
	a, err := openAuthority(t.TempDir(), "", w.now())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	g := &given{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	g.write(t, a, w.now(), false)
	o := w.options(filepath.Join(dir, "tls"))
	o.Cert, o.Key = g.cert, g.key
	c := open(t, o)
	if c.Authority() != nil {
		t.Error("there is a local authority")
	}
	conf := &tls.Config{RootCAs: a.Pool(), ServerName: "localhost"}
	addr := echo(t, c)
	first := dial(t, addr, conf)
	first.send(t)

	g.put(t, []byte("half a cert"))
	for range 4 {
		c.Check()
	}
	if told := w.told(); !slices.Equal(told, []Kind{NotReloaded}) {
		t.Errorf("told %v of a damaged file", told)
	}
	g.write(t, a, w.now(), true) // between certificate and key
	c.Check()
	if told := w.told(); len(told) > 0 {
		t.Errorf("told %v at once", told)
	}
	if again := dial(t, addr, conf); again.serial() != first.serial() {
		t.Error("shown before both were there")
	}
	g.write(t, a, w.now(), false)
	c.Check()
	c.Check()
	if told := w.told(); !slices.Equal(told, []Kind{Reloaded}) {
		t.Errorf("told %v of new files", told)
	}
	first.send(t)
	if again := dial(t, addr, conf); again.serial() == first.serial() {
		t.Error("the old certificate is shown")
	}
	if err := os.Remove(g.cert); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		c.Check()
	}
	if told := w.told(); !slices.Equal(told, []Kind{NotReloaded}) {
		t.Errorf("told %v of a file that is gone", told)
	}
	first.send(t)
	if _, err := os.Stat(o.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder for nothing: %v", err)
	}
}

// TestWhatIsSaidOfGivenFiles at the start.
func TestWhatIsSaidOfGivenFiles(t *testing.T) {
	w := newWorld()
	a, err := openAuthority(t.TempDir(), "", w.now())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	g := &given{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	o := w.options(dir)
	o.Cert, o.Key = g.cert, g.key
	if _, err := Open(o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("files that are not there: %v", err)
	}
	g.write(t, a, w.now(), true)
	if _, err := Open(o); err == nil {
		t.Error("a key of another certificate is taken")
	}
	g.write(t, a, w.now(), false)
	open(t, o)
	if told := w.told(); len(told) > 0 {
		t.Errorf("told %v", told)
	}
	g.write(t, a, w.now().Add(-2*machineLife), false)
	if err := os.Chmod(g.key, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, o)
	want := []Kind{Expired, KeyOpen}
	if runtime.GOOS == "windows" {
		want = want[:1]
	}
	if told := w.told(); !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
