package stream

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// diskSpace returns the bytes that this user may still write, and the size of
// the volume.
func diskSpace(dir string) (free, size int64, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	var f, s, all uint64
	if err := windows.GetDiskFreeSpaceEx(name, &f, &s, &all); err != nil {
		return 0, 0, err
	}
	return int64(f), int64(s), nil
}

// lockFile takes the lock, or returns errHeld. The range lies far behind the
// content, so that the process id can still be read.
func lockFile(f *os.File) error {
	at := windows.Overlapped{Offset: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errHeld
	}
	return err
}
