//go:build unix

package atomicfile

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAWriteThatFailsInTheMiddle bounds how large the process's files may be, so
// that a write ends in the middle. A full disk and a folder that is read-only are
// in test/diskfull, which can make them.
func TestAWriteThatFailsInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := Write(path, []byte("the old one")); err != nil {
		t.Fatal(err)
	}
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limit := before
	limit.Cur = 100
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	err := Write(path, make([]byte, 1000))
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	var failed *fs.PathError
	if !errors.Is(err, unix.EFBIG) || !errors.As(err, &failed) || failed.Op != "write" || failed.Path != path+TempSuffix {
		t.Errorf("%v", err)
	}
	if got := read(t, path); got != "the old one" {
		t.Errorf("%.20q", got)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"file"}) {
		t.Errorf("in the folder: %q", got)
	}
}
