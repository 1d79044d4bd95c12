package csvfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"vaiven"
)

func rewinds(err error) bool {
	var r interface{ Rewind() bool }
	return errors.As(err, &r) && r.Rewind()
}

// again does what the pump does after an error that rewinds.
func again(t *testing.T, f *opened, list []vaiven.Entry) {
	t.Helper()
	if err := f.Restore(nil); err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if err := f.Apply(e.ID.Record, []vaiven.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Replayed(); err != nil {
		t.Fatal(err)
	}
}

func TestFolderThatGoesAndComesBack(t *testing.T) {
	root := t.TempDir()
	stick, pocket := filepath.Join(root, "stick"), filepath.Join(root, "pocket")
	if err := os.Mkdir(stick, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(stick, "readings.csv")
	list := entries(9)
	f := mustOpen(t, options(path), list[:5])
	if err := os.Rename(stick, pocket); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := f.Apply(9, list[5:6]); err != nil {
			t.Fatal(err) // it waits in memory
		}
		if err := f.Flush(); err == nil || rewinds(err) {
			t.Fatalf("without the folder: %v", err)
		}
		f.setRows(5)
		f.buf = f.buf[:0] // the pump would not apply again; this test does
	}
	if err := f.Apply(9, list[5:7]); err != nil {
		t.Fatal(err)
	}
	if err := f.Flush(); err == nil {
		t.Fatal("no error")
	}
	if err := os.Rename(pocket, stick); err != nil {
		t.Fatal(err)
	}
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Apply(10, list[7:]); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, want := written(t, 9)
	if got := readFile(t, path); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestFileThatSomebodyChangesMeanwhile(t *testing.T) {
	_, want := written(t, 9)
	list := entries(9)
	for name, change := range map[string]func(path string) error{
		"removed": os.Remove,
		"appended to": func(path string) error {
			return os.WriteFile(path, []byte(readFile(t, path)+"mis notas\n"), 0o644)
		},
		"appended to as if the log went on": func(path string) error {
			return os.WriteFile(path, []byte(readFile(t, path)+"6,101,202611220242,20,50\n"), 0o644)
		},
		"saved by an editor": func(path string) error {
			if err := os.WriteFile(path+"~", []byte("otra cosa\n"), 0o644); err != nil {
				return err
			}
			return os.Rename(path+"~", path)
		},
		"cut": func(path string) error { return os.Truncate(path, 40) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "readings.csv")
			f := mustOpen(t, options(path), list[:5])
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			if err := f.Apply(9, list[5:7]); err != nil {
				t.Fatal(err)
			}
			if err := f.Flush(); !rewinds(err) {
				t.Fatalf("Flush: %v", err)
			}
			again(t, f, list[:7])
			if err := f.Apply(10, list[7:]); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if got := readFile(t, path); got != want {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

// TestWriteThatStoppedHalfway: the file holds a part of what is to be written,
// as after a full disk.
func TestWriteThatStoppedHalfway(t *testing.T) {
	_, want := written(t, 9)
	list := entries(9)
	for part := range 60 {
		path := filepath.Join(t.TempDir(), "readings.csv")
		f := mustOpen(t, options(path), list[:5])
		if err := f.Apply(9, list[5:7]); err != nil {
			t.Fatal(err)
		}
		n := min(part, len(f.buf))
		if _, err := f.file.WriteAt(f.buf[:n], f.size); err != nil {
			t.Fatal(err)
		}
		f.torn = true
		if part%2 == 1 {
			f.closeHandle() // and the handle is lost
		}
		if err := f.Flush(); err != nil {
			if !rewinds(err) {
				t.Fatal(err)
			}
			again(t, f, list[:7])
		}
		if err := f.Apply(10, list[7:]); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, path); got != want {
			t.Fatalf("%d bytes written: got\n%s", n, got)
		}
		if len(f.notices) > 1 || len(f.notices) == 1 && f.notices[0].Kind != TornRow {
			t.Fatalf("%d bytes written: %v", n, f.notices)
		}
	}
}

// TestFailedRecordCountsOnce: Apply fails because the rows before cannot be
// written; the same record again then counts once.
func TestFailedRecordCountsOnce(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "a", "readings.csv")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f := mustOpen(t, options(path), nil)
	list := entries(5000)
	if err := os.Rename(filepath.Dir(path), filepath.Join(root, "b")); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := 0; i < len(list); {
		n := min(i+100, len(list))
		if err := f.Apply(uint64(i), list[i:n]); err == nil {
			i = n
			continue
		}
		failed++
		if failed == 3 {
			if err := os.Rename(filepath.Join(root, "b"), filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, want := written(t, 5000); failed != 3 || readFile(t, path) != want {
		t.Errorf("%d failures, and the file differs or not", failed)
	}
}
