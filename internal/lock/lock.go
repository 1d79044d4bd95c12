// Package lock owns the locks that keep two processes off one file or folder.
//
// A lock is the operating system's, on a file of its own, and ends with the
// process that holds it, however that ends; what stands in the file is for
// people. Nothing here waits. A Lock is for one goroutine at a time.
package lock

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Lock is a lock that is held.
type Lock struct {
	path string
	file *os.File
}

// HeldError says that another process, or another part of this one, holds the
// lock.
type HeldError struct {
	Path    string
	Process string // its id; "" when it did not say
	For     string // what it wrote about itself; "" when it did not say
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is held by process %s %s", e.Path, e.Process, e.For)
}

// errHeld is lockFile's answer when somebody else has the lock.
var errHeld = errors.New("lock is held")

// maxTries bounds how often a file that its holder removed is made again.
const maxTries = 100

// Take takes the lock of a file, which is made if there is none, and writes
// into it whose it is: the process, and what it is for. The error is a
// *HeldError, errors.ErrUnsupported where the file system has no locks, or the
// file system's.
func Take(path, what string) (*Lock, error) {
	for range maxTries {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		if err := lockFile(f); err != nil {
			_ = f.Close() // nothing was written
			if errors.Is(err, errHeld) {
				return nil, held(path)
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		l := &Lock{path, f}
		if l.Holds() {
			l.sign(what)
			return l, nil
		}
		_ = f.Close() // its holder removed the name while we waited for the lock
	}
	return nil, held(path)
}

func held(path string) *HeldError {
	e := &HeldError{Path: path}
	b, _ := os.ReadFile(path) // for people only
	e.Process, e.For, _ = strings.Cut(strings.TrimSpace(string(b)), "\n")
	return e
}

// sign writes whose the lock is. A full disk costs nothing but that.
func (l *Lock) sign(what string) {
	if l.file.Truncate(0) != nil {
		return
	}
	if _, err := l.file.WriteAt([]byte(strings.TrimSpace(strconv.Itoa(os.Getpid())+"\n"+what)+"\n"), 0); err != nil {
		_ = l.file.Truncate(0) // half a number would be another one
	}
}

// Holds reports whether the lock is still that of the file's name: a file that
// was removed, or a file system that is gone, locks nothing.
func (l *Lock) Holds() bool {
	there, err := os.Stat(l.path)
	if err != nil {
		return false
	}
	mine, err := l.file.Stat()
	return err == nil && os.SameFile(there, mine)
}

// Release gives the lock back; the file stays. It may be called twice.
func (l *Lock) Release() { _ = l.file.Close() }

// Remove gives the lock back and removes its file. It may be called twice.
func (l *Lock) Remove() {
	if runtime.GOOS == "windows" { // an open file cannot be removed there, nor one that the next has opened
		l.Release()
		_ = os.Remove(l.path)
		return
	}
	if l.Holds() {
		_ = os.Remove(l.path) // while it is ours
	}
	l.Release()
}
