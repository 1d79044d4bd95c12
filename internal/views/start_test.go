package views_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/csvfile"
	"vaiven/internal/registry"
	"vaiven/internal/stream"
	"vaiven/internal/views"
	"vaiven/internal/views/verify"
)

// folder is a data folder's views, open.
type folder struct {
	dir     string
	csv     *csvfile.File
	reg     *registry.Registry
	pump    *views.Pump
	notices []string
}

func csvPath(dir string) string { return filepath.Join(dir, "readings.csv") }

func openFolder(src views.Source, dir string) (*folder, error) {
	f := &folder{dir: dir, reg: registry.New()}
	var err error
	f.csv, err = csvfile.Open(csvfile.Options{
		Path: csvPath(dir), Log: src.ID(), Zone: "America/Bogota",
		Notify: func(n csvfile.Notice) { f.notices = append(f.notices, n.Text(vaiven.English)) },
	})
	if err != nil {
		return nil, err
	}
	f.pump, err = views.Open(context.Background(), views.Options{
		Source: src, Views: []views.View{f.csv, f.reg}, Dir: dir, Every: 5 * time.Millisecond,
		Notify: func(n views.Notice) { f.notices = append(f.notices, n.Text(vaiven.English)) },
	})
	if err != nil {
		return nil, errors.Join(err, f.csv.Close())
	}
	return f, nil
}

func (f *folder) close() error { return errors.Join(f.pump.Close(), f.csv.Close()) }

