package stream

import "golang.org/x/sys/windows"

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
