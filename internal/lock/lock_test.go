package lock

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestOneHolderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "LOCK")
	first, err := Take(path, "the folder /somewhere")
	if err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := Take(path, "another"); !errors.As(err, &held) || held.Process != strconv.Itoa(os.Getpid()) || held.For != "the folder /somewhere" {
		t.Fatalf("while it is held: %v", err)
	}
	first.Release()
	first.Release()
	second, err := Take(path, "")
	if err != nil {
		t.Fatal(err)
	}
	second.Remove()
	second.Remove()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("removed: %v", err)
	}
}

// TestLockOfARemovedFileLocksNothing: whoever removes the file by hand lets
// another in, and the first finds out.
func TestLockOfARemovedFileLocksNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "LOCK")
	first, err := Take(path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Release()
	if !first.Holds() {
		t.Error("it does not hold its own file")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second, err := Take(path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Release()
	if first.Holds() || !second.Holds() {
		t.Error("the lock is not the second's")
	}
	first.Remove()
	if !second.Holds() {
		t.Error("the first removed the second's file")
	}
}

func TestFolderThatIsNotThere(t *testing.T) {
	if _, err := Take(filepath.Join(t.TempDir(), "no", "LOCK"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
