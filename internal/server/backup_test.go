package server

import (
	"bytes"
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
	"vaiven/internal/atomicfile"
	"vaiven/internal/backup"
	"vaiven/internal/csvfile"
	"vaiven/internal/stream"
	"vaiven/internal/views"
	"vaiven/internal/views/verify"
)

// record appends readings of a board as the gateway would, and waits for them.
func (r *running) record(d vaiven.Device, from, to uint64) {
	r.t.Helper()
	for seq := from; seq <= to; seq++ {
		ev := &vaiven.Reading{Stamp: vaiven.Stamp{At: 1_795_333_377_000 + int64(seq)*600_000}, Device: d, Boot: "9f3c02aa", Seq: seq,
			Values: []vaiven.Value{{Name: "TEMP", Num: float64(seq) / 10}, {Name: "HUM", Num: 61}}}
		if err := r.write(testContext(r.t), ev); err != nil {
			r.t.Fatal(err)
		}
	}
	r.settle()
}

// restore makes a folder of a backup.
func restore(t *testing.T, data string, b []byte) error {
	t.Helper()
	in, err := backup.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	defer in.Close()
	return Restore(testContext(t), Options{Data: data, Lang: vaiven.English}, in, nil)
}

// TestARestoredServerIsTheSame: a backup of a running server, whose boards go on while
// and after it is written.
func TestARestoredServerIsTheSame(t *testing.T) {
	dir := t.TempDir()
	o := options(filepath.Join(dir, "data"))
	o.CSVColumns, o.CSVZone, o.CSVDialect = []string{"TEMP", "HUM", "LUX"}, "America/Bogota", csvfile.ExcelES
	o.CSV = filepath.Join(dir, "elsewhere.csv")
	s := launch(t, o)
	s.record("101", 1, 300)
	s.record("102", 1, 20)
	var b bytes.Buffer
	rest := &onFirstWrite{Writer: &b, do: func() { s.record("101", 301, 400) }}
	if err := s.Backup(testContext(t), rest); err != nil {
		t.Fatal(err)
	}
	id, first := s.log.ID(), s.log.First()
	h := readHeader(t, b.Bytes())
	if h.Log != id || h.First != first || h.Last < 320 || h.Last >= 400 {
		t.Errorf("%+v", h)
	}
	csv, err := os.ReadFile(o.CSV)
	if err != nil {
		t.Fatal(err)
	}
	s.end()

	data := filepath.Join(dir, "restored")
	if err := restore(t, data, b.Bytes()); err != nil {
		t.Fatal(err)
	}
	again := options(data)
	again.CSV = filepath.Join(data, "elsewhere.csv")
	r := launch(t, again)
	if r.log.ID() != id || r.log.First() != first {
		t.Errorf("the log is %s from %d on, it was %s from %d on", r.log.ID(), r.log.First(), id, first)
	}
	if text := strings.Join(r.told, "\n"); text != "\n" && text != "" {
		t.Errorf("the restored server says %q", text)
	}
	if a, b := r.device("101"), r.device("102"); a.Readings != 300 || b.Readings != 20 {
		t.Errorf("%d and %d readings", a.Readings, b.Readings)
	}
	r.record("101", 299, 303) // two of them are repeats
	if a := r.device("101"); a.Readings != 303 {
		t.Errorf("%d readings after repeats and three new ones", a.Readings)
	}
	got, err := os.ReadFile(again.CSV)
	if want := lines(csv, 320); err != nil || lines(got, 320) != want || strings.Count(string(got), "\n") != 324 {
		t.Errorf("%v: the CSV is another now:\n%s", err, got)
	}
	if _, err := os.Stat(again.SheetPath()); err != nil {
		t.Error(err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "*"+restoringSuffix+"*")); err != nil || len(names) > 0 {
		t.Errorf("left: %q %v", names, err)
	}
}

