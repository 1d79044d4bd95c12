//go:build suites && linux

package tlssuite

import (
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven/test/harness"
)

// patience bounds what only a hang makes long.
const patience = 2 * time.Minute

// secure starts a server with TLS on a port of its own.
func secure(t *testing.T, args ...string) (s *harness.Server, addr string) {
	t.Helper()
	addr = fmt.Sprintf("127.0.0.1:%d", harness.Port(t))
	s = harness.NewServer(t, "serve", t.TempDir(), append([]string{"--tls-listen", addr}, args...)...)
	s.StartReady()
	return s, addr
}

// authority writes what `vaiven ca --pem` prints of a server's folder into a file.
func authority(t *testing.T, s *harness.Server) (path string) {
	t.Helper()
	pem, errs, code := harness.Vaiven(t, "ca", "--pem", "--data", s.Data)
	if code != 0 {
		t.Fatalf("vaiven ca: exit %d: %s", code, errs)
	}
	path = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte(pem), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// scan is what sslscan found.
type scan struct {
	Protocols []struct {
		Type    string `xml:"type,attr"`
		Version string `xml:"version,attr"`
		Enabled int    `xml:"enabled,attr"`
	} `xml:"ssltest>protocol"`
	Ciphers []struct {
		Version  string `xml:"sslversion,attr"`
		Cipher   string `xml:"cipher,attr"`
		Bits     int    `xml:"bits,attr"`
		Strength string `xml:"strength,attr"`
	} `xml:"ssltest>cipher"`
	Compression *struct {
		Supported int `xml:"supported,attr"`
	} `xml:"ssltest>compression"`
	Renegotiation *struct {
		Supported int `xml:"supported,attr"`
		Secure    int `xml:"secure,attr"`
	} `xml:"ssltest>renegotiation"`
	Heartbleed []struct {
		Vulnerable int `xml:"vulnerable,attr"`
	} `xml:"ssltest>heartbleed"`
}

func run(t *testing.T, addr string) (found scan) {
	t.Helper()
	out, err := exec.Command("sslscan", "--no-colour", "--xml=-", addr).Output()
	if err == nil {
		err = xml.Unmarshal(out, &found)
	}
	if err != nil {
		t.Fatalf("sslscan: %v\n%s", err, out)
	}
	if len(found.Ciphers) == 0 || len(found.Protocols) < 6 {
		t.Fatalf("sslscan found nothing\n%s", out)
	}
	return found
}

// weak are all the reasons not to speak so.
func (s *scan) weak() (why []string) {
	modern := regexp.MustCompile(`^(TLS_(AES_128_GCM_SHA256|AES_256_GCM_SHA384|CHACHA20_POLY1305_SHA256)|ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305))$`)
	for _, p := range s.Protocols {
		if old := p.Type == "ssl" || p.Version == "1.0" || p.Version == "1.1"; old && p.Enabled != 0 {
			why = append(why, p.Type+p.Version)
		}
	}
	for _, c := range s.Ciphers {
		if c.Bits < 128 || !modern.MatchString(c.Cipher) {
			why = append(why, c.Version+" "+c.Cipher)
		}
	}
	if s.Compression != nil && s.Compression.Supported != 0 {
		why = append(why, "compression")
	}
	if s.Renegotiation != nil && s.Renegotiation.Supported != 0 && s.Renegotiation.Secure == 0 {
		why = append(why, "renegotiation")
	}
	for _, h := range s.Heartbleed {
		if h.Vulnerable != 0 {
			why = append(why, "heartbleed")
		}
	}
	return why
}

// TestScan: sslscan finds nothing below TLS 1.2 and nothing weak; it finds TLS 1.2, which
// boards have, and 1.3. Of a server that speaks all that Go can, it finds what is weak.
func TestScan(t *testing.T) {
	s, addr := secure(t)
	found := run(t, addr)
	if why := found.weak(); len(why) > 0 {
		t.Errorf("weak: %q", why)
	}
	versions := map[string]bool{}
	for _, c := range found.Ciphers {
		versions[c.Version] = true
	}
	if !versions["TLSv1.2"] || !versions["TLSv1.3"] {
		t.Errorf("it speaks %v", versions)
	}
	control := run(t, weakServer(t, s))
	for _, want := range []string{"tls1.0", "AES128-SHA"} { // the latter in CBC
		if why := strings.Join(control.weak(), ", "); !strings.Contains(why, want) {
			t.Errorf("the control speaks %s, and this test sees only %s", want, why)
		}
	}
	s.Stop()
}

// weakServer speaks TLS from 1.0 on with every cipher, by the certificate of s.
func weakServer(t *testing.T, s *harness.Server) (addr string) {
	t.Helper()
	file := filepath.Join(s.Data, "tls", "machine.pem")
	cert, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		t.Fatal(err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		conf.CipherSuites = append(conf.CipherSuites, suite.ID)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
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
			serving.Go(func() { shake(conn) })
		}
	})
	return l.Addr().String()
}

func shake(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = conn.Read(make([]byte, 1)) // until the scanner has seen enough
}

// TestOthersTrustIt by its authority, under each of its names, and by nothing else.
func TestOthersTrustIt(t *testing.T) {
	s, addr := secure(t)
	other, _ := secure(t)
	ca, otherCA := authority(t, s), authority(t, other)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	short, _, _ := strings.Cut(strings.ToLower(host), ".")
	for _, c := range []struct {
		name, ca string
		trusted  bool
	}{
		{"127.0.0.1", ca, true}, {"localhost", ca, true}, {short + ".local", ca, true},
		{"127.0.0.1", otherCA, false}, {"localhost", "/etc/ssl/certs/ca-certificates.crt", false}, {"example.com", ca, false},
	} {
		out, err := exec.Command("curl", "-sS", "--max-time", "60", "--cacert", c.ca, "--connect-to", "::"+addr, "https://"+c.name+":"+port+"/healthz").CombinedOutput()
		if c.trusted != (err == nil && string(out) == "ok\n") {
			t.Errorf("curl, %s by %s: %v, %s", c.name, filepath.Base(c.ca), err, out)
		}
	}
	out, err := exec.Command("openssl", "x509", "-in", ca, "-noout", "-fingerprint", "-sha256").Output()
	fingerprint, _, _ := harness.Vaiven(t, "ca", "--fingerprint", "--data", s.Data)
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "="+strings.TrimSpace(fingerprint)) {
		t.Errorf("openssl says %s, %v, and vaiven %s", out, err, fingerprint)
	}
	s.Stop()
	other.Stop()
}
