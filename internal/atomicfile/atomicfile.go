// Package atomicfile replaces a file's content whole or not at all, likewise puts a
// folder in its place, and names files that are set aside.
//
// It owns the order of the steps, and nothing else: what is in the file, and that
// two do not write it at once, is its user's (the data folder and the CSV have a
// lock). Write and WriteWith may be called from any goroutine, for different files. It waits as
// long as the file system does.
//
// What a crash leaves, a power cut included:
//
//	while the temporary file is written   the old file, and a part of the new one beside it
//	after the temporary file is on disk   the old file, and the whole new one beside it
//	after the rename                      one of the two under the name; the new one, if only the process was killed
//	after the folder is on disk           the new file
//
// The temporary file always has the same name, so that kills leave one at most; the
// next Write removes it. Windows has no way to bring a folder to the disk, and does
// not promise that a power cut leaves one of the two: what must be whole there needs
// a checksum of its own, as the checkpoint has.
package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// TempSuffix is what the temporary file's name adds to the file's.
const TempSuffix = ".new"

// Write makes data the content of the file, on disk when it returns nil. A new file
// has the permissions 0644 less the process's umask; one that was there keeps its
// own. A link is replaced, not followed.
//
// The error names the operation and the file (*fs.PathError, *os.LinkError). The old
// file is then as it was, and no temporary file is left, except when it is the folder
// that could not be brought to the disk: then the file is the new one, and a power
// cut may bring the old one back.
func Write(path string, data []byte) error {
	return WriteWith(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteWith is Write for what is too large to be held: write writes the content. When
// it fails the old file is as it was, and the error is write's.
func WriteWith(path string, write func(io.Writer) error) error {
	f, err := Create(path)
	return f.write(write, err)
}

// WritePrivate is Write for what only the process's user may read: the file has the
// permissions 0600, whatever one that was there had.
func WritePrivate(path string, data []byte) error {
	f, err := CreatePrivate(path)
	return f.write(func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}, err)
}

// write writes the content and ends the file; err is why there is none.
func (f *File) write(write func(io.Writer) error, err error) error {
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := write(f); err != nil {
		return err
	}
	return f.Commit()
}

// File is a file's new content while it is written: its temporary file, open for
// writing and reading. Commit or Abort ends it.
type File struct {
	*os.File
	temp, path string
	private    bool
	ended      bool
}

// Create begins a new content for the file at path, as [Write] does; nothing is at path
// before Commit.
func Create(path string) (*File, error) { return create(path, false) }

// CreatePrivate is Create for what only the process's user may read, as [WritePrivate].
func CreatePrivate(path string) (*File, error) { return create(path, true) }

func create(path string, private bool) (*File, error) {
	mode := fs.FileMode(0o644)
	if private {
		mode = 0o600
	}
	temp := path + TempSuffix
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a Write that was killed
		return nil, err
	}
	f, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	return &File{File: f, temp: temp, path: path, private: private}, nil
}

// Rename gives a file another name in its folder, on disk when it returns nil; a file
// that had that name is gone. What is in the file must be on disk before.
func Rename(path, to string) error {
	if err := os.Rename(path, to); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(to))
}

// errOvertaken says that somebody else began to write the same file.
var errOvertaken = errors.New("another one writes it, too")

// CommitAs is Commit for a file in the same folder that gets its name at the end.
func (f *File) CommitAs(path string) error {
	f.path = path
	return f.Commit()
}

// Commit brings the content to the disk and puts it in the place of the old one. Its
// errors are Write's; Abort still has to be called after one.
func (f *File) Commit() error {
	if old, err := os.Stat(f.path); err == nil && !f.private {
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil { // before the rename: or the name could lead to nothing after a power cut
		return err
	}
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(f.temp); err != nil || !os.SameFile(mine, there) {
		return &fs.PathError{Op: "replace", Path: f.path, Err: errOvertaken}
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.temp, f.path); err != nil {
		return err
	}
	f.ended = true
	return SyncFolder(filepath.Dir(f.path))
}

// Abort removes the temporary file, unless it was committed.
func (f *File) Abort() {
	if f.ended {
		return
	}
	f.ended = true
	mine, err := f.Stat()
	_ = f.Close() // perhaps again
	if there, serr := os.Stat(f.temp); err != nil || serr == nil && os.SameFile(mine, there) {
		_ = os.Remove(f.temp)
	}
}

// SyncFolder brings the folder's names to the disk, where the system can.
func SyncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // read only
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err // those two: the file system has no such call
	}
	return nil
}