// trim trims the log of a stopped server to its checkpoint, as the pump does. The last
// record stays, and the log begins with it.
func trim(t *testing.T, data string) uint64 {
	t.Helper()
	ctx := testContext(t)
	log, err := stream.Open(ctx, stream.Options{Dir: LogDir(data)})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	state, err := os.ReadFile(filepath.Join(data, views.CheckpointName))
	if err != nil {
		t.Fatal(err)
	}
	pos := views.CheckpointPosition(data)
	if err := log.PutSnapshot(ctx, vaiven.SnapshotInfo{Pos: pos, At: 1_795_333_377_000}, state); err != nil {
		t.Fatal(err)
	}
	if err := log.Trim(ctx, pos); err != nil {
		t.Fatal(err)
	}
	return pos
}

// TestLostSnapshotsStopNoServerThatHasItsCheckpoint: they are for who has none. Without
// either a person is told what is missing.
func TestLostSnapshotsStopNoServerThatHasItsCheckpoint(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := launch(t, options(data))
	s.record("101", 1, 30)
	s.end()
	first := trim(t, data)
	s = launch(t, options(data))
	var b bytes.Buffer
	if err := s.Backup(testContext(t), &b); err != nil {
		t.Fatal(err)
	}
	s.end()
	data += "-restored" // in whose files nothing of what was trimmed is left
	if err := restore(t, data, b.Bytes()); err != nil {
		t.Fatal(err)
	}
	s = launch(t, options(data))
	s.record("101", 31, 35)
	s.end()
	snapshots := filepath.Join(LogDir(data), "jetstream", "$G", "streams", "VAIVEN-SNAPSHOTS")
	if _, err := os.Stat(snapshots); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(snapshots); err != nil {
		t.Fatal(err)
	}
	s = launch(t, options(data))
	s.record("101", 36, 40)
	s.end()
	if text := strings.Join(s.told, "\n"); !strings.Contains(text, "no snapshot of what was before is whole; the checkpoint, at record ") {
		t.Errorf("it says %q", text)
	}
	csv, err := os.ReadFile(filepath.Join(data, "readings.csv"))
	if err != nil || bytes.Count(csv, []byte("\n")) != 41 {
		t.Errorf("%d lines, %v", bytes.Count(csv, []byte("\n")), err)
	}
	if err := errors.Join(os.RemoveAll(snapshots), os.Remove(filepath.Join(data, views.CheckpointName))); err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[vaiven.Lang]string{vaiven.English: "no snapshot of what was before is whole", vaiven.Spanish: "no está completa ninguna instantánea"} {
		o := options(data)
		o.Lang = lang
		again, err := Open(testContext(t), o)
		if err == nil {
			again.Close()
		}
		var said *Error
		if !errors.As(err, &said) || !strings.Contains(said.Text, want) || said.Hint == "" || !Repairable(err) {
			t.Errorf("the log begins behind record %d: %v", first, err)
		}
	}
}

