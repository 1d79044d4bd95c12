package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	startTime = 20 * time.Second // for a server to accept connections
	stopTime  = 30 * time.Second // for it to end after being asked
)

// Server is a running peer.
type Server struct {
	Addr string
	Dir  string // what it stores

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone
	stderr string
}

// Start runs p with dir as its data folder and returns when it accepts
// connections. The caller stops it. The kernel kills the process when the
// calling thread ends, so the caller must be locked to the main thread.
func Start(ctx context.Context, p *Peer, dir string) (*Server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	cmd, err := p.Command(addr, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Key, err)
	}
	s := &Server{Addr: addr, Dir: dir, cmd: cmd, exited: make(chan struct{})}
	if err := s.run(dir + ".stderr"); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Key, err)
	}
	if err := s.await(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w%s", p.Key, err, s.said()), s.Stop())
	}
	return s, nil
}

func (s *Server) run(stderr string) error {
	if err := os.MkdirAll(filepath.Dir(stderr), 0o755); err != nil {
		return err
	}
	log, err := os.Create(stderr)
	if err != nil {
		return err
	}
	defer log.Close()
	s.stderr = stderr
	s.cmd.Stderr = log // stdout stays nil: /dev/null
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.cmd.Wait() // how it ended is asked in Stop
		close(s.exited)
	}()
	return nil
}

// freeAddr finds a port that nobody listens on. Another program could take it
// before the server does; then the server says so and the run ends.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	try := time.NewTicker(20 * time.Millisecond)
	defer try.Stop()
	for {
		c, err := net.DialTimeout("tcp4", s.Addr, time.Second)
		if err == nil {
			return c.Close()
		}
		select {
		case <-s.exited:
			return fmt.Errorf("it ended at once (%v)", s.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("nothing listens on %s: %w", s.Addr, ctx.Err())
		case <-try.C:
		}
	}
}

// Stop asks the server to end, waits for it, and kills it when it does not. An
// error says that it had to be killed or had ended by itself. Safe twice.
func (s *Server) Stop() error {
	select {
	case <-s.exited:
		if s.cmd.ProcessState.Success() {
			return nil
		}
		return fmt.Errorf("the server had ended (%v)%s", s.cmd.ProcessState, s.said())
	default:
	}
	_ = s.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-s.exited:
		return nil
	case <-time.After(stopTime):
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
	return fmt.Errorf("the server did not end within %v of being asked, and was killed%s", stopTime, s.said())
}

// said returns the end of what the server wrote to stderr.
func (s *Server) said() string {
	b, err := os.ReadFile(s.stderr)
	if err != nil || len(bytes.TrimSpace(b)) == 0 {
		return ""
	}
	return "; it said: " + string(bytes.TrimSpace(b[max(0, len(b)-2000):]))
}

// Wrap adds what the server said to an error of a measurement.
func (s *Server) Wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w%s", err, s.said())
}
