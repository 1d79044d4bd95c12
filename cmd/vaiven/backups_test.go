package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/backup"
	"vaiven/internal/console"
	"vaiven/internal/server"
)

// ourLog is the log of the backups that putBackup makes, unless it is another's.
var ourLog = strings.Repeat("0f", 16)

// backupOf is a small backup of a log, begun at a moment.
func backupOf(t *testing.T, log string, at time.Time) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := backup.NewWriter(&b, backup.Header{Version: "test", At: at, Log: log, Genesis: 1, First: 1, Last: 1})
	if err == nil {
		err = errors.Join(w.Record(1, []byte("record")), w.Totals(backup.Totals{}), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// putBackup puts one into a folder, and returns its name.
func putBackup(t *testing.T, dir, log string, at time.Time) string {
	t.Helper()
	name := backupName(at)
	if err := os.WriteFile(filepath.Join(dir, name), backupOf(t, log, at), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// folderJob keeps so many backups in a folder, and says so to errs.
func folderJob(dir string, keep int, errs io.Writer) *backupJob {
	p := &program{lang: vaiven.English, streams: streams{os.Stdin, io.Discard, errs, func(string) string { return "" }}}
	p.out, p.err = console.Outputs(io.Discard, errs)
	return &backupJob{dataFolder: p.dataFolder(&config{}), target: dir, folder: true, keep: keep}
}

// intoFolder has what comes written into a folder of which so many are kept.
func intoFolder(t *testing.T, dir string, keep int, in io.Reader) error {
	t.Helper()
	b := folderJob(dir, keep, io.Discard)
	f, err := b.create()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	return b.receive(t.Context(), f, in, "")
}

func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestOldBackupsGoWhenTheNewOneIsThere: the oldest of the same server, also in a folder
// with an odd name, and nobody else's file.
func TestOldBackupsGoWhenTheNewOneIsThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "usb [1]")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	day := func(n int) time.Time { return time.Date(2026, 11, n, 3, 0, 0, 500, time.UTC) }
	var ours []string
	for n := 1; n <= 4; n++ {
		ours = append(ours, putBackup(t, dir, ourLog, day(n)))
	}
	others := []string{putBackup(t, dir, strings.Repeat("1e", 16), day(1).Add(time.Hour)), "vaiven-20261101-000000Z.backup", "vaiven-notes-Z.backup"}
	if err := os.Rename(filepath.Join(dir, putBackup(t, dir, ourLog, day(9))), filepath.Join(dir, others[1])); err != nil { // renamed by a person
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, others[2]), []byte("notes"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := intoFolder(t, dir, 3, bytes.NewReader(backupOf(t, ourLog, day(5)))); err != nil {
		t.Fatal(err)
	}
	want := append(append(others, ours[2:]...), backupName(day(5)))
	slices.Sort(want)
	if got := namesIn(t, dir); !slices.Equal(got, want) {
		t.Errorf("in the folder: %q, want %q", got, want)
	}
}

// TestAClockThatIsSetBack names a new backup before those that are there: it stays, and
// so do as many as are kept.
func TestAClockThatIsSetBack(t *testing.T) {
	dir := t.TempDir()
	hour := func(n int) time.Time { return time.Date(2026, 11, 22, n, 0, 0, 0, time.UTC) }
	putBackup(t, dir, ourLog, hour(10))
	latest := putBackup(t, dir, ourLog, hour(11))
	for _, at := range []time.Time{hour(8), hour(9), hour(9).Add(time.Millisecond), hour(7)} { // the third has the second's name
		if err := intoFolder(t, dir, 2, bytes.NewReader(backupOf(t, ourLog, at))); err != nil {
			t.Fatal(err)
		}
		if got, want := namesIn(t, dir), []string{backupName(at), latest}; !slices.Equal(got, want) {
			t.Errorf("with one of %s in the folder: %q, want %q", at, got, want)
		}
		if h, err := headerOf(filepath.Join(dir, backupName(at))); err != nil || !h.At.Equal(at) {
			t.Errorf("that of %s: %+v, %v", at, h, err)
		}
	}
	b := &backupJob{target: dir, every: 24 * time.Hour}
	if now := hour(6); !b.firstDue(now).Equal(now) {
		t.Error("by a clock that is behind them none is due")
	}
	if now := hour(12); !b.firstDue(now).Equal(hour(11).Add(24 * time.Hour)) {
		t.Error("it does not count from the newest")
	}
}

// sick reads so much of a backup, and then fails.
type sick struct {
	b   []byte
	err error
}

func (s *sick) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, s.err
	}
	n := copy(p, s.b)
	s.b = s.b[n:]
	return n, nil
}

// TestABackupThatFailsTakesNoOldOneAway, wherever it is cut, and leaves nothing.
func TestABackupThatFailsTakesNoOldOneAway(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	there := []string{putBackup(t, dir, ourLog, at), putBackup(t, dir, ourLog, at.Add(time.Hour))}
	whole := backupOf(t, ourLog, at.Add(2*time.Hour))
	for cut := range whole {
		for _, err := range []error{io.EOF, errors.New("the cable")} {
			if err := intoFolder(t, dir, 1, &sick{whole[:cut], err}); err == nil {
				t.Fatalf("cut at %d, it is taken for whole", cut)
			}
		}
		if got := namesIn(t, dir); !slices.Equal(got, there) {
			t.Fatalf("cut at %d, in the folder: %q", cut, got)
		}
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	if err := intoFolder(t, dir, 1, bytes.NewReader(flipped)); err == nil || !slices.Equal(namesIn(t, dir), there) {
		t.Errorf("damaged on the way: %v, in the folder: %q", err, namesIn(t, dir))
	}
}

// TestNoBackupTakesAnothersName: two servers may begin theirs in the same second.
func TestNoBackupTakesAnothersName(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	name := putBackup(t, dir, strings.Repeat("1e", 16), at)
	var said *server.Error
	if err := intoFolder(t, dir, 1, bytes.NewReader(backupOf(t, ourLog, at))); !errors.As(err, &said) || !strings.HasSuffix(said.Text, "is not of this server") {
		t.Errorf("written with %v", err)
	}
	if h, err := headerOf(filepath.Join(dir, name)); err != nil || h.Log == ourLog || len(namesIn(t, dir)) != 1 {
		t.Errorf("%+v, %v, in the folder: %q", h, err, namesIn(t, dir))
	}
	if err := intoFolder(t, dir, 1, bytes.NewReader(backupOf(t, ourLog, at.Add(time.Second)))); err != nil || len(namesIn(t, dir)) != 2 {
		t.Errorf("a second later: %v, in the folder: %q", err, namesIn(t, dir))
	}
}

// TestWhatIsNotRemovedIsNoReasonForMore: --every does not make one backup after the
// other because an old one stays.
func TestWhatIsNotRemovedIsNoReasonForMore(t *testing.T) {
	var said bytes.Buffer
	b := folderJob(t.TempDir(), 1, &said)
	if !b.made(nil) || b.made(errors.New("no")) || said.Len() > 0 {
		t.Errorf("it says %q", said.String())
	}
	left := &notRemovedError{hinted(errors.New("an old one stays"), "remove it")}
	if !b.made(b.explain.Backup(b.target, left)) {
		t.Error("another one is made")
	}
	b.flushOutputs()
	if !strings.Contains(said.String(), "an old one stays") || !strings.Contains(said.String(), "remove it") {
		t.Errorf("it says %q", said.String())
	}
}
