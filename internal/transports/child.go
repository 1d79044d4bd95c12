package transports

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Deadlines of child processes.
const (
	startTime = 20 * time.Second // until a server listens, or a follower follows
	endTime   = 2 * time.Second  // for the output of a process that has ended
	lookTime  = 2 * time.Second  // for one look at whether a server is ready
)

// tries is how often a server is started on another port, when it ends at once:
// another program may have taken the one that was free.
const tries = 3

var errEnded = errors.New("it ended at once")

// child is a process that a run has started.
type child struct {
	cmd    *exec.Cmd
	stderr *tail         // what it said last
	exited chan struct{} // closed when the process is gone
}

// startChild starts a process; the caller ends it. It has no input and no
// output unless the command says otherwise.
func startChild(cmd *exec.Cmd) (*child, error) {
	c := &child{cmd: cmd, stderr: &tail{}, exited: make(chan struct{})}
	cmd.Stderr = c.stderr
	cmd.WaitDelay = endTime
	dieWithUs(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.exited)
		_ = cmd.Wait() // how it ended is asked of its state
	}()
	return c, nil
}

// end kills the process: what it has stored is thrown away. Safe twice.
func (c *child) end() {
	_ = c.cmd.Process.Kill() // fails only when it is over already
	<-c.exited
}

// await asks again and again until ready, the process's end, or startTime.
func (c *child) await(ctx context.Context, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for !ready() {
		select {
		case <-c.exited:
			return fmt.Errorf("%w (%v)%s", errEnded, c.cmd.ProcessState, c.stderr)
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w%s", ctx.Err(), c.stderr)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// startServer starts what command makes, and returns when it is ready.
func startServer(ctx context.Context, command func(addr string) (*exec.Cmd, error), ready func(addr string) bool) (c *child, addr string, err error) {
	for range tries {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, "", fmt.Errorf("find a free port: %w", err)
		}
		addr = l.Addr().String()
		_ = l.Close()
		cmd, err := command(addr)
		if err != nil {
			return nil, "", err
		}
		if c, err = startChild(cmd); err != nil {
			return nil, "", err
		}
		err = c.await(ctx, func() bool { return ready(addr) })
		if err == nil {
			return c, addr, nil
		}
		c.end()
		if !errors.Is(err, errEnded) {
			return nil, "", fmt.Errorf("%s: %w", cmd.Path, err)
		}
	}
	return nil, "", fmt.Errorf("server: %w%s", errEnded, c.stderr)
}

// readyHTTP asks a vaiven.
func readyHTTP(addr string) bool {
	c := http.Client{Timeout: lookTime, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get("http://" + addr + "/readyz")
	if err != nil {
		return false
	}
	_ = r.Body.Close()
	return r.StatusCode == http.StatusOK
}

// readyTCP is for a server that is ready when it listens.
func readyTCP(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, lookTime)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// followers is a process that follows.
type followers struct {
	*child
	input io.Closer     // closed: everything was sent
	over  chan struct{} // closed when the process has ended, and all that it said is here
	last  []byte        // its last line; read when over
	err   error
}

// startFollowers returns when all of them follow. The caller ends it.
func startFollowers(ctx context.Context, cmd *exec.Cmd) (*followers, error) {
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	// A file of the system's, which ends with the process by itself.
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout = theirs
	c, err := startChild(cmd)
	_ = theirs.Close() // the process has its own
	if err != nil {
		_ = out.Close()
		return nil, fmt.Errorf("follower: %w", err)
	}
	f := &followers{child: c, input: input, over: make(chan struct{})}
	following := make(chan struct{})
	go f.listen(out, following)
	select {
	case <-following:
		return f, nil
	case <-f.over:
		err = fmt.Errorf("follower: %w%s", errEnded, c.stderr)
	case <-time.After(startTime):
		err = fmt.Errorf("follower: not ready after %v%s", startTime, c.stderr)
	case <-ctx.Done():
		err = ctx.Err()
	}
	f.end()
	return nil, err
}

// listen reads the two lines of the process.
func (f *followers) listen(out *os.File, following chan<- struct{}) {
	defer func() {
		_ = out.Close()
		<-f.exited // behind the output's end: what it said last is here then
		close(f.over)
	}()
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil || strings.TrimSpace(line) != ready {
		f.err = errors.Join(err, fmt.Errorf("it said %.80q", line))
		return
	}
	close(following)
	f.last, f.err = lines.ReadBytes('\n')
}

// result says that everything was sent, and returns what the followers have
// noted. A problem of one of them is the error.
func (f *followers) result(ctx context.Context, poll time.Duration) ([]*notes, error) {
	_ = f.input.Close() // fails only when the process is gone
	select {
	case <-f.over:
	case <-time.After(poll + graceful + stepTime):
		return nil, fmt.Errorf("follower: no result%s", f.stderr)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var all []*notes
	err := f.err
	if err == nil {
		err = json.Unmarshal(f.last, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("follower: %w%s", err, f.stderr)
	}
	for _, n := range all {
		if n.Problem != "" {
			return nil, fmt.Errorf("follower: %s", n.Problem)
		}
	}
	return all, nil
}

// end kills the process and waits for all that belongs to it.
func (f *followers) end() {
	_ = f.input.Close() // it may be closed already
	f.child.end()
	<-f.over
}

// meter is how much processor time a child uses between two moments; where the
// system does not tell that of a process that runs, in all its life.
type meter struct {
	c          *child
	begun, now time.Duration
	live       bool
}

func (c *child) meter() *meter {
	m := &meter{c: c}
	m.begun, m.live = cpuOf(c.cmd.Process.Pid)
	return m
}

func (m *meter) stop() {
	if m.live {
		m.now, m.live = cpuOf(m.c.cmd.Process.Pid)
	}
}

// used is asked when the child has ended.
func (m *meter) used() time.Duration {
	if m.live {
		return m.now - m.begun
	}
	s := m.c.cmd.ProcessState
	return s.UserTime() + s.SystemTime()
}

// tail keeps the end of what a process says, for its error.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const maxTail = 1 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	t.buf = t.buf[max(0, len(t.buf)-maxTail):]
	return len(b), nil
}

// String is for the end of an error's text.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := strings.TrimSpace(string(t.buf)); s != "" {
		return ": " + s
	}
	return ""
}
