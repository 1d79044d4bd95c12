package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// names are those of all files in a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestWriteMakesAndReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"the first", "", "another one that is longer", "short"} {
		if err := Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
	if got := names(t, dir); !slices.Equal(got, []string{"file"}) {
		t.Errorf("in the folder: %q", got)
	}
}

func TestPermissionsAreKept(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // it has no others than read-only
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, nil); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o444, 0o664} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, []byte("new")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != mode {
			t.Errorf("%v, %v, want %v", info.Mode(), err, mode)
		}
	}
}

// TestWhatAKillLeft: the temporary file of a Write that was killed is no obstacle,
// whatever is in it and whoever may write it.
func TestWhatAKillLeft(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path+TempSuffix, []byte(strings.Repeat("torn", 1000)), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "whole" {
		t.Errorf("%.20q", got)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"file"}) {
		t.Errorf("in the folder: %q", got)
	}
}

func TestWhatCannotBeReplacedStays(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	var link *os.LinkError
	if err := Write(folder, []byte("x")); !errors.As(err, &link) || link.Op != "rename" || link.New != folder {
		t.Errorf("a folder: %v", err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"folder"}) {
		t.Errorf("in the folder: %q", got)
	}
	var path *fs.PathError
	missing := filepath.Join(dir, "no", "file")
	if err := Write(missing, []byte("x")); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &path) || path.Path != missing+TempSuffix {
		t.Errorf("in a folder that is not there: %v", err)
	}
}

// TestReadersSeeOneOfTheTwo reads while the file is replaced again and again.
func TestReadersSeeOneOfTheTwo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	texts := []string{strings.Repeat("a", 100_000), strings.Repeat("b", 50_000)}
	if err := Write(path, []byte(texts[0])); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			b, err := os.ReadFile(path)
			if err != nil || string(b) != texts[0] && string(b) != texts[1] {
				t.Errorf("%d bytes, %v", len(b), err)
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for i := range 50 {
		if err := Write(path, []byte(texts[i%2])); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	reader.Wait()
}

// TestPrivate: what only its user may read is that also in the place of a file that
// others could read.
func TestPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has other permissions
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		if err := WritePrivate(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		info, serr := os.Stat(path)
		if err != nil || serr != nil || string(b) != text || info.Mode().Perm() != 0o600 {
			t.Errorf("%q with %v, %v, %v", b, info.Mode(), err, serr)
		}
	}
}
