package csvfile

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vaiven"
)

// written makes a file of n readings and returns its path and content.
func written(t *testing.T, n int) (path, content string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "readings.csv")
	if err := mustOpen(t, options(path), entries(n)).Close(); err != nil {
		t.Fatal(err)
	}
	return path, readFile(t, path)
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAPersonsEditIsKeptAsideAndOursBuiltAgain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	path, want := written(t, 40)
	list := entries(40)
	for i := range 300 {
		at, to := rnd.IntN(len(want)), 0
		to = at + rnd.IntN(min(40, len(want)-at)+1)
		text := []string{"", "x", "9", ",", "\n", "1,101,", "comentario, con coma\n", "\r\n", "\x00\x00"}[rnd.IntN(9)]
		edited := want[:at] + text + want[to:]
		put(t, path, edited)
		f, err := open(t, options(path), list)
		if err != nil {
			t.Fatalf("edit %d: %v", i, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, path); got != want {
			t.Fatalf("edit %d, %q for %q: the file is\n%s", i, text, want[at:to], got)
		}
		// What begins like ours may be cut off or completed; all else is kept.
		stripped := strings.TrimRight(edited, "\x00")
		if strings.HasPrefix(want, stripped) {
			continue
		}
		if len(f.notices) != 1 || f.notices[0].Aside == "" || f.notices[0].Line == 0 {
			t.Fatalf("edit %d, %q for %q: notices %v", i, text, want[at:to], f.notices)
		}
		if got := readFile(t, f.notices[0].Aside); got != edited {
			t.Fatalf("edit %d: kept aside:\n%s", i, got)
		}
		if err := os.Remove(f.notices[0].Aside); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoticesNameFileAndLine(t *testing.T) {
	path, want := written(t, 5)
	put(t, path, strings.Replace(want, "3,lora.3", "3,lora.4", 1)+"mis notas\n")
	f := mustOpen(t, options(path), entries(5))
	n := f.notices[0]
	if n.Kind != Edited || n.Line != 4 || filepath.Base(n.Aside) != "readings.edited-20261122-091500.csv" {
		t.Errorf("%+v", n)
	}
	for _, kind := range []Kind{Edited, Damaged, OtherLog, OtherShape, TornRow, NULTail, SidecarDamaged} {
		for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
			s := Notice{Kind: kind, Path: path, Aside: "kept.csv", Line: 4}.Text(l)
			if !strings.Contains(s, "readings.csv") || strings.Contains(s, "%!") {
				t.Error(s)
			}
		}
	}
}

func TestFileThatKnowsMoreThanTheLog(t *testing.T) {
	path, want := written(t, 10)
	for more, tail := range map[uint64]string{3: "", 1: "\x00"} {
		content := want
		if tail != "" {
			content = want[:strings.LastIndex(want[:len(want)-1], "\n")-10]
		}
		put(t, path, content)
		f, err := open(t, options(path), entries(7+map[uint64]int{3: 0, 1: 1}[more]))
		if f != nil && f.File != nil {
			_ = f.Close() // another opens it next
		}
		var lost *LostRecordsError
		if !errors.As(err, &lost) || lost.More != more || !lost.Fatal() {
			t.Errorf("want %d more: %v", more, err)
			continue
		}
		if got := readFile(t, path); got != content {
			t.Error("the file, which is the witness, was changed")
		}
		if s := lost.Text(vaiven.Spanish); !strings.Contains(s, "ha perdido datos") {
			t.Error(s)
		}
	}
}

func TestWhatFollowsOurRowsIsAPersonsUnlessItContinuesThem(t *testing.T) {
	path, want := written(t, 5)
	for tail, kind := range map[string]Kind{
		"notas\n":                         Edited,
		"7,101,202611220242,20,50\n":      Edited, // not the next IDdato
		"6,1,202611220242,20,50\n":        Edited, // a device has three digits
		"6,101,20261122024,20,50\n":       Edited,
		"6,101,202611310242,20,50\n":      Edited, // no such day
		"6,101,202611220242,20.0,50\n":    Edited, // not as we write numbers
		"6,101,202611220242,20,50,1\n":    Edited,
		"6,101,202611220242,20,50\r\n":    Edited,
		"6,101,202611220242,20,1e999\n":   Edited,
		"6":                               Edited,
		"\x00\x00\x00":                    NULTail,
		"\x00\x007,101\n":                 Damaged,
		strings.Repeat("\x00", 3*flushAt): NULTail,
	} {
		put(t, path, want+tail)
		f, err := open(t, options(path), entries(5))
		if err != nil {
			t.Errorf("%.20q: %v", tail, err)
			continue
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if len(f.notices) != 1 || f.notices[0].Kind != kind {
			t.Errorf("%.20q: %v", tail, f.notices)
		}
		for _, n := range f.notices {
			_ = os.Remove(n.Aside) // ten beside each other are enough
		}
		if got := readFile(t, path); got != want {
			t.Errorf("%.20q: the file is\n%.500s", tail, got)
		}
	}
}

func TestFileOfAnotherLogIsSetAside(t *testing.T) {
	path, want := written(t, 5)
	o := options(path)
	o.Log = strings.Repeat("f", 32)
	f := mustOpen(t, o, entries(2))
	if len(f.notices) != 1 || f.notices[0].Kind != OtherLog {
		t.Fatalf("notices %v", f.notices)
	}
	aside := f.notices[0].Aside
	if readFile(t, aside) != want {
		t.Error("what was set aside differs")
	}
	if s, err := ReadSidecar(aside); err != nil || s.Log != testLog {
		t.Errorf("its sidecar: %+v, %v", s, err)
	}
	if s, err := ReadSidecar(path); err != nil || s.Log != o.Log {
		t.Errorf("the new sidecar: %+v, %v", s, err)
	}
}

func TestColumnsAndZoneAreFixedAtCreation(t *testing.T) {
	path, want := written(t, 3)
	o := options(path)
	o.Zone, o.Columns = "", []string{}
	t.Setenv("TZ", "Europe/Madrid")
	f := mustOpen(t, o, entries(3))
	if len(f.notices) != 0 || f.Zone() != "America/Bogota" || f.Rows() != 3 {
		t.Errorf("zone %s, notices %v", f.Zone(), f.notices)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	o.Columns, o.Zone = []string{"HUM", "CO2"}, "Asia/Kathmandu"
	f = mustOpen(t, o, entries(3))
	if len(f.notices) != 1 || f.notices[0].Kind != OtherShape || readFile(t, f.notices[0].Aside) != want {
		t.Errorf("notices %v", f.notices)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	got := readFile(t, path)
	if !strings.HasPrefix(got, "IDdato,IDdevice,TIMEFLAG,HUM,CO2\n1,101,202611221327,50,\n") {
		t.Errorf("the new file is\n%s", got)
	}
}

func TestSidecarThatIsGoneOrDamaged(t *testing.T) {
	path, want := written(t, 5)
	side := path + SidecarSuffix
	for name, content := range map[string]string{"gone": "", "damaged": "{\"version\":1,"} {
		if err := os.Remove(side); err != nil {
			t.Fatal(err)
		}
		if content != "" {
			put(t, side, content)
		}
		f := mustOpen(t, options(path), entries(5))
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, path); got != want {
			t.Errorf("%s: the file is\n%s", name, got)
		}
		if s, err := ReadSidecar(path); err != nil || s.Zone != "America/Bogota" {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		if (len(f.notices) == 1) != (content != "") {
			t.Errorf("%s: notices %v", name, f.notices)
		}
	}
	put(t, side, `{"version":99,"log":"x","zone":"UTC"}`)
	if _, err := Open(options(path)); err == nil || !strings.Contains(err.Error(), "later vaiven") {
		t.Errorf("a later version: %v", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	o := options(filepath.Join(t.TempDir(), "no", "such", "folder.csv"))
	if _, err := Open(o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	o = options(filepath.Join(t.TempDir(), "r.csv"))
	o.Zone = "Mars/Olympus"
	if _, err := Open(o); err == nil {
		t.Error("a zone that does not exist")
	}
	if files, _ := os.ReadDir(filepath.Dir(o.Path)); len(files) != 0 {
		t.Errorf("a failed Open leaves %v", files)
	}
}

func TestRestoreContinuesWhereTheSnapshotWas(t *testing.T) {
	path, want := written(t, 20)
	list := entries(20)
	put(t, path, want[:strings.Index(want, "\n13,")+1])
	f := mustOpen(t, options(path), list[:12])
	snap, err := f.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	head := readFile(t, path)
	for name, c := range map[string]struct {
		content string
		ok      bool
	}{
		"as it was":        {head, true},
		"with more rows":   {want, true},
		"with a torn row":  {want[:len(want)-7], true},
		"edited before":    {strings.Replace(want, "2,007", "2,008", 1), false},
		"cut before":       {head[:len(head)-1], false},
		"gone":             {"", false},
		"with NULs behind": {head + "\x00\x00", true},
	} {
		put(t, path, c.content)
		g, err := Open(options(path))
		if err != nil {
			t.Fatal(err)
		}
		from := 12
		if err := g.Restore(snap); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		} else if err != nil {
			if err := g.Restore(nil); err != nil {
				t.Fatal(err)
			}
			from = 0
		}
		for _, e := range list[from:] {
			if err := g.Apply(e.ID.Record, []vaiven.Entry{e}); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.Replayed(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, path); got != want || g.Rows() != 20 {
			t.Errorf("%s: %d rows\n%s", name, g.Rows(), got)
		}
	}
	g := mustOpen(t, options(path), list)
	if err := g.Restore([]byte("{")); err == nil {
		t.Error("a snapshot that is not one")
	}
}
