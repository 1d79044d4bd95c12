package csvfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven"
)

const testLog = "0123456789abcdef0123456789abcdef"

var testNow = time.Date(2026, 11, 22, 9, 15, 0, 0, time.UTC)

// entries are n readings of the workshop, one every 2 s, one per record.
func entries(n int) []vaiven.Entry {
	var list []vaiven.Entry
	for i := range n {
		list = append(list, vaiven.Entry{
			ID: vaiven.ID{Record: uint64(i) + 2},
			Event: &vaiven.Reading{
				Stamp:  vaiven.Stamp{At: 1795333377000 + int64(i)*2000, Offset: -5 * 3600, Synced: true},
				Device: []vaiven.Device{"101", "007", "lora.3"}[i%3],
				Values: []vaiven.Value{{Name: "TEMP", Num: 20 + float64(i%100)/10}, {Name: "HUM", Num: float64(50 + i%20)}},
			},
		})
	}
	return list
}

type opened struct {
	*File
	notices []Notice
}

func options(path string) Options {
	return Options{Path: path, Log: testLog, Zone: "America/Bogota", Now: func() time.Time { return testNow }}
}

// open opens the file and replays the readings, each as a record.
func open(t *testing.T, o Options, list []vaiven.Entry) (*opened, error) {
	t.Helper()
	f := &opened{}
	o.Notify = func(n Notice) { f.notices = append(f.notices, n) }
	var err error
	if f.File, err = Open(o); err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.Restore(nil); err != nil {
		return f, err
	}
	for _, e := range list {
		if err := f.Apply(e.ID.Record, []vaiven.Entry{e}); err != nil {
			return f, err
		}
	}
	return f, f.Replayed()
}

func mustOpen(t *testing.T, o Options, list []vaiven.Entry) *opened {
	t.Helper()
	f, err := open(t, o, list)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRowsAreAsTheProtocolSays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "readings.csv")
	f := mustOpen(t, options(path), entries(3))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	want := "IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n" +
		"1,101,202611220242,20,50\n" +
		"2,007,202611220242,20.1,51\n" +
		"3,lora.3,202611220243,20.2,52\n"
	if got := readFile(t, path); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if len(f.notices) != 0 {
		t.Errorf("notices: %v", f.notices)
	}
}

func TestFileCutAtEveryByteOfItsLastRowsIsCompleted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "readings.csv")
	list := entries(12)
	if err := mustOpen(t, options(path), list).Close(); err != nil {
		t.Fatal(err)
	}
	want := readFile(t, path)
	lines := strings.SplitAfter(want, "\n")
	last3 := len(strings.Join(lines[len(lines)-4:], ""))
	for cut := len(want) - last3; cut < len(want); cut++ {
		for _, tail := range []string{"", "\x00", strings.Repeat("\x00", 5000)} {
			if err := os.WriteFile(path, []byte(want[:cut]+tail), 0o644); err != nil {
				t.Fatal(err)
			}
			f := mustOpen(t, options(path), list)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if got := readFile(t, path); got != want {
				t.Fatalf("cut at %d with %d NULs: got\n%s", cut, len(tail), got)
			}
			for _, n := range f.notices {
				if n.Aside != "" {
					t.Fatalf("cut at %d: set aside: %s", cut, n.Text(vaiven.English))
				}
			}
		}
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(files) != 2 {
		t.Errorf("files: %v", files)
	}
}
