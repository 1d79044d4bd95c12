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
	if err := SyncTree(from, nil); err != nil {
		return err
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) { // Windows renames over nothing
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(to))
}

// SyncTree brings everything below the folder to the disk, but for the files that but
// names; nil: all. What goes away meanwhile is passed over. The error is a *fs.PathError.
func SyncTree(folder string, but func(path string) bool) error {
	return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
		case d.IsDir():
			err = SyncFolder(path)
		case but == nil || !but(path):
			err = SyncFile(path)
		}
		if errors.Is(err, fs.ErrNotExist) && path != folder {
			return nil
		}
		return err
	})
}

// SyncFile brings what anybody has written to the file to the disk.
func SyncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
