package csvfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vaiven"
)

func TestASpreadsheetsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "readings-excel.csv")
	o := options(path)
	o.Dialect = ExcelES
	f := mustOpen(t, o, entries(2))
	if f.Name() == (&File{}).Name() {
		t.Error("it has the exact file's name in the checkpoint")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	want := "\ufeffIDdato;IDdevice;TIMEFLAG;TEMP;HUM\r\n1;101;202611220242;20;50\r\n2;007;202611220242;20,1;51\r\n"
	if got := readFile(t, path); got != want {
		t.Errorf("got %q", got)
	}
	if rows, err := check(path, testLog, entries(2)); err != nil || rows != 2 {
		t.Errorf("checked: %d, %v", rows, err)
	}
	// More rows than the log has say nothing of the log: it is no witness.
	if f, err := open(t, o, entries(1)); err != nil || len(f.notices) != 1 || f.notices[0].Kind != Edited {
		t.Errorf("ahead of the log: %v", err)
	}
}

// TestNoCellIsAFormula: what a spreadsheet would compute cannot begin a cell.
func TestNoCellIsAFormula(t *testing.T) {
	for _, c := range "=+-@\t\r|" {
		if d, err := vaiven.ParseDevice(string(c) + "A1"); err == nil {
			t.Errorf("%q may be a device", d)
		}
		if vaiven.ValidName(string(c) + "A1") {
			t.Errorf("%q may be a column", string(c)+"A1")
		}
	}
}

// TestShapesAreFixedAtCreation: other digits begin another file, none asked for
// keep what is there.
func TestShapesAreFixedAtCreation(t *testing.T) {
	path, exact := written(t, 3)
	o := options(path)
	reopen := func(digits int) *opened {
		o.Digits = digits
		f := mustOpen(t, o, entries(3))
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return f
	}
	if f := reopen(ThreeFigures); len(f.notices) != 1 || f.notices[0].Kind != OtherShape || readFile(t, f.notices[0].Aside) != exact {
		t.Errorf("three figures asked for: %v", f.notices)
	}
	three := readFile(t, path)
	if !strings.Contains(three, ",020,050\n") {
		t.Errorf("got\n%s", three)
	}
	if f := reopen(0); len(f.notices) != 0 || readFile(t, path) != three || f.Digits() != ThreeFigures {
		t.Errorf("nothing asked for: %v", f.notices)
	}
	if f := reopen(Exact); len(f.notices) != 1 || readFile(t, path) != exact {
		t.Errorf("exact asked for: %v", f.notices)
	}
}

// TestEveryShapeIsCompletedFromAnyCut: power cut or kill, the rows are whole at
// the next start, whatever the file's shape.
func TestEveryShapeIsCompletedFromAnyCut(t *testing.T) {
	for _, o := range []Options{{}, {Digits: ThreeFigures}, {Dialect: ExcelES}, {Dialect: ExcelES, Digits: ThreeFigures}} {
		t.Run(fmt.Sprintf("%s %d", o.Dialect, o.Digits), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "readings.csv")
			base := options(path)
			base.Digits, base.Dialect = o.Digits, o.Dialect
			if err := mustOpen(t, base, entries(6)).Close(); err != nil {
				t.Fatal(err)
			}
			want := readFile(t, path)
			for cut := range len(want) {
				put(t, path, want[:cut])
				f, err := open(t, base, entries(6))
				if err != nil {
					t.Fatalf("cut at %d: %v", cut, err)
				}
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
				for _, n := range f.notices {
					if n.Aside != "" {
						t.Fatalf("cut at %d: set aside", cut)
					}
				}
				if got := readFile(t, path); got != want {
					t.Fatalf("cut at %d: %q", cut, got)
				}
			}
		})
	}
}

func TestSidecarOfALaterDialectStops(t *testing.T) {
	path, _ := written(t, 1)
	side, err := os.ReadFile(path + SidecarSuffix)
	if err != nil {
		t.Fatal(err)
	}
	put(t, path+SidecarSuffix, strings.Replace(string(side), `"zone"`, `"dialect": "excel-fr", "zone"`, 1))
	if _, err := Open(options(path)); err == nil || errors.Is(err, errSidecar) {
		t.Errorf("opened: %v", err)
	}
}
