package transports

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Deadlines of child processes.
const (
	startTime = 20 * time.Second // until a server listens, or a follower follows
	endTime   = 2 * time.Second  // for the output of a process that has ended
)

// child is a process that a run has started.
type child struct {
	cmd    *exec.Cmd
	said   *tail         // on stderr
	exited chan struct{} // closed when the process is gone
}

// startChild starts a process; the caller ends it. It has no input and no
// output unless the command says otherwise.
func startChild(cmd *exec.Cmd) (*child, error) {
	c := &child{cmd: cmd, said: &tail{}, exited: make(chan struct{})}
	cmd.Stderr = c.said
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

var errEnded = errors.New("it ended at once")

// until asks again and again until yes, the process's end, or startTime.
func (c *child) until(ctx context.Context, yes func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !yes() {
		select {
		case <-c.exited:
			return fmt.Errorf("%w (%v)%s", errEnded, c.cmd.ProcessState, c.said)
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w%s", ctx.Err(), c.said)
		case <-look.C:
		}
	}
	return nil
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
