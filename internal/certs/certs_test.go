package certs

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven"
)

// world is a machine whose clock, name and addresses a test moves.
type world struct {
	mu      sync.Mutex
	time    time.Time
	machine Hosts
	notices []Notice
}

func newWorld() *world {
	return &world{time: time.Now(), machine: Hosts{"pi", []netip.Addr{netip.MustParseAddr("192.168.1.20")}}}
}

func (w *world) options(dir string) Options {
	return Options{Dir: dir, Now: w.now, Hosts: w.hosts, Notify: w.notify}
}

func (w *world) now() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.time }
func (w *world) hosts() Hosts   { w.mu.Lock(); defer w.mu.Unlock(); return w.machine }

func (w *world) notify(n Notice) { w.mu.Lock(); defer w.mu.Unlock(); w.notices = append(w.notices, n) }

func (w *world) move(d time.Duration, h Hosts) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time, w.machine = w.time.Add(d), h
}

// told are the kinds of what was told since the last call.
func (w *world) told() (kinds []Kind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.notices {
		kinds = append(kinds, n.Kind)
	}
	w.notices = nil
	return kinds
}

func open(t *testing.T, o Options) *Certificates {
	t.Helper()
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// echo serves lines back over TLS until the test ends.
func echo(t *testing.T, c *Certificates) (addr string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c.TLS())
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				for r := bufio.NewReader(conn); ; {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					if _, err := conn.Write([]byte(line)); err != nil {
						return
					}
				}
			})
		}
	})
	return l.Addr().String()
}

// line is a connection that sends lines and gets them back.
type line struct {
	*tls.Conn
	in *bufio.Reader
	n  int
}

func dial(t *testing.T, addr string, conf *tls.Config) *line {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &line{Conn: conn, in: bufio.NewReader(conn)}
}

func (l *line) send(t *testing.T) {
	t.Helper()
	l.n++
	want := fmt.Sprintf("reading %d\n", l.n)
	if _, err := l.Write([]byte(want)); err != nil {
		t.Fatal(err)
	}
	if got, err := l.in.ReadString('\n'); err != nil || got != want {
		t.Fatalf("%q, %v; want %q", got, err, want)
	}
}

func (l *line) serial() string { return l.ConnectionState().PeerCertificates[0].SerialNumber.String() }

// TestRenewedWhileAConnectionSends: what is signed anew, because time has passed or the
// machine has moved, is seen by new connections, and the others go on.
func TestRenewedWhileAConnectionSends(t *testing.T) {
	w := newWorld()
	c := open(t, w.options(t.TempDir()))
	addr := echo(t, c)
	conf := func(name string) *tls.Config {
		return &tls.Config{RootCAs: c.Authority().Pool(), ServerName: name, Time: w.now}
	}
	first := dial(t, addr, conf("192.168.1.20"))
	first.send(t)

	c.Check()
	if again := dial(t, addr, conf("pi.local")); again.serial() != first.serial() {
		t.Error("another certificate although nothing changed")
	}
	w.move(machineLife*2/3, w.hosts())
	c.Check()
	first.send(t)
	later := dial(t, addr, conf("localhost"))
	if later.serial() == first.serial() {
		t.Error("the certificate is not renewed at two thirds of its time")
	}
	if _, err := tls.Dial("tcp", addr, conf("10.1.2.3")); err == nil {
		t.Error("trusted for an address that the machine does not have")
	}
	w.move(0, Hosts{"pi", []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("8.8.8.8")}})
	c.Check()
	first.send(t)
	later.send(t)
	dial(t, addr, conf("10.1.2.3")).send(t)
	if told := w.told(); len(told) > 0 {
		t.Errorf("told %v", told)
	}
}

