//go:build linux

package harness

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// ReadyTimeout is how long a start may take, recovery included, and StopTimeout
// an orderly end.
const (
	ReadyTimeout = 4 * time.Minute
	StopTimeout  = 2 * time.Minute
)

// Server is one vaiven: its command line, which stays the same over restarts,
// and the process that runs at the moment.
type Server struct {
	Addr string   // host:port given by --listen
	Data string   // folder given by --data
	Args []string // everything behind the program's name
	Env  []string // added to the environment

	// Terminal is where the process runs, nil for pipes. Stdout and Stderr are
	// then the same: all that was written there.
	Terminal *Terminal
	// Prepare changes how the process is started, may be nil.
	Prepare func(*exec.Cmd)

	t      testing.TB
	cmd    *exec.Cmd
	done   chan struct{}
	err    error // of Wait, after done
	stdout *Output
	stderr *Output
}

// NewServer prepares `vaiven verb --listen ... --data ... args` on a free port
// and starts nothing.
func NewServer(t testing.TB, verb, data string, args ...string) *Server {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", Port(t))
	s := &Server{Addr: addr, Data: data, t: t}
	folders.Store(addr, data)
	if verb == "serve" { // suites wait neither a second for each acknowledgement, nor for approval, nor since they send fast; args may say otherwise
		s.Env = []string{"VAIVEN_COMMIT_EVERY=0", "VAIVEN_OPEN=true", "VAIVEN_MAX_RATE=0"}
	}
	s.Args = append([]string{verb, "--listen", addr, "--data", data, "--lang", "en"}, args...)
	return s
}

// Start starts the process. The test's end kills it.
func (s *Server) Start() {
	s.t.Helper()
	s.cmd = exec.Command(Binary(s.t), s.Args...)
	s.cmd.Env = append(os.Environ(), s.Env...)
	s.stdout, s.stderr = &Output{}, &Output{}
	s.cmd.Stdout, s.cmd.Stderr = s.stdout, s.stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if x := s.Terminal; x != nil {
		s.stdout, s.stderr = &x.Output, &x.Output
		s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = x.tty, x.tty, x.tty
		s.cmd.SysProcAttr.Setsid, s.cmd.SysProcAttr.Setctty = true, true // of descriptor 0
	}
	if s.Prepare != nil {
		s.Prepare(s.cmd)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd, done := s.cmd, make(chan struct{})
	s.done = done
	go func() {
		s.err = cmd.Wait()
		close(done)
	}()
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails only when it is over already
		<-done
	})
}

// StartReady is Start and WaitReady.
func (s *Server) StartReady() {
	s.t.Helper()
	s.Start()
	s.WaitReady()
}

// WaitReady waits until /readyz says yes; it fails the test when the process ends.
func (s *Server) WaitReady() {
	s.t.Helper()
	if !s.ReadyOrEnded() {
		s.t.Fatalf("vaiven ended instead of getting ready: %v\n%s", s.err, s.Stderr())
	}
}

// ReadyOrEnded waits until the server is ready (true) or its process is over.
func (s *Server) ReadyOrEnded() bool {
	s.t.Helper()
	for deadline := time.Now().Add(ReadyTimeout); ; {
		if s.Ready() {
			return true
		}
		select {
		case <-s.done:
			return false
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("not ready after %v\n%s", ReadyTimeout, s.Stderr())
		}
	}
}

// Ready asks /readyz once.
func (s *Server) Ready() bool { return Ready(s.Addr) }

// Ready asks the /readyz of the server at addr once.
func Ready(addr string) bool {
	c := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + addr + "/readyz")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Kill is kill -9: nothing is flushed, nothing is said.
func (s *Server) Kill() {
	s.t.Helper()
	s.Signal(syscall.SIGKILL)
	<-s.done
	s.checkRace()
}

// Signal sends a signal to the process.
func (s *Server) Signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Fatal(err)
	}
}

// Stop asks for an orderly end, and requires exit code 0.
func (s *Server) Stop() {
	s.t.Helper()
	s.Signal(syscall.SIGTERM)
	if code := s.Wait(StopTimeout); code != 0 {
		s.t.Fatalf("exit %d after SIGTERM\n%s", code, s.Stderr())
	}
}

// Wait waits for the process to end by itself and returns its exit code.
func (s *Server) Wait(d time.Duration) int {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(d):
		s.t.Fatalf("still running after %v\n%s", d, s.Stderr())
	}
	s.checkRace()
	return s.cmd.ProcessState.ExitCode()
}

// PID is the number of the process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Ended is closed when the process is over; a Server that starts again has
// another.
func (s *Server) Ended() <-chan struct{} { return s.done }

// checkRace fails the test if the race detector spoke, also before a kill.
func (s *Server) checkRace() {
	s.t.Helper()
	if e := s.Stderr(); strings.Contains(e, "DATA RACE") || strings.Contains(e, "panic:") || strings.Contains(e, "fatal error:") {
		s.t.Fatalf("the server broke:\n%s", e)
	}
}

// Stdout returns what the process has printed as data so far.
func (s *Server) Stdout() string { return s.stdout.String() }

// Stderr returns what the process has said so far.
func (s *Server) Stderr() string { return s.stderr.String() }

// CSV is the path of the server's file.
func (s *Server) CSV() string { return s.Data + "/readings.csv" }

// Vaiven runs the program to its end and returns its output and exit code.
func Vaiven(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(Binary(t), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second
	timer := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// Verify runs `vaiven verify`, which replays the log, and requires its ok.
func Verify(t testing.TB, data string) {
	t.Helper()
	out, errs, code := Vaiven(t, "verify", "--data", data, "--lang", "en")
	if code != 0 || !strings.Contains(out, "ok") {
		t.Fatalf("vaiven verify: exit %d\n%s%s", code, out, errs)
	}
}

// Output collects what a process writes; several goroutines may use it.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write appends p.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String returns everything written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
