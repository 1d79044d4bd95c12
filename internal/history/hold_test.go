package history

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"vaiven"
)

// TestHeldFilesStay copies a history that goes on: blocks are joined and get too old
// meanwhile, and the copy is that of the moment of its manifest.
func TestHeldFilesStay(t *testing.T) {
	m := open(t, func(o *Options) { o.Keep, o.cut = vaiven.Day, 4*time.Hour })
	m.hours(t, 0, 20)
	wait(m.h)
	release := m.h.Hold()
	files, err := Files(m.h.o.Dir, m.h.o.Log)
	if err != nil || len(files) < 5 || files[0] != manifestName {
		t.Fatalf("%q, %v", files, err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	take := func(name string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(m.h.o.Dir, name))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(copied, name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(copied, name), b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	take(files[0])
	kept := m.h.Kept()
	m.hours(t, 20, 60)
	wait(m.h)
	for _, name := range files[1:] {
		take(name)
	}
	release()
	release()
	gone := 0
	for _, name := range files[1:] {
		if _, err := os.Stat(filepath.Join(m.h.o.Dir, name)); err != nil {
			gone++
		}
	}
	if gone == 0 {
		t.Error("all files are there for ever")
	}
	if folders, err := m.h.folders(); err != nil || len(folders) != m.h.Stats().Blocks {
		t.Errorf("folders %v, %v", folders, err)
	}
	again, err := Open(Options{Dir: copied, Log: m.h.o.Log, Notify: func(n Notice) { t.Error(n.Text(vaiven.English)) }})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Kept() != kept || again.Stats().Blocks == 0 {
		t.Errorf("the copy goes to %d with %d blocks, it was %d", again.Kept(), again.Stats().Blocks, kept)
	}
	for dir, log := range map[string]string{copied: "another", t.TempDir(): m.h.o.Log} {
		if files, err := Files(dir, log); err != nil || len(files) > 0 {
			t.Errorf("of another log, or of nothing: %q, %v", files, err)
		}
	}
}
