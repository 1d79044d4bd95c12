package server

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vaiven"
	"vaiven/internal/csvfile"
	"vaiven/internal/stream"
	"vaiven/internal/views"
)

// TestErrorsAreExplained: what is wrong in both languages, what to try where there is
// something, and the cause for whoever decides by it.
func TestErrorsAreExplained(t *testing.T) {
	dir := t.TempDir()
	wrapped := func(err error) error { return fmt.Errorf("below: %w", err) }
	path := func(err error) error { return &fs.PathError{Op: "write", Path: "x", Err: err} }
	log := func(x Explainer, err error) error { return x.Log(err) }
	of := func(x Explainer, err error) error { return x.Views(err) }
	folder := func(x Explainer, err error) error { return x.Folder(x.Data, err) }
	for _, c := range []struct {
		explain      func(Explainer, error) error
		err          error
		en, es, hint string // hint: a word of it, "" for none
		repairable   bool
	}{
		{log, wrapped(stream.ErrLocked), "D is in use by another vaiven", "D está en uso por otro vaiven", "--data", false},
		{log, stream.ErrNotWritable, "cannot write in D", "no se puede escribir en D", "chown -R $USER D", false},
		{log, wrapped(&stream.LostRecordsError{Have: 3, Want: 5}), "the log has lost records: it ends at record 3, and record 5 was acknowledged",
			"el registro ha perdido datos: termina en la entrada 3, y se había confirmado la 5", "vaiven doctor --data D", true},
		{log, wrapped(stream.ErrCorrupt), "the log is damaged: below: ", "el registro está dañado: below: ", "vaiven doctor --data D", true},
		{log, wrapped(stream.ErrLater), "the log was written by a later vaiven: ", "el registro lo escribió un vaiven más nuevo: ", "--data", false},
		{log, wrapped(&stream.OwnLogError{Dir: "D/log", Acked: 7}), "D has a log of its own, up to record 7, and the NATS server has none",
			"D tiene un registro propio, hasta la entrada 7, y el servidor NATS no tiene ninguno", "Start without --nats", false},
		{log, &stream.OwnLogError{Dir: "D/log", Acked: 7, Other: "0123456789abcdef"}, "the NATS server has another one, 01234567", "el servidor NATS tiene otro, 01234567", "Start without --nats", false},
		{log, wrapped(&stream.UnreachableError{Servers: "nats://here:4222", Err: errors.New("odd")}), "no NATS server answers at nats://here:4222", "ningún servidor NATS responde en nats://here:4222", "brings its own", false},
		{log, wrapped(&stream.UnreachableError{Servers: "nats://here:4222", Refused: true, Err: errors.New("odd")}), "does not accept this user", "no acepta a este usuario", "USER:PASSWORD@", false},
		{log, errors.New("odd"), "log: odd", "registro: odd", "", false},
		{log, path(syscall.EROFS), "D is on a file system that is read-only", "D está en un sistema de archivos de solo lectura", "remount,rw", false},
		{log, wrapped(path(syscall.EIO)), "the disk of D fails (" + syscall.EIO.Error() + ")", "el disco de D falla (" + syscall.EIO.Error() + ")", "replace the card", false},
		{of, &csvfile.InUseError{Path: "D/readings.csv"}, "D/readings.csv", "D/readings.csv", "--csv", false},
		{of, wrapped(&views.LostRecordsError{Seq: 3, Checkpoint: 5}), "3", "3", "vaiven doctor --data D", true},
		{of, wrapped(&csvfile.LostRecordsError{Path: "x.csv", Rows: 2, More: 1}), "x.csv", "x.csv", "vaiven doctor --data D", true},
		{of, wrapped(stream.ErrLater), "the log was written by a later vaiven: ", "el registro lo escribió un vaiven más nuevo: ", "--data", false},
		{of, errors.New("odd"), "odd", "odd", "", false},
		{folder, path(syscall.EACCES), "cannot write in D", "no se puede escribir en D", "chown", false},
		{folder, path(syscall.ENOTDIR), "D is not a folder", "D no es una carpeta", "--data", false},
		{folder, path(syscall.ENOSPC), "D: write x: " + syscall.ENOSPC.Error(), "D: write x: " + syscall.ENOSPC.Error(), "", false},
	} {
		for lang, want := range map[vaiven.Lang]string{vaiven.English: c.en, vaiven.Spanish: c.es} {
			err := c.explain(Explainer{Lang: lang, Data: dir, CSV: filepath.Join(dir, "readings.csv")}, c.err)
			text, hint := strings.ReplaceAll(err.Error(), dir, "D"), ""
			var explained *Error
			if errors.As(err, &explained) {
				hint = strings.ReplaceAll(explained.Hint, dir, "D")
			}
			if !strings.Contains(text, want) {
				t.Errorf("%v: %q, want %q", c.err, text, want)
			}
			if lang == vaiven.English && (!strings.Contains(hint, c.hint) || c.hint == "" && hint != "") {
				t.Errorf("%v: the hint is %q, want %q", c.err, hint, c.hint)
			}
			if Repairable(err) != c.repairable {
				t.Errorf("%v: repairable %v", c.err, !c.repairable)
			}
		}
	}
}

