//go:build suites && linux

package course

import (
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vaiven/test/harness"
)

// python is Debian's own interpreter: its package python3-websockets belongs to
// no other.
const python = "/usr/bin/python3"

// servidor is a running course/servidor.py.
type servidor struct {
	addr, csv string
	stdin     io.Writer
	out       *harness.Output
}

// startServidor runs the course's server for one practice, "lab" or "taller".
func startServidor(t *testing.T, practice string) *servidor {
	t.Helper()
	port := strconv.Itoa(harness.Port(t))
	s := &servidor{addr: "127.0.0.1:" + port, csv: filepath.Join(t.TempDir(), "lecturas.csv"), out: &harness.Output{}}
	cmd := exec.Command(python, filepath.Join(harness.Root(), "course", "servidor.py"), practice, port, s.csv, "127.0.0.1")
	cmd.Env = append(cmd.Environ(), "TZ=UTC")
	cmd.Stdout, cmd.Stderr = s.out, s.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.stdin = stdin
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // Ctrl-C; fails only when it is over already
		timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		if err := cmd.Wait(); err != nil || strings.Contains(s.out.String(), "Traceback") {
			t.Errorf("servidor.py: %v\n%s", err, s.out.String())
		}
	})
	s.waitFor(t, "Escuchando en el puerto "+port)
	return s
}

// press is the button: Enter, where there is no GPIO.
func (s *servidor) press(t *testing.T) {
	t.Helper()
	if _, err := fmt.Fprintln(s.stdin); err != nil {
		t.Fatal(err)
	}
}

func (s *servidor) waitFor(t *testing.T, line string) {
	t.Helper()
	harness.Until(t, patience, fmt.Sprintf("servidor.py to print %q", line), func() bool {
		return strings.Contains(s.out.String(), line+"\n")
	})
}
