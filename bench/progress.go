package main

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// progress tells a person how far the run is: one line that is written over on
// a terminal, a line for each trial elsewhere.
type progress struct {
	w     io.Writer
	tty   bool
	begin time.Time
	done  int
	of    int
	last  string
}

func newProgress(f *os.File, of int) *progress {
	return &progress{w: f, tty: isTerminal(f), begin: time.Now(), of: of}
}

func isTerminal(f *os.File) bool {
	var t syscall.Termios
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&t)))
	return errno == 0
}

// say shows what is being done; trial names the trial, what its step.
func (p *progress) say(trial, what string) {
	if p.tty {
		fmt.Fprintf(p.w, "\r\x1b[K[%d/%d %s] %s: %s", p.done+1, p.of, time.Since(p.begin).Round(time.Second), trial, what)
	} else if trial != p.last {
		fmt.Fprintf(p.w, "[%d/%d %s] %s\n", p.done+1, p.of, time.Since(p.begin).Round(time.Second), trial)
	}
	p.last = trial
}

// finish ends a trial, with its error when it failed.
func (p *progress) finish(trial string, err error) {
	p.done++
	if err != nil {
		p.clear()
		fmt.Fprintf(p.w, "%s failed: %v\n", trial, err)
	}
}

func (p *progress) clear() {
	if p.tty {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
