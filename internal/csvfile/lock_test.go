package csvfile

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"vaiven"
)

// TestOneFileHasOneVaiven: a second one is refused, by whatever name it comes, and
// told who has the file; it may come when the first is gone.
func TestOneFileHasOneVaiven(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "readings.csv")
	o := options(path)
	o.Owner = "/srv/aula-1"
	first := mustOpen(t, o, entries(3))
	link := filepath.Join(t.TempDir(), "link.csv")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	dangling, beside := filepath.Join(dir, "later.csv"), filepath.Join(dir, "to-later.csv")
	if err := os.Symlink("later.csv", beside); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, options(beside), nil)
	if _, err := Open(options(dangling)); !errors.As(err, new(*InUseError)) {
		t.Errorf("what a link led to before it was there: %v", err)
	}
	for _, name := range []string{path, link} {
		second := options(name)
		second.Log = strings.Repeat("f", 32)
		_, err := Open(second)
		var used *InUseError
		if !errors.As(err, &used) || used.Process != strconv.Itoa(os.Getpid()) || used.Owner != "/srv/aula-1" {
			t.Fatalf("%s: %v", name, err)
		}
		if s := used.Text(vaiven.Spanish); !strings.Contains(s, "otro vaiven escribe") || !strings.Contains(s, "/srv/aula-1") {
			t.Error(s)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + LockSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock's file is left: %v", err)
	}
	mustOpen(t, options(path), entries(3))
}

// TestFailedOpenLeavesNoLock: what cannot be opened is not locked either.
func TestFailedOpenLeavesNoLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "readings.csv")
	o := options(path)
	o.Zone = "Nowhere/Here"
	if _, err := Open(o); err == nil {
		t.Fatal("a zone that is none")
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	mustOpen(t, options(path), entries(1))
}
