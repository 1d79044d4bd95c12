//go:build suites && linux

package tlssuite

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vaiven/test/harness"
)

const domain = "sensors.example.org"

// pebble is Let's Encrypt's test server, with a DNS server of its own.
type pebble struct {
	directory  string // its URL
	management string
	root       string // PEM file that its own HTTPS is trusted by
	http       *http.Client
}

// start starts a tool with its output in a file, until the test ends.
func start(t *testing.T, env []string, path string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), filepath.Base(path)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(path), text)
		}
	})
}

// newPebble starts one that asks a name's ports 80 and 443 at these.
func newPebble(t *testing.T, httpPort, tlsPort int) *pebble {
	t.Helper()
	tools := filepath.Join(harness.Root(), ".work")
	build := exec.Command("go", "build", "-C", filepath.Join(harness.Root(), "tools"), "-o", tools+string(filepath.Separator),
		"github.com/letsencrypt/pebble/v2/cmd/pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dns := fmt.Sprintf("127.0.0.1:%d", harness.Port(t))
	start(t, nil, filepath.Join(tools, "pebble-challtestsrv"), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", dns,
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", fmt.Sprintf("127.0.0.1:%d", harness.Port(t)))

	dir := t.TempDir()
	cert, key, text := selfSigned(t, dir, 1)
	listen, management := harness.Port(t), harness.Port(t)
	conf, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": fmt.Sprintf("127.0.0.1:%d", listen), "managementListenAddress": fmt.Sprintf("127.0.0.1:%d", management),
		"certificate": cert, "privateKey": key, "httpPort": httpPort, "tlsPort": tlsPort,
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, conf, 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"}, filepath.Join(tools, "pebble"), "-config", file, "-dnsserver", dns)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	p := &pebble{
		directory: fmt.Sprintf("https://localhost:%d/dir", listen), management: fmt.Sprintf("https://localhost:%d", management), root: cert,
		http: &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}},
	}
	harness.Until(t, patience, "pebble", func() bool {
		resp, err := p.http.Get(p.directory)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil
	})
	return p
}

// pool trusts what this Pebble signs; it makes its authority anew at each start.
func (p *pebble) pool(t *testing.T) *x509.CertPool {
	t.Helper()
	resp, err := p.http.Get(p.management + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("no root: %s", text)
	}
	return pool
}

// TestACME: a server with a public name is certified for it, by TLS-ALPN where it has no
// plain port, by HTTP where the port for TLS is not reached from the internet. Under its
// addresses it shows what its own authority signed. Started again it has the certificate.
func TestACME(t *testing.T) {
	for name, c := range map[string]struct {
		args           []string
		plain, encrypt bool // what the internet reaches
	}{
		"TLS-ALPN": {[]string{"--tls-only"}, false, true},
		"HTTP":     {nil, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			secure := fmt.Sprintf("127.0.0.1:%d", harness.Port(t))
			s := harness.NewServer(t, "serve", t.TempDir(), append([]string{"--domain", domain, "--tls-listen", secure}, c.args...)...)
			ports := map[bool]int{false: harness.Port(t)} // where nobody listens
			ports[true] = port(t, s.Addr)
			httpPort := ports[c.plain]
			ports[true] = port(t, secure)
			p := newPebble(t, httpPort, ports[c.encrypt])
			s.Args = append(s.Args, "--acme-server", p.directory, "--acme-root", p.root)
			s.Start()
			harness.Until(t, patience, "a certificate", func() bool {
				return strings.Contains(s.Stderr(), "there is a certificate for "+domain)
			})
			public := &tls.Config{RootCAs: p.pool(t), ServerName: domain}
			harness.Until(t, patience, "the certificate to be shown", func() bool { return handshake(secure, public) == nil })
			first := shown(t, secure, domain)
			local := x509.NewCertPool()
			pem, err := os.ReadFile(authority(t, s))
			if err != nil || !local.AppendCertsFromPEM(pem) {
				t.Fatal(err)
			}
			if err := handshake(secure, &tls.Config{RootCAs: local, ServerName: "127.0.0.1"}); err != nil {
				t.Errorf("under its address: %v", err)
			}
			if err := handshake(secure, &tls.Config{RootCAs: local, ServerName: domain}); err == nil {
				t.Error("the own authority signed for a public name")
			}
			s.Signal(syscall.SIGTERM)
			if code := s.Wait(harness.StopTimeout); code != 0 {
				t.Errorf("exit %d\n%s", code, s.Stderr())
			}
			s.Start()
			harness.Until(t, patience, "the certificate again", func() bool { return handshake(secure, public) == nil })
			if again := shown(t, secure, domain); again.SerialNumber.Cmp(first.SerialNumber) != 0 {
				t.Error("another certificate after a restart: the ACME server would refuse the fifth in a week")
			}
			if info, err := os.Stat(filepath.Join(s.Data, "tls", "acme")); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("the account's folder: %v, %v", info.Mode(), err)
			}
			s.Signal(syscall.SIGTERM)
			s.Wait(harness.StopTimeout)
		})
	}
}

func handshake(addr string, conf *tls.Config) error {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", addr, conf)
	if err == nil {
		err = conn.Close()
	}
	return err
}

func port(t *testing.T, addr string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}
