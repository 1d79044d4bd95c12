package views

import (
	"os"
	"path/filepath"
	"runtime"
)

// replaceFile makes data the content of the file, or leaves it as it was: it
// writes a file next to it, always under the same name, so that kills leave no
// heap of them, brings it to the disk, and renames it. Windows does not promise
// that a power cut leaves one of the two; a torn checkpoint is recognised by
// its checksum.
func replaceFile(path string, data []byte) error {
	tmp := path + ".new"
	if err := writeSynced(tmp, data); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // read only
	return dir.Sync()
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
