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

// blocks returns the stream's block files that hold anything.
func blocks(dir, stream string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(streamDir(dir, stream), "msgs", "*.blk"))
	if err != nil {
		return nil, err
	}
	full := names[:0]
	for _, name := range names {
		fi, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if fi.Size() > 0 {
			full = append(full, name)
		}
	}
	return full, nil
}

func hasBlocks(dir, stream string) bool {
	names, err := blocks(dir, stream)
	return err != nil || len(names) > 0
}

// checkFiles prepares the stream's files for the embedded server. A process
// that died between a write and its fsync has left records in the page cache
// that the next power cut would take: they are made durable before anyone can
// see them. What remains of a stream whose creation was cut short, and holds
// nothing, is removed, since JetStream would never load it.
func checkFiles(dir, stream string, known mark) error {
	names, err := blocks(dir, stream)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	for _, name := range names {
		if err := syncFile(name); err != nil {
			return fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
	}
	if len(names) == 0 && known.acked == 0 {
		if err := os.RemoveAll(streamDir(dir, stream)); err != nil {
			return fmt.Errorf("%w: %w", ErrNotWritable, err)
		}
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
