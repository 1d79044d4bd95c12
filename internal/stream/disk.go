package stream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// disk watches the free space of the log's filesystem.
type disk struct {
	dir     string // "" for a log that is elsewhere
	reserve int64  // as in Options

	mu      sync.Mutex
	checked time.Time
	low     *LowDiskError
}

// LowDiskError says that the log's filesystem is below its reserve.
type LowDiskError struct {
	Free, Reserve int64 // bytes
}

func (e *LowDiskError) Error() string {
	return fmt.Sprintf("disk is full: %d MiB free, %d MiB are kept in reserve", e.Free>>20, e.Reserve>>20)
}

// diskEvery is how long an answer of the filesystem is used.
const diskEvery = 100 * time.Millisecond

func (d *disk) init(dir string, reserve int64) { d.dir, d.reserve = dir, reserve }

// DiskError says that a write to the log's folder fails, whatever the free space.
type DiskError struct {
	Dir string
	Err error // what the system said
}

func (e *DiskError) Error() string { return fmt.Sprintf("%s cannot be written: %v", e.Dir, e.Err) }

// Unwrap returns what the system said.
func (e *DiskError) Unwrap() error { return e.Err }

// probeName is a file that is written to see whether one can be.
const probeName = ".probe"

// probe writes a byte through to the disk: the store only says that it failed. The
// error is a *DiskError.
func (d *disk) probe() error {
	name := filepath.Join(d.dir, probeName)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.Write([]byte{'\n'})
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(name))
	}
	if err == nil {
		return nil
	}
	var system syscall.Errno
	if errors.As(err, &system) {
		err = system
	}
	return &DiskError{d.dir, err}
}

// check returns a *LowDiskError while there is too little space. A filesystem
// that does not answer is not a reason to refuse: the write will tell.
func (d *disk) check() error {
	if d.dir == "" || d.reserve < 0 {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.checked) >= diskEvery {
		d.low = nil
		if free, size, err := diskSpace(d.dir); err == nil {
			keep := d.reserve
			if keep == 0 {
				keep = min(64<<20, size/50)
			}
			if free < keep {
				d.low = &LowDiskError{Free: free, Reserve: keep}
			}
		}
		d.checked = time.Now()
	}
	if d.low != nil {
		return d.low
	}
	return nil
}
