package csvfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven"
)

// moments are readings of one board at these moments of 2026 in Bogotá, as MM-DD HH:MM.
func moments(t *testing.T, when ...string) []vaiven.Entry {
	t.Helper()
	list := entries(len(when))
	for i, s := range when {
		at, err := time.Parse("2006-01-02 15:04 -07", "2026-"+s+" -05")
		if err != nil {
			t.Fatal(err)
		}
		list[i].Event.(*vaiven.Reading).At = at.UnixMilli()
	}
	return list
}

// year are rows of a few months, one of which comes late.
func year(t *testing.T) []vaiven.Entry {
	return moments(t, "01-31 23:58", "01-31 23:59", "02-01 00:00", "02-01 12:00", "01-31 10:00", "02-02 09:00", "04-30 10:00", "05-01 00:00")
}

// files are the names and contents of a folder's CSVs.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, p := range paths {
		all[filepath.Base(p)] = readFile(t, p)
	}
	return all
}

// rowIDs are the files' names with the IDdato of all their rows.
func rowIDs(all map[string]string) string {
	var out []string
	for name, content := range all {
		var ids []string
		for _, line := range strings.Split(strings.TrimSpace(content), "\n")[1:] {
			id, _, _ := strings.Cut(line, ",")
			ids = append(ids, id)
		}
		out = append(out, strings.TrimSuffix(name, ".csv")+" "+strings.Join(ids, ","))
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

func rotating(t *testing.T, how string) Options {
	o := options(filepath.Join(t.TempDir(), "readings.csv"))
	o.Rotate = how
	return o
}

func TestFilesEndByMonthDayAndRows(t *testing.T) {
	for how, want := range map[string]string{
		RotateMonth: "readings 8; readings-2026-01 1,2; readings-2026-02 3,4,5,6; readings-2026-04 7",
		RotateDay:   "readings 8; readings-2026-01-31 1,2; readings-2026-02-01 3,4,5; readings-2026-02-02 6; readings-2026-04-30 7",
		"rows=3":    "readings 7,8; readings-000001 1,2,3; readings-000002 4,5,6",
		"rows=1":    "readings 8; readings-000001 1; readings-000002 2; readings-000003 3; readings-000004 4; readings-000005 5; readings-000006 6; readings-000007 7",
		"rows=8":    "readings 1,2,3,4,5,6,7,8",
		RotateOff:   "readings 1,2,3,4,5,6,7,8",
		"":          "readings 1,2,3,4,5,6,7,8",
	} {
		for _, together := range []bool{false, true} {
			o := rotating(t, how)
			f := mustOpen(t, o, nil)
			if together { // all in one record
				if err := f.Apply(2, year(t)); err != nil {
					t.Fatal(err)
				}
			} else {
				again(t, f, year(t))
			}
			if err := f.Close(); err != nil || len(f.notices) != 0 || f.Rows() != 8 {
				t.Errorf("%s: %v, notices %v, %d rows", how, err, f.notices, f.Rows())
			}
			all := files(t, filepath.Dir(o.Path))
			if got := rowIDs(all); got != want {
				t.Errorf("%q, together %v: %s\nwant %s", how, together, got, want)
			}
			for name, content := range all {
				if !strings.HasPrefix(content, "IDdato,") {
					t.Errorf("%s has no header", name)
				}
			}
			if rows, err := check(o.Path, testLog, year(t)); err != nil || rows != 8 {
				t.Errorf("%s: checked: %d rows, %v", how, rows, err)
			}
		}
	}
}

// TestPeriodsAreThoseOfTIMEFLAG: the zone of the file, not UTC.
func TestPeriodsAreThoseOfTIMEFLAG(t *testing.T) {
	o := rotating(t, RotateMonth)
	o.Zone = "Asia/Kathmandu"
	_ = mustOpen(t, o, moments(t, "01-31 13:14", "01-31 13:15")).Close() // 23:59 there, and 00:00
	if got := rowIDs(files(t, filepath.Dir(o.Path))); got != "readings 2; readings-2026-01 1" {
		t.Error(got)
	}
}

// TestTheSpreadsheetsFileEndsLikewise, and its numbers go on.
func TestTheSpreadsheetsFileEndsLikewise(t *testing.T) {
	o := rotating(t, RotateDay)
	o.Dialect, o.Path = ExcelES, filepath.Join(filepath.Dir(o.Path), "readings-excel.csv")
	if err := mustOpen(t, o, year(t)).Close(); err != nil {
		t.Fatal(err)
	}
	all := files(t, filepath.Dir(o.Path))
	if got := all["readings-excel-2026-02-02.csv"]; got != "\ufeffIDdato;IDdevice;TIMEFLAG;TEMP;HUM\r\n6;lora.3;202602020900;20,5;55\r\n" || len(all) != 5 {
		t.Errorf("%d files, %q", len(all), got)
	}
	if rows, err := check(o.Path, testLog, year(t)); err != nil || rows != 8 {
		t.Errorf("checked: %d rows, %v", rows, err)
	}
}

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
		front := readFile(t, b.Path)
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
		for name, step := range steps {
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
			if older { // as a vaiven of before wrote it
				var s map[string]any
				_ = json.Unmarshal(snap, &s)
				if s["first"] != 1.0 {
					continue
				}
				delete(s, "first")
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

// TestAnotherRotationAppliesToTheNextRow: what is in the file stays there.
func TestAnotherRotationAppliesToTheNextRow(t *testing.T) {
	list := year(t)
	o := rotating(t, "")
	step := func(how string, n int, want string) {
		t.Helper()
		o.Rotate = how
		f := mustOpen(t, o, list[:n])
		if err := f.Close(); err != nil || len(f.notices) != 0 {
			t.Errorf("%v, notices %v", err, f.notices)
		}
		if got := rowIDs(files(t, filepath.Dir(o.Path))); got != want {
			t.Errorf("%s up to %d: %s\nwant %s", how, n, got, want)
		}
		if rows, err := check(o.Path, testLog, list[:n]); err != nil || rows != uint64(n) {
			t.Errorf("checked: %d rows, %v", rows, err)
		}
	}
	step("", 3, "readings 1,2,3")
	step("rows=2", 3, "readings 1,2,3")
	step("", 4, "readings 4; readings-000001 1,2,3") // as before: rows=2
	step(RotateDay, 5, "readings 4,5; readings-000001 1,2,3")
	step(RotateDay, 6, "readings 6; readings-000001 1,2,3; readings-2026-02-01 4,5")
	step(RotateOff, 8, "readings 6,7,8; readings-000001 1,2,3; readings-2026-02-01 4,5")
	step("", 8, "readings 6,7,8; readings-000001 1,2,3; readings-2026-02-01 4,5")
	for _, wrong := range []string{"week", "rows=0", "rows=", "rows=-1", "month "} {
		o.Rotate = wrong
		if _, err := Open(o); !errors.Is(err, errRotation) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// TestFinishedFilesAreThePersons: deleted or edited they are told, not written again;
// the current file is held to the log as ever.
func TestFinishedFilesAreThePersons(t *testing.T) {
	list := year(t)
	o := rotating(t, RotateMonth)
	if err := mustOpen(t, o, list).Close(); err != nil {
		t.Fatal(err)
	}
	all := files(t, filepath.Dir(o.Path))
	feb := filepath.Join(filepath.Dir(o.Path), "readings-2026-02.csv")
	if err := os.Remove(filepath.Join(filepath.Dir(o.Path), "readings-2026-01.csv")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content string
		line    uint64
	}{
		"a value":   {strings.Replace(all["readings-2026-02.csv"], ",20.4,", ",20.5,", 1), 4},
		"a note":    {all["readings-2026-02.csv"] + "mis notas\n", 6},
		"cut short": {all["readings-2026-02.csv"][:60], 2},
	} {
		put(t, feb, c.content)
		put(t, o.Path, all["readings.csv"]+"mis notas\n")
		f := mustOpen(t, o, list)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if len(f.notices) != 3 || f.notices[0].Kind != FinishedGone || f.notices[1].Kind != FinishedChanged || f.notices[2].Kind != Edited {
			t.Errorf("%s: notices %v", name, f.notices)
		}
		if got := readFile(t, feb); got != c.content {
			t.Errorf("%s was written again: %s", name, got)
		}
		if got := readFile(t, o.Path); got != all["readings.csv"] {
			t.Errorf("%s: the current file is %s", name, got)
		}
		for _, n := range f.notices {
			for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
				if s := n.Text(l); !strings.Contains(s, "readings") || strings.Contains(s, "%!") {
					t.Error(s)
				}
			}
			_ = os.Remove(n.Aside)
		}
		var gone *MissingFileError
		if _, err := check(o.Path, testLog, list); !errors.As(err, &gone) || gone.First != 1 || gone.Last != 2 {
			t.Errorf("checked: %v", err)
		}
		jan := filepath.Join(filepath.Dir(o.Path), "readings-2026-01.csv")
		put(t, jan, all["readings-2026-01.csv"])
		var wrong *DiscrepancyError
		if _, err := check(o.Path, testLog, list); !errors.As(err, &wrong) || wrong.Line != c.line || wrong.Path != feb {
			t.Errorf("%s: checked: %v", name, err)
		}
		if err := os.Remove(jan); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFinishedFilesShowWhatTheLogHasLost, as the current one does.
func TestFinishedFilesShowWhatTheLogHasLost(t *testing.T) {
	list := year(t)
	o := rotating(t, RotateMonth)
	if err := mustOpen(t, o, list).Close(); err != nil {
		t.Fatal(err)
	}
	want := files(t, filepath.Dir(o.Path))
	for n := range len(list) - 1 {
		f, err := open(t, o, list[:n])
		var lost *LostRecordsError
		if !errors.As(err, &lost) || lost.Rows != uint64(n) || lost.More != uint64(7-n) {
			t.Errorf("a log of %d: %v", n, err)
		}
		_ = f.Close()
		if got := files(t, filepath.Dir(o.Path)); !maps.Equal(got, want) {
			t.Errorf("a log of %d: the files were changed", n)
		}
		if _, err := check(o.Path, testLog, list[:n]); err == nil {
			t.Errorf("a log of %d: checked", n)
		}
	}
}

// TestOtherColumnsSetAllFilesAside, also when the start that does so dies, and when
// the sidecar was lost the finished files that are right are taken up again.
func TestOtherColumnsSetAllFilesAside(t *testing.T) {
	list := year(t)
	o := rotating(t, RotateMonth)
	if err := mustOpen(t, o, list).Close(); err != nil {
		t.Fatal(err)
	}
	before := files(t, filepath.Dir(o.Path))
	dir := filepath.Dir(o.Path)
	if err := os.Rename(filepath.Join(dir, "readings-2026-01.csv"), filepath.Join(dir, "x")); err != nil { // as a start that died
		t.Fatal(err)
	}
	o.Columns, o.Rotate = []string{"HUM"}, ""
	f := mustOpen(t, o, list)
	if err := f.Close(); err != nil || len(f.notices) != 2 || f.notices[0].Kind != FinishedAside || f.notices[0].Count != 2 {
		t.Errorf("%v, notices %v", err, f.notices)
	}
	after := files(t, dir)
	if len(after) != 4+3 || !strings.HasPrefix(after["readings-2026-04.csv"], "IDdato,IDdevice,TIMEFLAG,HUM\n7,") {
		t.Errorf("the files are %s", rowIDs(after))
	}
	if after["readings-2026-02.before-20261122-091500.csv"] != before["readings-2026-02.csv"] {
		t.Error("a finished file was not kept")
	}
	if err := os.Remove(o.Path + SidecarSuffix); err != nil {
		t.Fatal(err)
	}
	o.Rotate = RotateMonth
	if err := mustOpen(t, o, list).Close(); err != nil {
		t.Fatal(err)
	}
	lost := files(t, dir)
	maps.DeleteFunc(lost, func(name, _ string) bool { return strings.Contains(name, ".edited-") })
	if !maps.Equal(lost, after) {
		t.Errorf("without its sidecar: %s", rowIDs(lost))
	}
}

// TestANameThatIsTakenIsLeftAlone: somebody's file lies where one is to end.
func TestANameThatIsTakenIsLeftAlone(t *testing.T) {
	o := rotating(t, RotateMonth)
	put(t, filepath.Join(filepath.Dir(o.Path), "readings-2026-01.csv"), "mine\n")
	if err := mustOpen(t, o, year(t)).Close(); err != nil {
		t.Fatal(err)
	}
	all := files(t, filepath.Dir(o.Path))
	if all["readings-2026-01.csv"] != "mine\n" || !strings.Contains(all["readings-2026-01-2.csv"], "\n2,") {
		t.Error(rowIDs(all))
	}
	if rows, err := check(o.Path, testLog, year(t)); err != nil || rows != 8 {
		t.Errorf("checked: %d rows, %v", rows, err)
	}
}

// TestALinkLeadsToTheFinishedFilesToo: they lie where the rows are, not where the link is.
func TestALinkLeadsToTheFinishedFilesToo(t *testing.T) {
	o := rotating(t, RotateMonth)
	stick := t.TempDir()
	if err := os.Symlink(filepath.Join(stick, "r.csv"), o.Path); err != nil {
		t.Fatal(err)
	}
	f := mustOpen(t, o, year(t))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := rowIDs(files(t, stick)); got != "r 8; readings-2026-01 1,2; readings-2026-02 3,4,5,6; readings-2026-04 7" {
		t.Error(got)
	}
	if rows, err := check(o.Path, testLog, year(t)); err != nil || rows != 8 {
		t.Errorf("checked: %d rows, %v", rows, err)
	}
}

// TestAFolderThatIsAwayWhenAFileEnds: the rows wait, each is written once.
func TestAFolderThatIsAwayWhenAFileEnds(t *testing.T) {
	list := year(t)
	root := t.TempDir()
	stick, pocket := filepath.Join(root, "stick"), filepath.Join(root, "pocket")
	if err := os.Mkdir(stick, 0o755); err != nil {
		t.Fatal(err)
	}
	o := options(filepath.Join(stick, "readings.csv"))
	o.Rotate = RotateMonth
	f := mustOpen(t, o, list[:2])
	if err := os.Rename(stick, pocket); err != nil {
		t.Fatal(err)
	}
	if err := f.Apply(9, list[2:]); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := f.Flush(); err == nil || rewinds(err) {
			t.Fatalf("without the folder: %v", err)
		}
	}
	if err := os.Rename(pocket, stick); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := rowIDs(files(t, stick)); got != "readings 8; readings-2026-01 1,2; readings-2026-02 3,4,5,6; readings-2026-04 7" {
		t.Error(got)
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
