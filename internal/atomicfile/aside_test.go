package atomicfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAsideName(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 22, 9, 15, 0, 0, time.UTC)
	for _, tt := range []struct{ path, there, want string }{
		{"readings.csv", "", "readings.edited-20261122-091500.csv"},
		{"readings.csv", "readings.edited-20261122-091500.csv", "readings.edited-20261122-091500-2.csv"},
		{"readings.csv", "readings.edited-20261122-091500-2.csv.json", "readings.edited-20261122-091500-3.csv"},
		{"checkpoint", "", "checkpoint.edited-20261122-091500"},
		{"checkpoint", "checkpoint.edited-20261122-091500", "checkpoint.edited-20261122-091500-2"},
	} {
		if tt.there != "" {
			if err := os.WriteFile(filepath.Join(dir, tt.there), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := AsideName(filepath.Join(dir, tt.path), "edited", now, ".json"); err != nil || got != filepath.Join(dir, tt.want) {
			t.Errorf("%s: %s, %v", tt.path, got, err)
		}
	}
}

// TestAsideNameWhereNothingCanBeLookedUp ends: a file system that cannot say what is
// there must not make it try names for ever.
func TestAsideNameWhereNothingCanBeLookedUp(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if name, err := AsideName(filepath.Join(file, "readings.csv"), "edited", time.Now()); err == nil {
		t.Errorf("%s in a folder that is a file", name)
	}
}
