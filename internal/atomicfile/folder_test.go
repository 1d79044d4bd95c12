package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestMoveFolder(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.MkdirAll(filepath.Join(from, "deep", "er"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(from, "deep", "er", "file"), []byte("text")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(to, "other"), nil); err != nil {
		t.Fatal(err)
	}
	if err := MoveFolder(from, to); err == nil || read(t, filepath.Join(from, "deep", "er", "file")) != "text" {
		t.Errorf("over a folder that is not empty: %v", err)
	}
	if err := os.Remove(filepath.Join(to, "other")); err != nil {
		t.Fatal(err)
	}
	if err := MoveFolder(from, to); err != nil || read(t, filepath.Join(to, "deep", "er", "file")) != "text" {
		t.Errorf("over an empty one: %v", err)
	}
	if err := MoveFolder(from, to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"to"}) {
		t.Errorf("in the folder: %q", got)
	}
}

// TestContentThatIsRead: what is being written can be read back before it counts, and
// whoever gives it up leaves nothing.
func TestContentThatIsRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write([]byte("text"))
	_, serr := f.Seek(0, io.SeekStart)
	b, rerr := io.ReadAll(f)
	if err := errors.Join(err, serr, rerr); err != nil || string(b) != "text" {
		t.Errorf("%q, %v", b, err)
	}
	f.Abort()
	f.Abort()
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("in the folder: %q", got)
	}
}

// TestTwoWriters: of two that write one file, the first finds out, and its half is not
// taken for a whole.
func TestTwoWriters(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	first, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Commit(); !errors.Is(err, errOvertaken) {
		t.Errorf("%v", err)
	}
	first.Abort()
	if _, err := second.Write([]byte("second")); err != nil {
		t.Fatal(err)
	}
	if err := second.Commit(); err != nil || read(t, path) != "second" {
		t.Errorf("%v", err)
	}
	second.Abort()
	if got := names(t, dir); !slices.Equal(got, []string{"file"}) {
		t.Errorf("in the folder: %q", got)
	}
}
