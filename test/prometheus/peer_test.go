//go:build suites && linux

package prometheus

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"vaiven/test/harness"
)

// peer is a Prometheus of Debian's that a test runs, at URL.
type peer struct {
	URL string
	dir string
	t   *testing.T
	cmd *exec.Cmd
	log *harness.Output
}

// newPeer prepares one on a free port, with its data in dir, and starts nothing.
func newPeer(t *testing.T, dir string) *peer {
	t.Helper()
	return &peer{URL: fmt.Sprintf("http://127.0.0.1:%d", harness.Port(t)), dir: dir, t: t}
}

// start runs it and waits until it is ready. The test's end kills it.
func (p *peer) start() {
	p.t.Helper()
	config := filepath.Join(p.t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {}\nstorage: {tsdb: {out_of_order_time_window: 30d}}\n"), 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.log = &harness.Output{}
	p.cmd = exec.Command("prometheus", "--config.file", config, "--storage.tsdb.path", p.dir, "--storage.tsdb.retention.time", "80y",
		"--web.enable-remote-write-receiver", "--web.listen-address", p.URL[len("http://"):])
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	cmd, done := p.cmd, make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails only when it is over already
		select {
		case <-done:
		case <-time.After(harness.StopTimeout):
			p.t.Error("prometheus does not end")
		}
	})
	harness.Until(p.t, harness.ReadyTimeout, "prometheus to be ready", func() bool {
		select {
		case err := <-done:
			done <- err
			p.t.Fatalf("prometheus ended: %v\n%s", err, p.log)
		default:
		}
		resp, err := http.Get(p.URL + "/-/ready")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// stop ends it in order, so that its folder can be read.
func (p *peer) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	harness.Until(p.t, harness.StopTimeout, "prometheus to end", func() bool {
		return p.cmd.Process.Signal(syscall.Signal(0)) != nil
	})
}

// promtool runs promtool and returns what it prints; it must succeed.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("promtool", args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("promtool %q: %v\n%s%s", args, err, out.String(), errs.String())
	}
	return out.String()
}
