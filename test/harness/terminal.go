//go:build linux

package harness

import (
	"errors"
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
}

// NewTerminal opens a terminal of 120 columns. The test's end closes it.
func NewTerminal(t testing.TB) *Terminal {
	t.Helper()
	x := NewStoppedTerminal(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(&x.Output, x.keys) // until it is closed
	}()
	t.Cleanup(func() {
		x.HangUp()
		<-done
	})
	return x
}

// NewStoppedTerminal opens a terminal where nothing is read of what is written,
// as after Ctrl-S, or behind an SSH connection that hangs.
func NewStoppedTerminal(t testing.TB) *Terminal {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := &Terminal{keys: keys}
	if err := x.open(); err != nil {
		_ = keys.Close()
		t.Fatal(err)
	}
	t.Cleanup(x.HangUp)
	return x
}

// HangUp closes the person's side, as a window that is closed: the program's
// session gets SIGHUP. Safe twice.
func (x *Terminal) HangUp() {
	_ = x.tty.Close()
	_ = x.keys.Close()
}

// Fill writes to the program's side until nothing more goes in: the program's own
// first write waits.
func (x *Terminal) Fill() error { return Fill(x.tty) }

// Fill writes to a pipe or terminal that is not read until nothing more goes in.
func Fill(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if failed = unix.SetNonblock(int(fd), true); failed != nil {
			return
		}
		for size := 4096; size > 0; {
			if _, failed = unix.Write(int(fd), make([]byte, size)); failed != nil {
				size /= 2 // a pipe takes up to a page whole, or not at all
			}
		}
		if failed == unix.EAGAIN {
			failed = unix.SetNonblock(int(fd), false)
		}
	})
	return errors.Join(err, failed)
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
