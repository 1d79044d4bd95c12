package csvfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vaiven"
)

// copyFolder makes a copy of a folder, dates included.
func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	list, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(to, e.Name()), readFile(t, filepath.Join(from, e.Name())))
		if err := os.Chtimes(filepath.Join(to, e.Name()), time.Time{}, info.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// TestEveryCrashOfARotation: whatever a kill or a power cut leaves between the steps,
// the next start has the same files as if nothing had happened.
func TestEveryCrashOfARotation(t *testing.T) {
	list := year(t)
	o := rotating(t, RotateMonth)
	if err := mustOpen(t, o, list).Close(); err != nil {
		t.Fatal(err)
	}
	want := files(t, filepath.Dir(o.Path))
	// The folder in front of the first row of a month, for each of them.
	for _, before := range []int{2, 6, 7} {
		b := rotating(t, RotateMonth)
		if err := mustOpen(t, b, list[:before]).Close(); err != nil {
			t.Fatal(err)
		}
		for name, step := range crashSteps(t, list, b.Path, before) {
			c := o
			dir := copyFolder(t, filepath.Dir(b.Path))
			c.Path = filepath.Join(dir, "readings.csv")
			step(dir)
			f, err := open(t, c, list)
			if err != nil {
				t.Fatalf("row %d, %s: %v", before+1, name, err)
			}
			if err := f.Close(); err != nil {
				t.Fatalf("row %d, %s: %v", before+1, name, err)
			}
			if got := files(t, dir); !maps.Equal(got, want) {
				t.Fatalf("row %d, %s: %s", before+1, name, rowIDs(got))
			}
			for _, n := range f.notices {
				if n.Kind != TornRow && n.Kind != NULTail {
					t.Fatalf("row %d, %s: %s", before+1, name, n.Text(vaiven.English))
				}
			}
		}
	}
}

// crashSteps are the folders that a crash leaves at the end of a file of list, each made
// of the folder of csv, which has the rows in front of the one that ends the file.
func crashSteps(t *testing.T, list []vaiven.Entry, csv string, before int) map[string]func(dir string) {
	t.Helper()
	front := readFile(t, csv)
	a := rotating(t, RotateMonth) // and right behind it
	if err := mustOpen(t, a, list[:before+1]).Close(); err != nil {
		t.Fatal(err)
	}
	side, err := ReadSidecar(a.Path)
	if err != nil {
		t.Fatal(err)
	}
	done := side.Finished[len(side.Finished)-1].Name
	behind, first := readFile(t, a.Path), readFile(t, a.Path+SidecarSuffix)
	steps := map[string]func(dir string){}
	for n := max(len(front)-36, 0); n <= len(front); n++ { // its last row is cut anywhere
		steps[fmt.Sprintf("%d bytes in front", n)] = func(dir string) {
			put(t, filepath.Join(dir, "readings.csv"), front[:n])
		}
	}
	steps["sidecar half written"] = func(dir string) {
		put(t, filepath.Join(dir, "readings.csv"+SidecarSuffix+".new"), first[:len(first)/2])
	}
	steps["sidecar written"] = func(dir string) { put(t, filepath.Join(dir, "readings.csv"+SidecarSuffix), first) }
	steps["renamed"] = func(dir string) {
		put(t, filepath.Join(dir, "readings.csv"+SidecarSuffix), first)
		if err := os.Rename(filepath.Join(dir, "readings.csv"), filepath.Join(dir, done)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range len(behind) + 1 {
		if before != 2 && n > 0 && n < len(behind)-1 {
			continue // once is enough
		}
		steps[fmt.Sprintf("%d bytes of the next one", n)] = func(dir string) {
			steps["renamed"](dir)
			put(t, filepath.Join(dir, "readings.csv"), behind[:n])
		}
	}
	steps["NULs behind the header"] = func(dir string) {
		steps["renamed"](dir)
		put(t, filepath.Join(dir, "readings.csv"), behind[:34]+"\x00\x00\x00")
	}
	return steps
}

// TestCheckpointFromBeforeARotation: the rows behind it that are in finished files
// are not written again.
func TestCheckpointFromBeforeARotation(t *testing.T) {
	list := year(t)
	o := rotating(t, RotateMonth)
	if err := mustOpen(t, o, list).Close(); err != nil {
		t.Fatal(err)
	}
	want := files(t, filepath.Dir(o.Path))
	for at := range len(list) + 1 {
		b := rotating(t, RotateMonth)
		f := mustOpen(t, b, list[:at])
		snap, err := f.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		for _, older := range []bool{false, true} {
			if older { // as it was written before files ended by month
				var s map[string]any
				if _ = json.Unmarshal(snap, &s); s["first"] != nil {
					continue
				}
				delete(s, "latest")
				snap, _ = json.Marshal(s)
			}
			for _, to := range []int{at, min(at+1, len(list)), len(list)} { // the server ran on to here, and was killed
				c := o
				c.Path = filepath.Join(copyFolder(t, filepath.Dir(b.Path)), "readings.csv")
				_ = mustOpen(t, c, list[:to]).Close()
				g, err := Open(c)
				if err != nil {
					t.Fatal(err)
				}
				if err := g.Restore(snap); err != nil {
					t.Fatalf("checkpoint at %d, killed at %d: %v", at, to, err)
				}
				for _, e := range list[at:] {
					if err := g.Apply(e.ID.Record, []vaiven.Entry{e}); err != nil {
						t.Fatal(err)
					}
				}
				if err := g.Replayed(); err != nil {
					t.Fatal(err)
				}
				if err := g.Close(); err != nil || g.Rows() != 8 {
					t.Fatalf("%d rows, %v", g.Rows(), err)
				}
				if got := files(t, filepath.Dir(c.Path)); !maps.Equal(got, want) {
					t.Fatalf("checkpoint at %d, killed at %d: %s", at, to, rowIDs(got))
				}
			}
		}
	}
}

// TestFilesAreTheSameWhateverHappens: servers that are killed anywhere, with rows that
// come together or one by one, end with the files of one that was not.
func TestFilesAreTheSameWhateverHappens(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for round := range 15 {
		list := entries(40)
		at := int64(1795333377000)
		for i := range list {
			at += rnd.Int64N(20*3600*1000) - 3*3600*1000
			list[i].Event.(*vaiven.Reading).At = at
		}
		how := []string{RotateDay, RotateMonth, "rows=7"}[round%3]
		whole := rotating(t, how)
		if err := mustOpen(t, whole, list).Close(); err != nil {
			t.Fatal(err)
		}
		want := files(t, filepath.Dir(whole.Path))
		o := rotating(t, how)
		for n := 0; n < len(list); {
			f := mustOpen(t, o, list[:n])
			more := min(n+1+rnd.IntN(15), len(list))
			if err := f.Apply(99, list[n:more]); err != nil {
				t.Fatal(err)
			}
			if rnd.IntN(3) > 0 {
				if err := f.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			f.closeHandle() // killed: what waited is lost
			f.releaseLock()
			f.buf, f.cuts = nil, nil
			if info, err := os.Stat(o.Path); err == nil && rnd.IntN(2) == 0 {
				_ = os.Truncate(o.Path, info.Size()-rnd.Int64N(min(30, info.Size()+1)))
			}
			n = more
		}
		f := mustOpen(t, o, list)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got := files(t, filepath.Dir(o.Path)); !maps.Equal(got, want) {
			t.Fatalf("round %d, %s: %s\nwant %s", round, how, rowIDs(got), rowIDs(want))
		}
	}
}
