package csvfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven"
)

// kept reads what may be handed out, by name: its facts, and its content up to Bytes.
func kept(t *testing.T, path string) (names []string, facts map[string]vaiven.CSVFile, content map[string]string) {
	t.Helper()
	k, err := ReadKept(path)
	if err != nil {
		t.Fatal(err)
	}
	facts, content = map[string]vaiven.CSVFile{}, map[string]string{}
	for _, name := range append([]string{k.Current()}, k.Finished()...) {
		file, info, err := k.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(io.NewSectionReader(file, 0, info.Bytes))
		if err != nil || file.Close() != nil || int64(len(b)) != info.Bytes {
			t.Fatalf("%s: %d bytes of %d, %v", name, len(b), info.Bytes, err)
		}
		names, facts[name], content[name] = append(names, name), info, string(b)
	}
	return names, facts, content
}

// TestFilesThatMayBeHandedOut are those of the sidecar, newest first, with what is in
// them; in both dialects, and the growing one up to its last whole row.
func TestFilesThatMayBeHandedOut(t *testing.T) {
	for _, dialect := range []string{"", ExcelES} {
		o := rotating(t, RotateMonth)
		o.Dialect = dialect
		f := mustOpen(t, o, year(t))
		if err := f.Flush(); err != nil {
			t.Fatal(err)
		}
		all := files(t, filepath.Dir(o.Path))
		tear(t, o.Path, "9,101,2026") // a row that is being written
		names, facts, content := kept(t, o.Path)
		if want := []string{"readings.csv", "readings-2026-04.csv", "readings-2026-02.csv", "readings-2026-01.csv"}; !slices.Equal(names, want) {
			t.Errorf("%v, want %v", names, want)
		}
		for name, want := range all {
			if content[name] != want {
				t.Errorf("%s: %q, want %q", name, content[name], want)
			}
		}
		at := func(when string) int64 {
			return moments(t, when)[0].Event.Time().At
		}
		for name, want := range map[string]vaiven.CSVFile{
			"readings.csv":         {Rows: 1, From: at("05-01 00:00"), To: at("05-01 00:00"), Growing: true},
			"readings-2026-02.csv": {Rows: 4, From: at("02-01 00:00"), To: at("02-02 09:00")},
		} {
			got := facts[name]
			if got.Version == "" || got.Modified == 0 {
				t.Errorf("%+v", got)
			}
			want.Name, want.Bytes, want.Version, want.Modified = name, int64(len(all[name])), got.Version, got.Modified
			if got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
	}
}

// tear adds to a file what no newline ends.
func tear(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
}

// TestOnlyOursAreHandedOut: no path, no neighbour, and nothing that somebody put in the
// place of a finished file.
func TestOnlyOursAreHandedOut(t *testing.T) {
	o := rotating(t, RotateMonth)
	f := mustOpen(t, o, year(t))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(o.Path)
	put(t, filepath.Join(dir, "readings-2025-12.csv"), "nobody's\n")
	secret := filepath.Join(t.TempDir(), "readings-2026-02.csv")
	b, err := os.ReadFile(filepath.Join(dir, "readings-2026-02.csv"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, secret, string(b))
	put(t, filepath.Join(dir, "readings-2026-01.csv"), "edited\n")
	for _, err := range []error{os.Remove(filepath.Join(dir, "readings-2026-02.csv")), os.Symlink(secret, filepath.Join(dir, "readings-2026-02.csv"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	april := filepath.Join(dir, "readings-2026-04.csv") // other content of the same length, and a later date
	put(t, april, strings.Repeat("x", len(readFile(t, april))))
	if err := os.Chtimes(april, time.Time{}, testNow.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	names, _, _ := kept(t, o.Path)
	if !slices.Equal(names, []string{"readings.csv"}) {
		t.Errorf("handed out: %v", names)
	}
	k, err := ReadKept(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", "readings-2025-12.csv", "readings.csv.vaiven.json", "../readings.csv", "./readings.csv", o.Path, "READINGS.CSV", "readings.csv\x00"} {
		if _, _, err := k.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := ReadKept(filepath.Join(dir, "readings-2026-04.csv")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file without a sidecar: %v", err)
	}
}

// TestVersionsOfAGrowingFile stay while it grows, and are others of another log, other
// columns, digits and zone.
func TestVersionsOfAGrowingFile(t *testing.T) {
	version := func(o Options, n int) string {
		f := mustOpen(t, o, entries(n))
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		_, facts, _ := kept(t, o.Path)
		return facts["readings.csv"].Version
	}
	path := filepath.Join(t.TempDir(), "readings.csv")
	o := options(path)
	first := version(o, 3)
	if got := version(o, 500); got != first {
		t.Errorf("it grew: %s, then %s", first, got)
	}
	seen := map[string]string{first: "first"}
	for i, change := range []func(*Options){
		func(o *Options) { o.Log = strings.Repeat("f", 32) },
		func(o *Options) { o.Columns = []string{"HUM"} },
		func(o *Options) { o.Digits = ThreeFigures },
		func(o *Options) { o.Zone = "UTC" },
	} {
		other := options(filepath.Join(t.TempDir(), "readings.csv"))
		change(&other)
		got := version(other, 3)
		if seen[got] != "" {
			t.Errorf("change %d is called as %s", i, seen[got])
		}
		seen[got] = fmt.Sprint("change ", i)
	}
}

// TestRowsThatAreTooLongForALook: nothing is guessed of them.
func TestRowsThatAreTooLongForALook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "readings.csv")
	f := mustOpen(t, options(path), entries(2))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	tear(t, path, "3,101,202611222016,"+strings.Repeat("9,", endBytes)+"\n")
	_, facts, content := kept(t, path)
	if got := facts["readings.csv"]; got.Rows != 0 || got.To != 0 || !strings.HasSuffix(content["readings.csv"], ",\n") {
		t.Errorf("%+v", got)
	}
}
