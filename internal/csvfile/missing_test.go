package csvfile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vaiven"
)

// trimmedAt writes files of a year with a rotation, and returns the snapshot behind
// row base, as of a log that begins there.
func trimmedAt(t *testing.T, o Options, list []vaiven.Entry, base int) []byte {
	t.Helper()
	f := mustOpen(t, o, list[:base])
	snap, err := f.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again(t, f, list)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return snap
}

// startBehind starts as a server does whose log begins behind row base.
func startBehind(t *testing.T, o Options, snap []byte, list []vaiven.Entry) *opened {
	t.Helper()
	f := &opened{}
	o.Notify = func(n Notice) { f.notices = append(f.notices, n) }
	var err error
	if f.File, err = Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.RestoreBase(snap); err != nil {
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
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestFilesFromBeforeTheLogAreChecked: by what the sidecar says of them, also the one
// in which the log begins.
func TestFilesFromBeforeTheLogAreChecked(t *testing.T) {
	list := year(t)
	o := rotating(t, RotateMonth)
	snap := trimmedAt(t, o, list, 4) // 1,2 in January; 3,4 of February's 3..6
	if n, err := checkBehind(o.Path, snap, list[4:]); n != 8 || err != nil {
		t.Fatalf("as it was: %d rows, %v", n, err)
	}
	for _, name := range []string{"readings-2026-01.csv", "readings-2026-02.csv"} {
		path := filepath.Join(filepath.Dir(o.Path), name)
		was := readFile(t, path)
		put(t, path, strings.Replace(was, "2026", "2025", 1)) // its first row
		var edited *ChangedBeforeError
		if _, err := checkBehind(o.Path, snap, list[4:]); !errors.As(err, &edited) || edited.Path != path {
			t.Errorf("%s changed: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		var gone *MissingFileError
		if _, err := checkBehind(o.Path, snap, list[4:]); !errors.As(err, &gone) || gone.Path != path {
			t.Errorf("%s gone: %v", name, err)
		}
		put(t, path, was)
	}
}

// TestRowsInNoFileAreSaid: a current file that begins later is right, and not all.
func TestRowsInNoFileAreSaid(t *testing.T) {
	list := year(t)
	o := rotating(t, RotateMonth)
	snap := trimmedAt(t, o, list, 4)
	for _, name := range []string{"readings.csv", "readings.csv" + SidecarSuffix, "readings-2026-02.csv"} {
		if err := os.Remove(filepath.Join(filepath.Dir(o.Path), name)); err != nil {
			t.Fatal(err)
		}
	}
	startBehind(t, o, snap, list[4:])
	c, err := OpenChecker(o.Path, testLog)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.RestoreBase(snap); err != nil {
		t.Fatal(err)
	}
	if got := c.Missing(); !slices.Equal(got, []Span{{1, 4}}) {
		t.Errorf("missing %v", got)
	}
}

// TestAFileThatWasCutShortStays, as one that has ended: with a rotation or without, with
// its sidecar or without. How many rows are missing is told.
func TestAFileThatWasCutShortStays(t *testing.T) {
	list := year(t)
	for how, name := range map[string]string{RotateOff: "readings-000001.csv", RotateMonth: "readings-2026-02.csv"} {
		for _, lost := range []bool{false, true} {
			o := rotating(t, how)
			snap := trimmedAt(t, o, list[:6], 6)
			dir := filepath.Dir(o.Path)
			rows := strings.SplitAfter(readFile(t, o.Path), "\n")
			short := strings.Join(rows[:len(rows)-3], "") // up to row 4
			put(t, o.Path, short)
			if lost {
				if err := os.Remove(o.Path + SidecarSuffix); err != nil {
					t.Fatal(err)
				}
			}
			f := startBehind(t, o, snap, list[6:])
			n := f.notices[len(f.notices)-1]
			if n.Kind != BegunBehind || n.Row != 7 || n.Aside != "" || !slices.Equal(n.Files, []string{name}) || !slices.Equal(n.Missing, []Span{{5, 6}}) {
				t.Errorf("%s, lost %v: told %+v", how, lost, n)
			}
			if s := n.Text(vaiven.English); !strings.Contains(s, "2 rows are in no file any more: 5 to 6") || !strings.Contains(s, name) {
				t.Error(s)
			}
			if got := readFile(t, filepath.Join(dir, name)); got != short {
				t.Errorf("%s is\n%s", name, got)
			}
			o.Rotate = ""
			if f = startBehind(t, o, snap, list[6:]); len(f.notices) != 0 {
				t.Errorf("the second start told %v", f.notices)
			}
			if got, err := checkBehind(o.Path, snap, list[6:]); got != 8 || err != nil {
				t.Errorf("checked: %d rows, %v", got, err)
			}
		}
	}
}
