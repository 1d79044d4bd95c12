//go:build linux

package harness

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Terminal is a pseudo terminal, pty(7): a Server that is given one runs in it as
// a shell's program does, in front, and finds keys, lines and colours there.
type Terminal struct {
	Output // what was written to it, what was typed included

	keys *os.File // the side of the person
	tty  *os.File // the side of the program
	done chan struct{}
}

// NewTerminal opens a terminal of 120 columns. The test's end closes it.
func NewTerminal(t testing.TB) *Terminal {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := &Terminal{keys: keys, done: make(chan struct{})}
	if err := x.open(); err != nil {
		_ = keys.Close()
		t.Fatal(err)
	}
	go func() {
		defer close(x.done)
		_, _ = io.Copy(&x.Output, keys) // until it is closed
	}()
	t.Cleanup(func() {
		_ = x.tty.Close()
		_ = x.keys.Close()
		<-x.done
	})
	return x
}

// open makes the program's side. Going through the raw connection leaves the
// person's side one whose reads end when it is closed.
func (x *Terminal) open() error {
	raw, err := x.keys.SyscallConn()
	if err != nil {
		return err
	}
	var n int
	var failed error
	err = raw.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed != nil {
			return
		}
		if n, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN); failed != nil {
			return
		}
		failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120})
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("pseudo terminal: %w", err)
	}
	x.tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	return err
}

// Type presses keys.
func (x *Terminal) Type(s string) error {
	_, err := io.WriteString(x.keys, s)
	return err
}

var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[ -/]*[@-~]`)

// Text is what a person reads: everything written so far, without colours.
func (x *Terminal) Text() string {
	return strings.ReplaceAll(escapes.ReplaceAllString(x.String(), ""), "\r", "")
}