// TestTheAuthorityIsConstrained: who steals its key can play this machine, and no site of
// the internet.
func TestTheAuthorityIsConstrained(t *testing.T) {
	a, err := openAuthority(t.TempDir(), "pi", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		address string
		trusted bool
	}{
		{"example.com", "", false}, {"local.example.com", "", false}, {"com", "", false}, {"pi.example.com", "", false},
		{"pi.local", "", true}, {"other.local", "", true}, {"localhost", "", true}, {"pi", "", true}, {"otherpi", "", false},
		{"", "8.8.8.8", false}, {"", "172.32.0.1", false}, {"", "2001:db8::1", false},
		{"", "192.168.7.7", true}, {"", "10.0.0.1", true}, {"", "172.31.0.1", true}, {"", "169.254.1.1", true},
		{"", "fe80::1", true}, {"", "fd00::1", true}, {"", "127.0.0.1", true}, {"", "::1", true},
	} {
		names, ips, site := []string{"pi.local"}, []net.IP(nil), c.name
		if c.name != "" {
			names = []string{c.name}
		} else {
			ips, site = []net.IP{net.ParseIP(c.address)}, c.address
		}
		leaf, err := a.sign(names, ips, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		_, err = leaf.Leaf.Verify(x509.VerifyOptions{Roots: a.Pool(), DNSName: site})
		var invalid x509.CertificateInvalidError
		if c.trusted != (err == nil) || err != nil && (!errors.As(err, &invalid) || invalid.Reason != x509.CANotAuthorizedForThisName) {
			t.Errorf("%s: %v, want trusted %v", site, err, c.trusted)
		}
	}
	other, err := openAuthority(t.TempDir(), "pi", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := other.sign([]string{"pi.local"}, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leaf.Leaf.Verify(x509.VerifyOptions{Roots: a.Pool(), DNSName: "pi.local"}); err == nil {
		t.Error("another authority's certificate is trusted")
	}
}

// TestStartsAgain: authority and certificate outlive a start; what a crash leaves, or a
// person did to the folder, costs neither.
func TestStartsAgain(t *testing.T) {
	w := newWorld()
	dir := filepath.Join(t.TempDir(), "d", "tls")
	c := open(t, w.options(dir))
	first := dial(t, echo(t, c), &tls.Config{RootCAs: c.Authority().Pool(), ServerName: "pi"})
	path := filepath.Join(dir, authorityName)
	if runtime.GOOS != "windows" {
		for p, want := range map[string]fs.FileMode{dir: 0o700, path: 0o600, filepath.Join(dir, machineName): 0o600} {
			if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v, want %v", p, info.Mode(), err, want)
			}
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(authorityName+".new", "torn") // by a kill
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	again := open(t, w.options(dir))
	if again.Authority().Fingerprint() != c.Authority().Fingerprint() {
		t.Error("another authority")
	}
	second := dial(t, echo(t, again), &tls.Config{RootCAs: c.Authority().Pool(), ServerName: "pi"})
	if first.serial() != second.serial() {
		t.Error("another certificate")
	}
	if info, err := os.Stat(dir); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("the folder stays open: %v, %v", info.Mode(), err)
	}
	write(machineName, "torn")
	third := dial(t, echo(t, open(t, w.options(dir))), &tls.Config{RootCAs: c.Authority().Pool(), ServerName: "pi"})
	if third.serial() == first.serial() {
		t.Error("what was damaged is shown")
	}
	if read, err := ReadAuthority(dir); err != nil || read.Fingerprint() != c.Authority().Fingerprint() || read.PEM() != c.Authority().PEM() {
		t.Errorf("read: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(authorityName, string(text[:len(text)/2]))
	var damaged *DamagedError
	if _, err := Open(w.options(dir)); !errors.As(err, &damaged) || damaged.Path != path {
		t.Errorf("a damaged authority: %v", err)
	}
	if _, err := ReadAuthority(dir); !errors.As(err, &damaged) {
		t.Errorf("a damaged authority is read: %v", err)
	}
	if _, err := ReadAuthority(t.TempDir()); !errors.Is(err, ErrNoAuthority) {
		t.Errorf("no authority: %v", err)
	}
}

// TestAClockThatIsNotSet: what is made in 1970 holds when the clock is right.
func TestAClockThatIsNotSet(t *testing.T) {
	w := newWorld()
	w.time = time.Unix(0, 0)
	dir := t.TempDir()
	c := open(t, w.options(dir))
	addr := echo(t, c)
	w.mu.Lock()
	w.time = time.Now()
	w.mu.Unlock()
	c.Check()
	dial(t, addr, &tls.Config{RootCAs: c.Authority().Pool(), ServerName: "pi"}).send(t)
	w.move(authorityLife-machineLife/2, w.hosts())
	open(t, w.options(dir))
	if told := w.told(); !slices.Contains(told, Ending) {
		t.Errorf("told %v of an authority that ends", told)
	}
}

// TestSites: names that no certificate may have are left out, others are not lost by it.
func TestSites(t *testing.T) {
	permitted := []string{"local", "localhost", "pi.lab.example"}
	for name, want := range map[string]string{
		"pi.lab.example": "pi.local pi.lab.example localhost", "Pi.Lab.Example.": "pi.local pi.lab.example localhost",
		"other": "other.local localhost", "": "localhost", "localhost": "localhost", "a_b": "localhost", "-x": "localhost", "münchen": "localhost", "a..b": "localhost",
	} {
		names, addresses := Hosts{Name: name}.sites(permitted)
		if got := strings.Join(names, " "); got != want || len(addresses) != 2 {
			t.Errorf("%q: %q %v, want %q", name, got, addresses, want)
		}
	}
	many := Hosts{Name: "pi"}
	for i := range 1000 {
		many.Addresses = append(many.Addresses, netip.AddrFrom4([4]byte{10, 0, byte(i / 250), byte(i % 250)}))
	}
	if _, addresses := many.sites(permitted); len(addresses) != maxAddresses {
		t.Errorf("%d addresses", len(addresses))
	}
	if h := ThisMachine(); len(h.Addresses) == 0 || slices.ContainsFunc(h.Addresses, func(a netip.Addr) bool { return a.Zone() != "" || a.Is4In6() }) {
		t.Errorf("this machine: %v", h)
	}
}

// TestWeakClientsAreRefused: no TLS below 1.2, nothing without forward secrecy, nothing
// in CBC.
func TestWeakClientsAreRefused(t *testing.T) {
	c := open(t, newWorld().options(t.TempDir()))
	addr := echo(t, c)
	base := tls.Config{RootCAs: c.Authority().Pool(), ServerName: "pi", MinVersion: tls.VersionTLS10}
	for name, set := range map[string]func(*tls.Config){
		"TLS 1.1": func(x *tls.Config) { x.MaxVersion = tls.VersionTLS11 },
		"CBC": func(x *tls.Config) {
			x.MaxVersion, x.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256}
		},
		"RSA": func(x *tls.Config) {
			x.MaxVersion, x.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		},
	} {
		conf := base.Clone()
		set(conf)
		if conn, err := tls.Dial("tcp", addr, conf); err == nil {
			t.Errorf("%s: %+v", name, conn.ConnectionState())
		}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conf := base.Clone()
		conf.MinVersion, conf.MaxVersion = version, version
		dial(t, addr, conf).send(t)
	}
}

// TestOwnClient reaches what this process shows, under any name, and nobody else.
func TestOwnClient(t *testing.T) {
	c := open(t, newWorld().options(t.TempDir()))
	dial(t, echo(t, c), c.OwnClient()).send(t)
	other := echo(t, open(t, newWorld().options(t.TempDir())))
	if _, err := tls.Dial("tcp", other, c.OwnClient()); !errors.Is(err, errNotOurs) {
		t.Errorf("another server: %v", err)
	}
}

// TestRunEnds with its context, and Close may come twice.
func TestRunEnds(t *testing.T) {
	c := open(t, newWorld().options(t.TempDir()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Run(ctx); err != nil {
		t.Error(err)
	}
	c.Close()
	c.Close()
}

// TestEveryNoticeHasWords in both languages.
func TestEveryNoticeHasWords(t *testing.T) {
	for _, kind := range []Kind{Expired, KeyOpen, Reloaded, NotReloaded, NotKept, Ending, Obtained, NotObtained} {
		n := Notice{Kind: kind, Path: "dir/cert.pem", Domain: "example.org", When: time.Now(), Err: errors.New("why")}
		en, es := n.Text(vaiven.English), n.Text(vaiven.Spanish)
		if en == es || strings.Contains(en+es, string(kind)) && kind == NotReloaded || strings.Contains(en+es+n.Hint(vaiven.English)+n.Hint(vaiven.Spanish), "%!") {
			t.Errorf("%s: %q, %q", kind, en, es)
		}
	}
	d := &DamagedError{"ca.pem"}
	if d.Text(vaiven.English) == d.Text(vaiven.Spanish) || d.Hint(vaiven.English) == d.Hint(vaiven.Spanish) || !strings.Contains(d.Error(), "ca.pem") {
		t.Error(d)
	}
}