// prove checks everything about a folder: the CSV, and that the registry is
// that of a replay from the beginning.
func prove(t *testing.T, src views.Source, f *folder) verify.Result {
	t.Helper()
	fresh := registry.New()
	res, err := verify.Data(t.Context(), src, csvPath(f.dir), fresh)
	if err != nil {
		t.Fatalf("%v; notices %v", err, f.notices)
	}
	want, err1 := fresh.Snapshot()
	got, err2 := f.reg.Snapshot()
	if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
		t.Fatalf("the registry differs: %v %v\n%s\n%s", err1, err2, got, want)
	}
	return res
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustWrite(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCrashAtEveryPoint puts together every state that a crash can leave: the
// CSV as it was after i records, whole or with a torn row, and the checkpoint
// that was written after j.
func TestCrashAtEveryPoint(t *testing.T) {
	const records = 14
	log := views.NewMemLog()
	var csvs, cps [][]byte
	dir := t.TempDir()
	var side []byte
	for i := range uint64(records) {
		f, err := openFolder(log, dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
		csvs = append(csvs, mustRead(t, csvPath(dir)))
		cps = append(cps, mustRead(t, filepath.Join(dir, views.CheckpointName)))
		side = mustRead(t, csvPath(dir)+csvfile.SidecarSuffix)
		log.Add(
			views.TestReading("101", "aaaaaaaa", 2*i+1), views.TestReading("101", "aaaaaaaa", 2*i+2),
			views.TestReading("101", "aaaaaaaa", max(2*i, 1)), views.TestReading("007", "bbbbbbbb", i+1),
		)
	}
	for i, csv := range csvs {
		for j := range cps {
			for _, cut := range []int{0, 1, 9} {
				at := t.TempDir()
				mustWrite(t, csvPath(at), csv[:len(csv)-cut])
				mustWrite(t, csvPath(at)+csvfile.SidecarSuffix, side)
				mustWrite(t, filepath.Join(at, views.CheckpointName), cps[j])
				f, err := openFolder(log, at)
				if err != nil {
					t.Fatalf("CSV after %d less %d bytes, checkpoint after %d: %v", i, cut, j, err)
				}
				if err := f.close(); err != nil {
					t.Fatal(err)
				}
				if res := prove(t, log, f); res.Rows != 3*records {
					t.Fatalf("%+v", res)
				}
			}
		}
	}
}

func TestCSVThatKnowsMoreThanTheLogStopsTheStart(t *testing.T) {
	log, dir := views.NewMemLog(), t.TempDir()
	for s := uint64(1); s <= 5; s++ {
		log.Add(views.TestReading("101", "aaaaaaaa", s))
	}
	f, err := openFolder(log, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	short := views.NewMemLog() // the same log, without its last record
	for s := uint64(1); s <= 4; s++ {
		short.Add(views.TestReading("101", "aaaaaaaa", s))
	}
	_, err = openFolder(short, dir)
	if !errors.Is(err, views.ErrLostRecords) {
		t.Errorf("by the checkpoint: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, views.CheckpointName)); err != nil {
		t.Fatal(err)
	}
	_, err = openFolder(short, dir)
	var lost *csvfile.LostRecordsError
	if !errors.As(err, &lost) || lost.Rows != 4 || lost.More != 1 {
		t.Errorf("by the CSV: %v", err)
	}
	if f, err = openFolder(log, dir); err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if prove(t, log, f); len(f.notices) != 0 {
		t.Errorf("with the whole log again: %v", f.notices)
	}
}

func TestEditedCSVIsComparedWithTheWholeLog(t *testing.T) {
	log, dir := views.NewMemLog(), t.TempDir()
	for s := uint64(1); s <= 30; s++ {
		log.Add(views.TestReading("101", "aaaaaaaa", s))
	}
	f, err := openFolder(log, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	edited := bytes.Replace(mustRead(t, csvPath(dir)), []byte("\n7,101,"), []byte("\n7,102,"), 1)
	mustWrite(t, csvPath(dir), edited)
	log.Add(views.TestReading("101", "aaaaaaaa", 31))
	if f, err = openFolder(log, dir); err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if res := prove(t, log, f); res.Rows != 31 || len(f.notices) != 2 {
		t.Errorf("%+v, notices %q", res, f.notices)
	}
}

// TestOnTheRealLog restarts everything several times on JetStream, and a CSV
// that is removed in the middle comes back. The log replaces a lost one, so that
// it does not begin at 1.
func TestOnTheRealLog(t *testing.T) {
	dir := t.TempDir()
	seq := uint64(0)
	for round := range 3 {
		log, err := stream.Open(t.Context(), stream.Options{Dir: filepath.Join(dir, "log"), NoSync: true, FirstSeq: 5000})
		if err != nil {
			t.Fatal(err)
		}
		f, err := openFolder(log, dir)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 2)
		go func() { ended <- log.Run(ctx) }()
		go func() { ended <- f.pump.Run(ctx) }()
		for range 50 {
			seq++
			err := log.Append(t.Context(), []vaiven.Event{
				views.TestReading("101", "aaaaaaaa", seq), views.TestReading("101", "aaaaaaaa", max(seq-1, 1)),
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if seq == 70 {
				if err := os.Remove(csvPath(dir)); err != nil {
					t.Fatal(err)
				}
			}
		}
		deadline, done := context.WithTimeout(t.Context(), 2*time.Minute)
		for f.pump.Settled("101", "aaaaaaaa").Top < seq {
			last, err := log.Last(deadline)
			if err == nil {
				err = f.pump.Wait(deadline, last)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		last, err := log.Last(deadline)
		if err == nil {
			err = f.pump.Wait(deadline, last)
		}
		if err != nil {
			t.Fatal(err)
		}
		done()
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if err := f.close(); err != nil {
			t.Error(err)
		}
		res := prove(t, log, f)
		if want := uint64(50 * (round + 1)); res.Rows != want || res.Readings != want || res.Repeats != want {
			t.Errorf("round %d: %+v", round, res)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	log, dir := views.NewMemLog(), t.TempDir()
	for s := uint64(1); s <= 30; s++ {
		log.Add(views.TestReading("101", "aaaaaaaa", s), views.TestReading("101", "aaaaaaaa", s))
	}
	f, err := openFolder(log, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if res := prove(t, log, f); !reflect.DeepEqual(res, verify.Result{First: 1, Records: 31, Events: 31, Readings: 30, Repeats: 30, Devices: 1, Rows: 30}) {
		t.Errorf("%+v", res)
	}
	good := mustRead(t, csvPath(dir))
	mustWrite(t, csvPath(dir), append(append([]byte(nil), good...), good[len(good)-20:]...))
	var d *csvfile.DiscrepancyError
	if _, err := verify.Data(t.Context(), log, csvPath(dir)); !errors.As(err, &d) || d.Line != 32 {
		t.Errorf("a row too many: %v", err)
	}
	mustWrite(t, csvPath(dir), bytes.Replace(good, []byte("\n12,"), []byte("\n13,"), 1))
	if _, err := verify.Data(t.Context(), log, csvPath(dir)); !errors.As(err, &d) || d.Line != 13 || fmt.Sprint(err) == "" {
		t.Errorf("an IDdato twice: %v", err)
	}
	if _, err := verify.Data(t.Context(), log, filepath.Join(dir, "no.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no CSV: %v", err)
	}
}
