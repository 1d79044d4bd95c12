package csvfile

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vaiven"
)

// TestFinishedFilesAreFoundAgain: the sidecar is lost or damaged, the log begins behind
// row 4 or not. All files count as before, and the next ones end as the names say.
func TestFinishedFilesAreFoundAgain(t *testing.T) {
	list := year(t)
	for _, how := range []string{RotateMonth, RotateDay, "rows=3"} {
		for _, trimmed := range []bool{false, true} {
			for _, damaged := range []bool{false, true} {
				t.Run(fmt.Sprint(how, trimmed, damaged), func(t *testing.T) {
					o := rotating(t, how)
					snap := trimmedAt(t, o, list, 4)
					dir := filepath.Dir(o.Path)
					before := files(t, dir)
					put(t, filepath.Join(dir, "readings-2020-01.csv"), "mine\n")
					told := []Kind{FinishedFound, FinishedUnknown}
					if damaged {
						put(t, o.Path+SidecarSuffix, "{")
						told = slices.Insert(told, 0, SidecarDamaged)
					} else if err := os.Remove(o.Path + SidecarSuffix); err != nil {
						t.Fatal(err)
					}
					o.Rotate = ""
					for round := range 2 {
						from := 4
						if !trimmed {
							from, snap = 0, nil
						}
						f := startBehind(t, o, snap, list[from:])
						var got []Kind
						for _, n := range f.notices {
							got = append(got, n.Kind)
							for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
								if s := n.Text(l); strings.Contains(s, "%!") || !strings.Contains(s, "readings") {
									t.Error(s)
								}
							}
						}
						if round == 0 && !slices.Equal(got, told) || round == 1 && len(got) != 0 {
							t.Errorf("round %d: told %v", round, got)
						}
						if n, err := checkBehind(o.Path, snap, list[from:]); n != 8 || err != nil {
							t.Errorf("checked: %d rows, %v", n, err)
						}
					}
					after := files(t, dir)
					delete(after, "readings-2020-01.csv")
					if !maps.Equal(after, before) {
						t.Errorf("the files are %s", rowIDs(after))
					}
					side, err := ReadSidecar(o.Path)
					if err != nil || side.Rotate != how || len(side.Finished) != len(before)-1 || side.missing() != nil {
						t.Errorf("the sidecar is %+v, %v", side, err)
					}
				})
			}
		}
	}
}

// TestFilesThatDoNotLeadUpToTheCurrentOne are named, and the rows that are in no file.
func TestFilesThatDoNotLeadUpToTheCurrentOne(t *testing.T) {
	list := year(t)
	o := rotating(t, RotateMonth)
	snap := trimmedAt(t, o, list, 7)
	for _, name := range []string{"readings-2026-02.csv", "readings.csv" + SidecarSuffix} {
		if err := os.Remove(filepath.Join(filepath.Dir(o.Path), name)); err != nil {
			t.Fatal(err)
		}
	}
	o.Rotate = ""
	f := startBehind(t, o, snap, list[7:])
	if len(f.notices) != 2 || !slices.Equal(f.notices[0].Files, []string{"readings-2026-04.csv"}) ||
		!slices.Equal(f.notices[0].Missing, []Span{{1, 6}}) || !slices.Equal(f.notices[1].Files, []string{"readings-2026-01.csv"}) {
		t.Errorf("told %v", f.notices)
	}
}

func TestNoFolderHasNoFiles(t *testing.T) {
	if names, err := NamedAsFinished(filepath.Join(t.TempDir(), "stick", "r.csv")); names != nil || err != nil {
		t.Errorf("%v, %v", names, err)
	}
}
