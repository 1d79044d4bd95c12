//go:build unix

package main

import "golang.org/x/sys/unix"

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
