package stream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// folder is the log's folder, locked against every other process.
type folder struct {
	lock *os.File
}

// lockName holds the process id of whoever has the folder, for people; the
// lock itself is the operating system's, and ends with the process.
const lockName = "LOCK"

func openFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	if err := lockFile(f); err != nil {
		pid, _ := os.ReadFile(f.Name())
		f.Close()
		if errors.Is(err, errHeld) {
			return nil, fmt.Errorf("%w: %s (process %s)", ErrLocked, dir, strings.TrimSpace(string(pid)))
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	fd := &folder{lock: f}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
		if err != nil {
			fd.lock.Truncate(0) // a full disk: the number is only for people
		}
	}
	return fd, nil
}

func (f *folder) close() { f.lock.Close() }

// errHeld is lockFile's answer when another process has the lock.
var errHeld = errors.New("lock is held")

// streamDir is where the embedded server keeps the stream.
func streamDir(dir, stream string) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", stream)
}

// clearUnborn removes what remains of a stream whose creation was cut short
// and that holds nothing: JetStream would never load it, nor make it anew.
func clearUnborn(dir, stream string) error {
	files, err := blocks(dir, stream)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	for _, f := range files {
		if f.size > 0 {
			return nil
		}
	}
	if err := os.RemoveAll(streamDir(dir, stream)); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return nil
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	return errors.Join(err, f.Close())
}
