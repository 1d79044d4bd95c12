//go:build suites && linux

package diskfull

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"vaiven/internal/atomicfile"
)

// TestFileOnAFullDisk replaces a file where there is no room for the new one, and
// where nothing may be written at all: the old one stays, and nothing beside it.
func TestFileOnAFullDisk(t *testing.T) {
	dir := tmpfs(t, 1)
	path := filepath.Join(dir, "checkpoint")
	if err := atomicfile.Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	same := func(text string, others ...string) {
		t.Helper()
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("%.20q, %v", b, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1+len(others) {
			t.Errorf("in the folder: %v, %v", entries, err)
		}
	}
	if err := atomicfile.Write(path, make([]byte, 2<<20)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("larger than the disk: %v", err)
	}
	same("old")
	fill(t, dir, 0)
	if err := atomicfile.Write(path, []byte("new")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("no room at all: %v", err)
	}
	same("old", "ballast")
	empty(t, dir)
	if err := atomicfile.Write(path, []byte("new")); err != nil {
		t.Errorf("with room again: %v", err)
	}
	same("new")
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(path, []byte("newer")); !errors.Is(err, syscall.EROFS) {
		t.Errorf("read-only: %v", err)
	}
	same("new")
}
