//go:build !linux

package stream

import "os"

// openDurable opens a file whose every write is on the disk when it returns.
func openDurable(path string) (journalFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	return durableFile{f}, err
}

// durableFile syncs behind every write.
type durableFile struct{ *os.File }

func (f durableFile) WriteAt(b []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(b, at)
	if err == nil {
		err = f.Sync()
	}
	return n, err
}
