package csvfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"vaiven"
	"vaiven/internal/lock"
)

// LockSuffix is what the lock's name adds to the CSV's.
const LockSuffix = ".vaiven.lock"

// InUseError says that another vaiven writes the file.
type InUseError struct {
	Path    string
	Process string // its id, "" if it did not say
	Owner   string // what it is a view of, as Options.Owner has it
}

func (e *InUseError) Error() string { return e.Text(vaiven.English) }

// Text is the facts for a person.
func (e *InUseError) Text(l vaiven.Lang) string {
	text := fmt.Sprintf(l.Say("another vaiven writes %s", "otro vaiven escribe %s"), e.Path)
	if e.Process != "" {
		text += fmt.Sprintf(l.Say(" (process %s", " (proceso %s"), e.Process)
		if e.Owner != "" {
			text += fmt.Sprintf(l.Say(", data in %s", ", datos en %s"), e.Owner)
		}
		text += ")"
	}
	return text
}

// ensureLock makes sure that no other vaiven writes the file: two would set each
// other's aside with every row. The lock goes by the file's own name, whichever
// link leads to it. It is taken again when its file is gone, as after a stick
// that was pulled out and put back.
func (f *File) ensureLock() error {
	if f.lock != nil && f.lock.Holds() {
		return nil
	}
	f.releaseLock()
	l, err := Lock(f.path, f.owner)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		if !f.unlocked {
			f.unlocked = true
			f.notify(Notice{Kind: NoLock, Path: f.path})
		}
		return nil
	case err != nil:
		return err
	}
	f.lock = l
	return nil
}

// Lock takes the lock of a CSV file, for whoever moves it without opening it. The
// error is an *InUseError while a vaiven has the file, errors.ErrUnsupported
// where there are no locks, or the file system's.
func Lock(path, owner string) (*lock.Lock, error) {
	l, err := lock.Take(target(path)+LockSuffix, owner)
	var held *lock.HeldError
	if errors.As(err, &held) {
		return nil, &InUseError{Path: path, Process: held.Process, Owner: held.For}
	}
	return l, err
}

// maxLinks bounds a chain of links, as systems do.
const maxLinks = 40

// target is the name that a path leads to, also when nothing is there yet.
func target(path string) string {
	for range maxLinks {
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// releaseLock gives the lock back.
func (f *File) releaseLock() {
	if f.lock != nil {
		f.lock.Remove()
		f.lock = nil
	}
}
