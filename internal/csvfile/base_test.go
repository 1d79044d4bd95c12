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

// TestALogThatBeginsLater restores a file behind row 20 of 40, whatever became of it:
// what the log does not have stays as it is, or is said to be missing; the rest is as
// the log says, with the right IDdato.
func TestALogThatBeginsLater(t *testing.T) {
	const base = 20
	list := entries(40)
	source := filepath.Join(t.TempDir(), "readings.csv")
	f := mustOpen(t, options(source), list[:base])
	snap, err := f.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list[base:] {
		if err := f.Apply(e.ID.Record, []vaiven.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	want, side := readFile(t, source), readFile(t, source+SidecarSuffix)
	rows := strings.SplitAfter(want, "\n")
	tail := rows[0] + strings.Join(rows[base+1:], "")
	edited := strings.Replace(want, "\n7,101,", "\n7,102,", 1)
	for name, c := range map[string]struct {
		csv, side string // what is there; "" nothing
		then      string // what the file is then
		told      []Kind
		wrong     bool // verify says so
	}{
		"as it was":         {want, side, want, nil, false},
		"gone":              {"", side, tail, []Kind{BegunBehind}, false},
		"gone with sidecar": {"", "", tail, []Kind{BegunBehind}, false},
		"sidecar lost":      {want, "", want, nil, false},
		"edited before":     {edited, side, edited, []Kind{EditedBefore}, true},
		"edited behind":     {strings.Replace(want, "\n31,101", "\n31,102", 1), side, want, []Kind{Edited}, false},
		"cut short":         {strings.Join(rows[:12], ""), side, tail, []Kind{BegunBehind}, false},
		"another file":      {"a,b\n1,2\n", side, tail, []Kind{BegunBehind}, false},
		"begun later":       {rows[0] + strings.Join(rows[11:], ""), "", rows[0] + strings.Join(rows[11:], ""), nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(filepath.Join(t.TempDir(), "readings.csv"))
			if c.csv != "" {
				put(t, o.Path, c.csv)
			}
			if c.side != "" {
				put(t, o.Path+SidecarSuffix, c.side)
			}
			for round := range 2 { // the second start finds what the first one left
				var told []Kind
				o.Notify = func(n Notice) {
					told = append(told, n.Kind)
					for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
						if s := n.Text(l); !strings.Contains(s, "readings") || strings.Contains(s, "%!") {
							t.Error(s)
						}
					}
				}
				g, err := Open(o)
				if err != nil {
					t.Fatal(err)
				}
				if err := g.RestoreBase(snap); err != nil {
					t.Fatal(err)
				}
				for _, e := range list[base:] {
					if err := g.Apply(e.ID.Record, []vaiven.Entry{e}); err != nil {
						t.Fatal(err)
					}
				}
				if err := g.Replayed(); err != nil {
					t.Fatal(err)
				}
				if err := g.Close(); err != nil || g.Rows() != 40 {
					t.Fatalf("%d rows, %v", g.Rows(), err)
				}
				if got := readFile(t, o.Path); got != c.then {
					t.Fatalf("round %d: the file is\n%s", round, got)
				}
				if name == "cut short" && readFile(t, filepath.Join(filepath.Dir(o.Path), "readings-000001.csv")) != c.csv {
					t.Error("what was left was not kept")
				}
				if round == 0 && fmt.Sprint(told) != fmt.Sprint(c.told) {
					t.Errorf("told %v, want %v", told, c.told)
				}
			}
			n, err := checkBehind(o.Path, snap, list[base:])
			var changed *ChangedBeforeError
			if n != 40 && !c.wrong || errors.As(err, &changed) != c.wrong || err != nil && !c.wrong {
				t.Errorf("checked: %d rows, %v", n, err)
			}
		})
	}
	if _, err := os.Stat(source); err != nil {
		t.Error(err)
	}
}

// checkBehind checks a file as verify does for a log that was trimmed.
func checkBehind(path string, snap []byte, list []vaiven.Entry) (uint64, error) {
	c, err := OpenChecker(path, testLog)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	if err := c.RestoreBase(snap); err != nil {
		return 0, err
	}
	for _, e := range list {
		if err := c.Apply(e.ID.Record, []vaiven.Entry{e}); err != nil {
			return 0, err
		}
	}
	return c.Finish()
}
