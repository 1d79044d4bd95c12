//go:build suites && linux

package docs

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"vaiven/test/harness"
)

// deadline bounds every wait: for what is shown, and for a command's end.
const deadline = 2 * time.Minute

// terminal is a command that runs, with all that it has printed.
type terminal struct {
	cmd      *exec.Cmd
	stdin    io.WriteCloser
	out, err *harness.Output // apart, so that no line is cut by another
	done     chan struct{}
}

// open starts a command in a process group of its own, as a shell does, so that
// Ctrl-C reaches all of a pipeline. The test's end kills what is left of it.
func (r *reader) open(t *testing.T, c command) *terminal {
	t.Helper()
	term := &terminal{out: &harness.Output{}, err: &harness.Output{}, done: make(chan struct{})}
	term.cmd = exec.Command("/bin/sh", "-c", r.localise(c.text))
	term.cmd.Dir, term.cmd.Env = r.dir, r.env
	term.cmd.Stdout, term.cmd.Stderr = term.out, term.err
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stdin, err := term.cmd.StdinPipe()
	if err == nil {
		err = term.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	term.stdin = stdin
	go func() {
		_ = term.cmd.Wait() // its code is asked for behind done
		close(term.done)
	}()
	t.Cleanup(func() {
		term.signal(syscall.SIGKILL)
		<-term.done
	})
	for _, line := range c.typed {
		if _, err := io.WriteString(stdin, r.localise(line)+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.typed) == 0 {
		term.hangUp()
	}
	return term
}

// hangUp ends what is typed. A program that is over has closed it already.
func (term *terminal) hangUp() { _ = term.stdin.Close() }

// signal reaches the whole group; it fails only when that is over already.
func (term *terminal) signal(sig syscall.Signal) { _ = syscall.Kill(-term.cmd.Process.Pid, sig) }

// ended waits for the command's end and returns its exit code, or false.
func (term *terminal) ended() (int, bool) {
	select {
	case <-term.done:
		return term.cmd.ProcessState.ExitCode(), true
	case <-time.After(deadline):
		return 0, false
	}
}

// shows waits until the terminal has printed every line, and returns one that it
// does not print.
func (r *reader) shows(term *terminal, lines []string) string {
	var line string
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		over := term.over()
		if line = missing(r.expected(lines), r.printed(term)); line == "" || over {
			break
		}
	}
	return line
}

func (term *terminal) over() bool {
	select {
	case <-term.done:
		return true
	default:
		return false
	}
}

// link makes a name in the reader's folder for a path elsewhere.
func (r *reader) link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
}

// withoutLocale is this process's environment without what says a language or
// configures vaiven.
func withoutLocale() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, "VAIVEN_") || name == "LANG" || name == "PATH" || name == "TZ" {
			continue
		}
		env = append(env, kv)
	}
	return env
}
