package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"vaiven/internal/console"
	"vaiven/internal/csvfile"
	"vaiven/internal/stream"
	"vaiven/internal/views"
)

func (p *program) stdout() console.Terminal { return p.out.Terminal(p.getenv) }

// stderr is where a person is told things: the screen's log while it is up. It
// never waits for the person to read them.
func (p *program) stderr() console.Terminal {
	if w := p.screenLog.Load(); w != nil {
		return console.Terminal{W: *w}
	}
	t := p.err.Terminal(p.getenv)
	t.W = p.err.Notes()
	return t
}

// leaveOutputs says that the program ends: a reader who has stopped reading is
// not waited for any more.
func (p *program) leaveOutputs() {
	p.out.Leave()
	p.err.Leave()
}

// flushOutputs lets readers have the rest.
func (p *program) flushOutputs() {
	p.out.Flush()
	p.err.Flush()
}

// keepOnUnread makes a server outlive its readers: that one has gone is told to
// the other, and deserted is called when there is none left.
func (p *program) keepOnUnread(deserted func()) {
	catchBrokenPipes()
	p.out.OnGone(func(gone *console.GoneError) {
		hint := p.say("the server goes on; Ctrl-C ends it", "el servidor sigue; Ctrl-C lo termina")
		if errors.Is(gone, console.ErrNotRead) {
			hint = "" // it ends already
		}
		if p.err.Gone() != nil {
			deserted()
			return
		}
		p.notice(gone.Text(p.lang), hint)
	})
	if p.err != p.out {
		p.err.OnGone(func(*console.GoneError) {
			if p.out.Gone() != nil {
				deserted()
			}
		})
	}
}

// stderrWriter writes to what stderr is at the moment.
type stderrWriter struct{ p *program }

func (w stderrWriter) Write(b []byte) (int, error) { return w.p.stderr().W.Write(b) }

// notice tells a person something on stderr.
func (p *program) notice(text, hint string) { console.Notice(p.stderr(), p.lang, text, hint) }

// logger is for those who run the program: warnings on stderr, more with
// VAIVEN_LOG=debug.
func (p *program) logger() *slog.Logger {
	level := slog.LevelWarn
	if p.getenv("VAIVEN_LOG") != "" {
		_ = level.UnmarshalText([]byte(p.getenv("VAIVEN_LOG")))
	}
	h := slog.NewTextHandler(stderrWriter{p}, &slog.HandlerOptions{Level: level})
	if level < slog.LevelWarn {
		return slog.New(h) // whoever looks closer sees everything
	}
	return slog.New(fold(h))
}

// diskFails reports whether an error is the disk's own: nothing that owners,
// permissions or another start could cure.
func diskFails(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.ENODEV)
}

// diskTrouble says that a folder's disk does not take what is written, and what
// helps.
func (p *program) diskTrouble(dir string, err error) (text, hint string) {
	why := err
	var system syscall.Errno
	if errors.As(err, &system) {
		why = system
	}
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf(p.say("%s is on a file system that is read-only", "%s está en un sistema de archivos de solo lectura"), dir), p.say(
			"Linux makes it so when a card fails: `dmesg | tail` says why. sudo mount -o remount,rw makes it writable again; a card that does this twice must be replaced",
			"Linux lo deja así cuando una tarjeta falla: `dmesg | tail` dice por qué. sudo mount -o remount,rw permite escribir otra vez; una tarjeta que lo hace dos veces se debe cambiar")
	case diskFails(err):
		return fmt.Sprintf(p.say("the disk of %s fails (%v)", "el disco de %s falla (%v)"), dir, why), p.say(
			"`dmesg | tail` says more. Copy the folder to another disk while it can be read, and replace the card",
			"`dmesg | tail` dice más. Copia la carpeta a otro disco mientras se pueda leer, y cambia la tarjeta")
	}
	return fmt.Sprintf(p.say("%s cannot be written (%v)", "no se puede escribir en %s (%v)"), dir, why),
		fmt.Sprintf(p.say("`vaiven doctor --data %s` looks closer", "`vaiven doctor --data %s` mira más de cerca"), dir)
}

// diskError is diskTrouble as the error of a command; nil when the disk is not
// to blame.
func (p *program) diskError(dir string, err error) error {
	if !diskFails(err) {
		return nil
	}
	text, hint := p.diskTrouble(dir, err)
	return hinted{worded{text, err}, hint}
}

