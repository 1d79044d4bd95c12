package csvfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vaiven"
)

// edit changes the file as a person does who saves it in a spreadsheet.
func edit(t *testing.T, path string) { put(t, path, readFile(t, path)+"mis notas\n") }

// TestSetAsideFilesAreBounded: at a start the eleventh is refused, nothing is
// lost, and moving one away lets it go on.
func TestSetAsideFilesAreBounded(t *testing.T) {
	path, want := written(t, 5)
	var asides []string
	for range maxAside {
		edit(t, path)
		f := mustOpen(t, options(path), entries(5))
		asides = append(asides, f.notices[0].Aside)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	edit(t, path)
	edited := readFile(t, path)
	f, err := open(t, options(path), entries(5))
	var full *AsideError
	if !errors.As(err, &full) || full.Many != maxAside || !full.Rewind() {
		t.Fatalf("the eleventh: %v", err)
	}
	if s := full.Text(vaiven.Spanish); s == full.Text(vaiven.English) {
		t.Error(s)
	}
	if err := f.Restore(nil); !errors.As(err, &full) {
		t.Errorf("again: %v", err)
	}
	if readFile(t, path) != edited {
		t.Error("the edited file was touched")
	}
	if err := os.Rename(asides[0], filepath.Join(t.TempDir(), "away")); err != nil {
		t.Fatal(err)
	}
	again(t, f, entries(5))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, path); got != want {
		t.Errorf("got\n%s", got)
	}
}

// TestOneIsSetAsideAMinute: whatever writes into the file all the time does not
// make a copy each time, and the rows come when it has stopped.
func TestOneIsSetAsideAMinute(t *testing.T) {
	now := testNow
	path := filepath.Join(t.TempDir(), "readings.csv")
	o := options(path)
	o.Now = func() time.Time { return now }
	list := entries(9)
	f := mustOpen(t, o, list[:3])
	for i, moment := range []time.Duration{0, 59 * time.Second, time.Minute} {
		now = testNow.Add(moment)
		edit(t, path)
		if i == 1 {
			err := f.Apply(7, list[3:4])
			if err == nil {
				err = f.Flush()
			}
			if !rewinds(err) {
				t.Fatalf("Flush: %v", err)
			}
			var soon *AsideError
			if err := refill(f, list[:4]); !errors.As(err, &soon) || soon.Many != 0 {
				t.Fatalf("within the minute: %v", err)
			}
			continue
		}
		if i == 0 {
			if err := f.Apply(6, list[3:4]); err != nil {
				t.Fatal(err)
			}
			if err := f.Flush(); !rewinds(err) {
				t.Fatalf("Flush: %v", err)
			}
		}
		if err := refill(f, list[:4]); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, want := written(t, 4)
	if got := readFile(t, path); got != want || len(f.notices) != 2 {
		t.Errorf("%d notices, got\n%s", len(f.notices), got)
	}
}

// refill builds the file again, as the pump does after an error that rewinds.
func refill(f *opened, list []vaiven.Entry) error {
	if err := f.Restore(nil); err != nil {
		return err
	}
	for _, e := range list {
		if err := f.Apply(e.ID.Record, []vaiven.Entry{e}); err != nil {
			return err
		}
	}
	return f.Replayed()
}
