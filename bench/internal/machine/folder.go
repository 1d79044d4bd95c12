package machine

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// FolderSize returns the bytes in all files under dir; a file that goes away
// meanwhile counts as nothing.
func FolderSize(dir string) (uint64, error) {
	var sum uint64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err == nil {
			sum += uint64(info.Size())
		}
		return nil
	})
	return sum, err
}