// files are those of a data folder that a person has, or that only it has now.
func files(t *testing.T, data string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(data, path)
		if err == nil && !d.IsDir() && (strings.Contains(name, ".csv") || strings.HasPrefix(name, "history")) && !strings.HasSuffix(name, ".lock") {
			b, err := os.ReadFile(path)
			all[name] = string(b)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestATrimmedServerComesBack: what its log does not have any more is in snapshots, in
// CSV files that have ended, and in the history.
func TestATrimmedServerComesBack(t *testing.T) {
	dir := t.TempDir()
	o := options(filepath.Join(dir, "data"))
	o.CSVRotate = "rows=50"
	s := launch(t, o)
	s.record("101", 1, 220)
	s.end()
	pos := trim(t, o.Data)
	s = launch(t, o)
	s.record("101", 221, 330)
	if s.log.First() <= 220 {
		t.Fatalf("the log begins with %d: it was not trimmed", s.log.First())
	}
	var b bytes.Buffer
	if err := s.Backup(testContext(t), &b); err != nil {
		t.Fatal(err)
	}
	first, samples := s.log.First(), s.history.Stats().Samples
	s.end()
	if h := readHeader(t, b.Bytes()); h.First != pos || h.Genesis != 1 || len(h.Snapshots) == 0 || h.Snapshots[0].Pos != pos {
		t.Errorf("%+v", h)
	}
	totals, in := readTotals(t, b.Bytes())
	if want := (backup.Totals{Readings: 330, Trimmed: 330 - uint64(len(in)), From: slices.Min(in), To: slices.Max(in)}); totals != want || len(in) == 330 {
		t.Errorf("its totals are %+v, want %+v", totals, want)
	}

	data := filepath.Join(dir, "restored")
	if err := restore(t, data, b.Bytes()); err != nil {
		t.Fatal(err)
	}
	want, got := files(t, o.Data), files(t, data)
	for name, text := range want {
		if strings.HasSuffix(name, csvfile.SidecarSuffix) || strings.HasPrefix(name, "history") {
			continue // written again by the first start
		}
		if got[name] != text {
			t.Errorf("%s is another: %d bytes, it had %d", name, len(got[name]), len(text))
		}
	}
	if len(want) < 8 || len(got) < 8 {
		t.Errorf("%d files, and %d restored: too few to show anything", len(want), len(got))
	}
	log, err := stream.Open(testContext(t), stream.Options{Dir: LogDir(data)})
	if err != nil {
		t.Fatal(err)
	}
	res, err := verify.Data(testContext(t), log, filepath.Join(data, "readings.csv"))
	if err := errors.Join(err, log.Close()); err != nil || res.Readings == 0 {
		t.Errorf("%+v %v", res, err)
	}
	again := options(data)
	r := launch(t, again)
	if r.log.First() != first || r.device("101").Readings != 330 || r.history.Stats().Samples != samples {
		t.Errorf("from %d, %d readings, %d samples; want %d, 330, %d", r.log.First(), r.device("101").Readings, r.history.Stats().Samples, first, samples)
	}
	r.record("101", 1, 40) // that the log does not have any more, and that are repeats
	r.record("101", 331, 340)
	if n := r.device("101").Readings; n != 340 {
		t.Errorf("%d readings, want 340", n)
	}
	if text := strings.Join(r.told, "\n"); text != "" {
		t.Errorf("it says %q", text)
	}
}

// lines are the header and the first rows of a CSV.
func lines(csv []byte, rows int) string {
	all := strings.SplitAfterN(string(csv), "\n", rows+2)
	return strings.Join(all[:min(len(all), rows+1)], "")
}

func readHeader(t *testing.T, b []byte) backup.Header {
	t.Helper()
	in, err := backup.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	return in.Header()
}

// readTotals returns a backup's totals, and when the readings in its records came, which
// are no repeats.
func readTotals(t *testing.T, b []byte) (backup.Totals, []int64) {
	t.Helper()
	in, err := backup.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var times []int64
	for {
		p, err := in.Next()
		if errors.Is(err, io.EOF) {
			return *in.Totals(), times
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind != backup.PartRecord {
			continue
		}
		rec, err := stream.DecodeRecord(p.Seq, p.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range rec.Events {
			if r, ok := ev.(*vaiven.Reading); ok {
				times = append(times, r.At)
			}
		}
	}
}

// onFirstWrite does something when the backup has begun.
type onFirstWrite struct {
	io.Writer
	do func()
}

func (w *onFirstWrite) Write(b []byte) (int, error) {
	if w.do != nil {
		w.do()
		w.do = nil
	}
	return w.Writer.Write(b)
}

// TestWhatIsNotRestored: never over something, and never by halves.
func TestWhatIsNotRestored(t *testing.T) {
	dir := t.TempDir()
	s := launch(t, options(filepath.Join(dir, "data")))
	s.record("101", 1, 30)
	var b bytes.Buffer
	if err := s.Backup(testContext(t), &b); err != nil {
		t.Fatal(err)
	}
	s.end()
	mkdir := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := os.WriteFile(filepath.Join(mkdir("full"), "notes.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(b.Bytes())
	flipped[len(flipped)-20] ^= 4
	for name, tt := range map[string]struct {
		data string
		b    []byte
		want error
	}{
		"over a log":           {"data", b.Bytes(), errHasLog},
		"over something":       {"full", b.Bytes(), errNotEmpty},
		"cut in its files":     {"new", b.Bytes()[:b.Len()-10], backup.ErrCut},
		"cut in its records":   {"new", b.Bytes()[:500], backup.ErrCut},
		"damaged at its end":   {"new", flipped, backup.ErrDamaged},
		"of something else":    {"new", []byte("IDdato,IDdevice\n"), backup.ErrNotABackup},
		"with something after": {"new", append(bytes.Clone(b.Bytes()), 'x'), backup.ErrDamaged},
	} {
		if err := restore(t, filepath.Join(dir, tt.data), tt.b); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names, err := filepath.Glob(filepath.Join(dir, "new*")); err != nil || len(names) > 0 {
		t.Errorf("left: %q %v", names, err)
	}
	// What a kill left is no obstacle, and an empty folder is none.
	if err := os.WriteFile(filepath.Join(mkdir("empty"+restoringSuffix), "half"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := restore(t, mkdir("empty"), b.Bytes()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "empty", "half")); err == nil {
		t.Error("what a kill left was taken for a part of it")
	}
	unhappy := errors.New("no")
	in, err := backup.NewReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	err = Restore(testContext(t), Options{Data: filepath.Join(dir, "new"), Lang: vaiven.English}, in, func(o Options) error {
		if _, err := os.Stat(o.CSVPath()); err != nil {
			return err
		}
		return unhappy
	})
	if _, serr := os.Stat(filepath.Join(dir, "new")); !errors.Is(err, unhappy) || serr == nil {
		t.Errorf("what was checked and found wrong: %v", err)
	}
}

// TestABackupBringsNothingButItsOwnFiles: whoever gives somebody a backup does not write
// the log, the checkpoint or anything else that is made of the records.
func TestABackupBringsNothingButItsOwnFiles(t *testing.T) {
	dir := t.TempDir()
	s := launch(t, options(filepath.Join(dir, "data")))
	s.record("101", 1, 3)
	var b bytes.Buffer
	if err := s.Backup(testContext(t), &b); err != nil {
		t.Fatal(err)
	}
	s.end()
	for _, name := range []string{"log/acked", "checkpoint", "remote-write", "history", "authorized_keys", "readings.csv.exe", "readings.html", "sub/readings.csv"} {
		if err := restore(t, filepath.Join(dir, "new"), withFile(t, b.Bytes(), name)); !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names, err := filepath.Glob(filepath.Join(dir, "new*")); err != nil || len(names) > 0 {
		t.Errorf("left: %q %v", names, err)
	}
	for _, name := range []string{"readings-2026-10.csv", "history/more"} {
		if err := restore(t, filepath.Join(dir, "whole", name), withFile(t, b.Bytes(), name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for csv, others := range map[string][]string{
		"año.csv":    {"año.csv", "año.csv.vaiven.json", "año-2026-10.csv", "año-2026-10-2.csv", "año-excel.csv", "año-excel-2026-10.csv", "año-excel.csv.vaiven.json"},
		"table":      {"table", "table-excel", "table.vaiven.json"},
		"remote.csv": {"remote.csv", "remote-write.csv"},
	} {
		for _, name := range others {
			if !restorable(csv, name) {
				t.Errorf("%s of %s is not restored", name, csv)
			}
		}
	}
	for csv, name := range map[string]string{"checkpoint": "checkpoint", "remote": "remote-write", "Log": "Log", "": "readings.csv", "log": "log"} {
		if restorable(csv, name) {
			t.Errorf("%s of %q is restored", name, csv)
		}
	}
}

// withFile is a backup with one file more.
func withFile(t *testing.T, b []byte, name string) []byte {
	t.Helper()
	in, err := backup.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	w, err := backup.NewWriter(&out, in.Header())
	if err != nil {
		t.Fatal(err)
	}
	var file backup.File
	var content bytes.Buffer
	put := func() {
		if file.Path != "" {
			err = errors.Join(err, w.File(file, &content))
		}
	}
	for {
		p, rerr := in.Next()
		if errors.Is(rerr, io.EOF) {
			break
		}
		if rerr != nil {
			t.Fatal(rerr)
		}
		switch p.Kind {
		case backup.PartSnapshot:
			t.Fatal("the log was trimmed")
		case backup.PartRecord:
			err = errors.Join(err, w.Record(p.Seq, p.Data))
		case backup.PartFile:
			put()
			file, content = p.File, bytes.Buffer{}
		case backup.PartData:
			content.Write(p.Data)
		}
	}
	put()
	err = errors.Join(err, w.File(backup.File{Path: name, Size: 1}, strings.NewReader("x")), w.Totals(*in.Totals()), w.Close())
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestBackupsErrorsAreInWords in both languages.
func TestBackupsErrorsAreInWords(t *testing.T) {
	for _, lang := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
		x := Explainer{Lang: lang, Data: t.TempDir()}
		seen := map[string]bool{}
		for _, err := range []error{backup.ErrNotABackup, backup.ErrLater, backup.ErrCut, backup.ErrDamaged, backup.ErrName,
			&backup.PlaceError{Kind: backup.ErrCut, Byte: 9}, &backup.PlaceError{Kind: backup.ErrDamaged, Byte: 9}, &stream.LowDiskError{}, &views.HoldError{After: time.Minute, View: "x"},
			x.vacant(x.Data, errHasLog), x.vacant(x.Data, errNotEmpty)} {
			var e *Error
			if said := x.Backup("pi.backup", fmt.Errorf("around: %w", err)); !errors.As(said, &e) || e.Hint == "" || seen[e.Text] {
				t.Errorf("%v becomes %v", err, said)
			} else {
				seen[e.Text] = true
			}
		}
		// What is wrong is said once, in one language, and where.
		for _, is := range []error{backup.ErrCut, backup.ErrDamaged} {
			said := x.Backup("pi.backup", &backup.PlaceError{Kind: is, Byte: 77, What: "a checksum is another"}).Error()
			if !strings.Contains(said, "byte 77") ||
				strings.Count(said, "backup") != 1 || strings.Contains(said, "checksum") {
				t.Errorf("%q", said)
			}
		}
		if err := x.Backup("", nil); err != nil {
			t.Error(err)
		}
	}
}

// TestFilesThatChangeMeanwhile: a CSV that ends, or whose sidecar is replaced, while it
// is looked at is looked at again.
func TestFilesThatChangeMeanwhile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := atomicfile.Write(filepath.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	write("side", "1")
	write("current", "rows")
	paths := func(names ...string) (all []string, err error) {
		for _, name := range names {
			all = append(all, filepath.Join(dir, name))
		}
		return all, nil
	}
	under := func(path string) (string, error) { return "under/" + filepath.Base(path), nil }
	var all keptFiles
	defer all.close()
	if err := all.find(func() ([]string, error) { return paths("side", "current", "ended") }, under); err != nil || len(all.list) != 2 || all.list[1].Path != "under/current" || all.list[1].Size != 4 {
		t.Fatalf("%+v, %v", all.list, err)
	}
	ended := filepath.Join(dir, "ended")
	if !all.stands([]string{ended}) {
		t.Error("nothing has changed, and yet it does not stand")
	}
	write("ended", "rows")
	if all.stands([]string{ended}) {
		t.Error("a file got its name meanwhile, and that is not seen")
	}
	write("side", "1")
	if all.stands(nil) {
		t.Error("the sidecar was replaced, and that is not seen")
	}
	looks := 0
	err := all.find(func() ([]string, error) {
		looks++
		return paths("missing", "current")
	}, under)
	if !errors.Is(err, errRestless) || looks != findTries {
		t.Errorf("after %d looks: %v", looks, err)
	}
}