// A folder that is not there cannot be made because of the one around it.
func TestTheFolderThatRefusesIsNamed(t *testing.T) {
	dir := t.TempDir()
	err := Explainer{Lang: vaiven.English, Data: dir}.Folder(filepath.Join(dir, "data"), fs.ErrPermission)
	if want := "cannot write in " + dir; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestAddressesThatCannotBeHad(t *testing.T) {
	for _, c := range []struct {
		addr       string
		err        error
		text, hint string
	}{
		{":8080", syscall.EADDRINUSE, "port 8080 is in use", "--listen :8081"},
		{":65535", syscall.EADDRINUSE, "port 65535 is in use", "--listen :8081"},
		{":80", syscall.EACCES, "no permission for port 80", "setcap"},
		{":80", syscall.EADDRNOTAVAIL, "--listen :80: " + syscall.EADDRNOTAVAIL.Error(), ""},
	} {
		err := explainListen(vaiven.English, "--listen", c.addr, c.err)
		var explained *Error
		hint := ""
		if errors.As(err, &explained) {
			hint = explained.Hint
		}
		if err.Error() != c.text || !strings.Contains(hint, c.hint) || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %q", c.addr, err, hint)
		}
	}
}

// TestTroubleOfTheLogIsSaid: why readings are not taken, for a person and for /readyz.
func TestTroubleOfTheLogIsSaid(t *testing.T) {
	x := Explainer{Lang: vaiven.English, Data: "D"}
	for _, c := range []struct {
		err        error
		text, hint string
	}{
		{&stream.LowDiskError{Free: 1 << 20, Reserve: 3 << 19}, "the disk is full (1.0 MiB free, 1.5 MiB are kept in reserve): readings are not taken", "make room; boards that number"},
		{&stream.BusyError{Why: syscall.EROFS}, "D is on a file system that is read-only: readings are not taken", "remount,rw"},
		{&stream.BusyError{Why: syscall.ENOSPC}, "D cannot be written (" + syscall.ENOSPC.Error() + "): readings are not taken", "`vaiven doctor --data D` looks closer; boards that number"},
		{&stream.BusyError{}, "the log does not move: readings are not taken", "boards that number"},
		{stream.ErrDisconnected, "NATS cannot be reached: readings are not taken", "boards that number"},
		{errors.New("odd"), "log: odd", "boards that number"},
	} {
		if text, hint := x.logTrouble(c.err); text != c.text || !strings.Contains(hint, c.hint) {
			t.Errorf("%v: %q, %q", c.err, text, hint)
		}
	}
	if a, b := withoutDigits("3.5 MiB free"), withoutDigits("12.0 MiB free"); a != b || a != ". MiB free" {
		t.Errorf("%q, %q: the same trouble", a, b)
	}
}
