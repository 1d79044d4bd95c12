package stream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"vaiven/internal/lock"
)

// folder is the log's folder, locked against every other process.
type folder struct {
	lock *lock.Lock
}

// lockName holds the process id of whoever has the folder, for people.
const lockName = "LOCK"

func openFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	l, err := lock.Take(filepath.Join(dir, lockName), "")
	var held *lock.HeldError
	var path *os.PathError
	switch {
	case err == nil:
		return &folder{l}, nil
	case errors.As(err, &held):
		return nil, fmt.Errorf("%w: %s (process %s)", ErrLocked, dir, held.Process)
	case errors.As(err, &path):
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return nil, err
}

func (f *folder) close() { f.lock.Release() }

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
