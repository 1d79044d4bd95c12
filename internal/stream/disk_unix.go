//go:build unix

package stream

import "golang.org/x/sys/unix"

// diskSpace returns the bytes that an ordinary user may still write, and the
// size of the filesystem.
func diskSpace(dir string) (free, size int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	unit := int64(st.Bsize)
	return int64(st.Bavail) * unit, int64(st.Blocks) * unit, nil
}
