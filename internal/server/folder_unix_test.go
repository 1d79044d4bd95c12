//go:build unix

package server

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"vaiven/internal/views"
	"vaiven/internal/web/api"
)

// TestTheFolderIsItsOwners: a new one and an empty one are closed to others; one that is in
// use is left as it is, and said; a group's is fine.
func TestTheFolderIsItsOwners(t *testing.T) {
	for _, c := range []struct {
		name string
		mode fs.FileMode // 0: there is none
		used bool
		want fs.FileMode
		open bool
	}{
		{"new", 0, false, 0o700, false},
		{"empty", 0o755, false, 0o700, false},
		{"used", 0o755, true, 0o755, true},
		{"used by a group", 0o750, true, 0o750, false},
		{"closed", 0o700, true, 0o700, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if c.mode != 0 {
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if c.used {
				if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if c.mode != 0 {
				if err := os.Chmod(dir, c.mode); err != nil {
					t.Fatal(err)
				}
			}
			open, err := MakeFolder(dir)
			if err != nil || open != c.open {
				t.Errorf("open %v, %v", open, err)
			}
			if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != c.want {
				t.Errorf("%v, %v, want %v", info.Mode(), err, c.want)
			}
		})
	}
}

func TestAFolderThatOthersMayReadIsSaid(t *testing.T) {
	o := options(t.TempDir())
	r := launch(t, o)
	r.end()
	if err := os.Chmod(o.Data, 0o755); err != nil {
		t.Fatal(err)
	}
	r = launch(t, o)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.told, "everybody on this machine may read "+o.Data) || !slices.Contains(r.told, "chmod o-rwx "+o.Data) {
		t.Errorf("told %q", r.told)
	}
}

// TestWhatProvesTokensIsItsOwners: the log and the checkpoint have the sums of tokens, with
// which a board's proof is made, and nobody else may read them in a folder that is open.
func TestWhatProvesTokensIsItsOwners(t *testing.T) {
	o := options(t.TempDir())
	launch(t, o).end()
	checkpoint := filepath.Join(o.Data, views.CheckpointName)
	if err := os.Chmod(checkpoint, 0o644); err != nil { // as a version of before left it
		t.Fatal(err)
	}
	r := launch(t, o)
	if _, err := r.ask().AddDevice(t.Context(), "101", api.NewBoardToken{}); err != nil {
		t.Fatal(err)
	}
	r.end()
	if info, err := os.Stat(checkpoint); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Join(o.Data, "log")); err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