// folderError explains a folder that cannot be used.
func (p *program) folderError(dir string, err error) error {
	if _, missing := os.Stat(dir); errors.Is(missing, os.ErrNotExist) {
		dir = filepath.Dir(dir) // it is the folder around it that refuses
	}
	if failed := p.diskError(dir, err); failed != nil {
		return failed
	}
	switch {
	case errors.Is(err, os.ErrPermission):
		return hinted{fmt.Errorf(p.say("cannot write in %s", "no se puede escribir en %s"), dir), p.say(
			"choose a folder of yours with --data, or correct its owner: sudo chown -R $USER "+dir,
			"elige una carpeta tuya con --data, o corrige su dueño: sudo chown -R $USER "+dir)}
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, os.ErrExist):
		return hinted{fmt.Errorf(p.say("%s is not a folder", "%s no es una carpeta"), dir),
			p.say("choose another with --data", "elige otra con --data")}
	}
	return fmt.Errorf("%s: %w", dir, err)
}

// logError explains why the log does not open, or cannot be read on.
func (a *app) logError(err error) error {
	dir := a.c.Data
	if failed := a.diskError(dir, err); failed != nil {
		return failed
	}
	var lost *stream.LostRecordsError
	var missing *stream.MissingError
	switch {
	case errors.Is(err, stream.ErrLocked):
		return hinted{worded{fmt.Sprintf(a.say("%s is in use by another vaiven", "%s está en uso por otro vaiven"), dir), err}, a.say(
			"stop that one, or give this one a folder of its own with --data", "cierra ese otro, o dale a este su propia carpeta con --data")}
	case errors.Is(err, stream.ErrNotWritable):
		return a.folderError(dir, os.ErrPermission)
	case errors.As(err, &lost):
		return hinted{worded{fmt.Sprintf(a.say(
			"the log has lost records: it ends at record %d, and record %d was acknowledged",
			"el registro ha perdido datos: termina en la entrada %d, y se había confirmado la %d"), lost.Have, lost.Want), err}, a.doctorHint()}
	case errors.As(err, &missing), errors.Is(err, stream.ErrUnreadable), errors.Is(err, stream.ErrCorrupt):
		return hinted{fmt.Errorf(a.say("the log is damaged: %w", "el registro está dañado: %w"), err), a.doctorHint()}
	case errors.Is(err, stream.ErrLater):
		return hinted{fmt.Errorf(a.say("the log was written by a later vaiven: %w", "el registro lo escribió un vaiven más nuevo: %w"), err),
			a.say("use that version, or another folder with --data", "usa esa versión, u otra carpeta con --data")}
	}
	return fmt.Errorf(a.say("log: %w", "registro: %w"), err)
}

// repairable reports whether an error is one that a new log cures: records
// that are gone or cannot be read. Everything else (another vaiven, a later
// version, no permission, a CSV that a person edited) is cured otherwise, and
// a log that is whole must not be set aside for it.
func repairable(err error) bool {
	if diskFails(err) {
		return false // nothing can be set aside on a disk that fails, nor is it the log that is damaged
	}
	var acked *stream.LostRecordsError
	var missing *stream.MissingError
	var ahead *csvfile.LostRecordsError
	return errors.As(err, &acked) || errors.As(err, &missing) || errors.As(err, &ahead) ||
		errors.Is(err, views.ErrLostRecords) || errors.Is(err, stream.ErrCorrupt) ||
		errors.Is(err, stream.ErrUnreadable) || errors.Is(err, stream.ErrNotALog)
}

func (a *app) doctorHint() string {
	return fmt.Sprintf(a.say(
		"nothing was changed. `vaiven doctor --data %s` says more, and with --repair sets the damaged files aside and starts a new log behind them",
		"no se cambió nada. `vaiven doctor --data %s` dice más, y con --repair aparta los archivos dañados y empieza un registro nuevo tras ellos"), a.c.Data)
}

// viewNotice tells what the views found at the start. That a CSV which was just
// set aside does not match the checkpoint has been said by the CSV itself.
func (a *app) viewNotice(n views.Notice) {
	if again, ok := n.(*views.ReplayNotice); ok && strings.HasPrefix(again.View, a.csv.Name()) && a.csvAside {
		return
	}
	a.notice(n.Text(a.lang), "")
}

// viewError explains why the views do not open over the log.
func (a *app) viewError(err error) error {
	var lost *views.LostRecordsError
	var ahead *csvfile.LostRecordsError
	var inUse *csvfile.InUseError
	var full *csvfile.AsideError
	var missing *stream.MissingError
	switch {
	case errors.As(err, &inUse):
		return hinted{worded{inUse.Text(a.lang), err}, a.say("stop it, or name another file with --csv", "detenlo, o indica otro archivo con --csv")}
	case errors.As(err, &full):
		return worded{full.Text(a.lang), err}
	case errors.As(err, &lost):
		return hinted{worded{lost.Text(a.lang), err}, a.doctorHint()}
	case errors.As(err, &ahead):
		return hinted{worded{ahead.Text(a.lang), err}, a.doctorHint()}
	case errors.Is(err, stream.ErrLater), errors.Is(err, stream.ErrCorrupt), errors.As(err, &missing):
		return a.logError(err)
	case errors.Is(err, os.ErrPermission), diskFails(err):
		return a.folderError(a.c.csvPath(), err)
	}
	return err
}
