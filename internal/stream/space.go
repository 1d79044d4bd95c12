package stream

// DiskSpace returns the bytes that this user may still write to dir's filesystem, and
// the size of the whole. The error is the system's.
func DiskSpace(dir string) (free, size int64, err error) { return diskSpace(dir) }
