package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// MoveFolder brings everything below the folder from to the disk, and gives it the
// name to, which nothing has, or an empty folder. A crash leaves it whole under one of
// the two names. The error is a *fs.PathError or a *os.LinkError; from is then still
// there, except when it is the folder around it that could not be brought to the disk.
func MoveFolder(from, to string) error {
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return syncFolder(path)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
	if err != nil {
		return err
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) { // Windows renames over nothing
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}
