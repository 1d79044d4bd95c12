//go:build unix

package main

import (
	"errors"
	"os/user"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// diskFree is the space left for this user on dir's filesystem, in bytes.
func diskFree(dir string) (uint64, bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return uint64(s.Bavail) * uint64(s.Bsize), true
}

// spareFiles are the descriptors that the log, the CSV and requests need beside
// the boards'.
const spareFiles = 256

// maxConnections is how many boards may be connected: as many as there are
// descriptors for, so that the files of the server itself never lack one. 0 is
// the gateway's own limit.
func maxConnections() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil || r.Cur > 100_000+spareFiles {
		return 0
	}
	return max(int(r.Cur)-spareFiles, int(r.Cur)/2)
}

// processRuns reports whether there is a process with that number.
func processRuns(pid int) bool {
	err := unix.Kill(pid, 0)
	return pid > 0 && (err == nil || errors.Is(err, unix.EPERM))
}

// owner is the user whose file it is, or whose folder it is in; "" when that cannot be told.
func owner(path string) string {
	for range 2 {
		var s unix.Stat_t
		if unix.Stat(path, &s) == nil {
			u, err := user.LookupId(strconv.FormatUint(uint64(s.Uid), 10))
			if err != nil {
				return ""
			}
			return u.Username
		}
		path = filepath.Dir(path)
	}
	return ""
}
