package transports

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// watch is a process with followers.
type watch struct {
	*child
	input io.Closer     // closed: everything was sent
	over  chan struct{} // closed when the process has ended, and all that it said is here
	last  []byte        // its last line; read when over
	err   error
}

// startWatch returns when all followers follow. The caller ends it.
func startWatch(ctx context.Context, cmd *exec.Cmd) (*watch, error) {
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
	w := &watch{child: c, input: input, over: make(chan struct{})}
	following := make(chan struct{})
	go w.listen(out, following)
	limit := time.NewTimer(startTime)
	defer limit.Stop()
	select {
	case <-following:
		return w, nil
	case <-w.over:
		err = fmt.Errorf("follower: %w%s", errEnded, c.said)
	case <-limit.C:
		err = fmt.Errorf("follower: not ready after %v%s", startTime, c.said)
	case <-ctx.Done():
		err = ctx.Err()
	}
	w.end()
	return nil, err
}

// listen reads the two lines of a follower.
func (w *watch) listen(out *os.File, following chan<- struct{}) {
	defer func() {
		_ = out.Close()
		<-w.exited // behind the output's end: what it said last is here then
		close(w.over)
	}()
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil || strings.TrimSpace(line) != ready {
		w.err = errors.Join(err, fmt.Errorf("it said %.80q", line))
		return
	}
	close(following)
	w.last, w.err = lines.ReadBytes('\n')
}

// linger waits. That the followers have all they want is no reason to go on.
func (w *watch) linger(ctx context.Context, d time.Duration) error {
	limit := time.NewTimer(d)
	defer limit.Stop()
	select {
	case <-limit.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// result says that everything was sent, and returns what the followers have
// noted. A problem of one of them is the error.
func (w *watch) result(ctx context.Context, poll time.Duration) ([]*notes, error) {
	_ = w.input.Close() // fails only when the process is gone
	limit := time.NewTimer(poll + graceful + stepTime)
	defer limit.Stop()
	select {
	case <-w.over:
	case <-limit.C:
		return nil, fmt.Errorf("follower: no result%s", w.said)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var all []*notes
	err := w.err
	if err == nil {
		err = json.Unmarshal(w.last, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("follower: %w%s", err, w.said)
	}
	for _, n := range all {
		if n.Problem != "" {
			return nil, fmt.Errorf("follower: %s", n.Problem)
		}
	}
	return all, nil
}

// end kills the process and waits for all that belongs to it.
func (w *watch) end() {
	_ = w.input.Close() // it may be closed already
	w.child.end()
	<-w.over
}
