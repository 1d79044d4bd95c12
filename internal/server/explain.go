package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"vaiven"
	"vaiven/internal/csvfile"
	"vaiven/internal/stream"
	"vaiven/internal/views"
)

// Error is an error in words for a person: what is wrong, and what to try.
type Error struct {
	Text string // in the language that was asked for
	Hint string // in that language; "": nothing that would help is known
	Err  error  // what it explains
}

func (e *Error) Error() string { return e.Text }
func (e *Error) Unwrap() error { return e.Err }

// Explainer puts the errors of a data folder, its log and its views into words. The
// server, and the commands that look at a folder whose server is stopped, explain
// alike. What it cannot explain it returns as it is, or with the part that failed.
type Explainer struct {
	Lang vaiven.Lang
	Data string // the data folder
	CSV  string // the CSV file
}

// Explainer explains the errors of the server that o would open.
func (o *Options) Explainer() Explainer { return Explainer{o.Lang, o.Data, o.CSVPath()} }

// DoctorHint is what to try when the log is damaged.
func (x Explainer) DoctorHint() string {
	return fmt.Sprintf(x.Lang.Say(
		"nothing was changed. `vaiven doctor --data %s` says more, and with --repair sets the damaged files aside and starts a new log behind them",
		"no se cambió nada. `vaiven doctor --data %s` dice más, y con --repair aparta los archivos dañados y empieza un registro nuevo tras ellos"), x.Data)
}

// Log explains why the log does not open, or cannot be read on.
func (x Explainer) Log(err error) error {
	if failed := x.disk(x.Data, err); failed != nil {
		return failed
	}
	var lost *stream.LostRecordsError
	var unsaid *stream.NoSnapshotError
	var missing *stream.MissingError
	var own *stream.OwnLogError
	var away *stream.UnreachableError
	switch {
	case errors.As(err, &away) && away.Refused:
		return &Error{fmt.Sprintf(x.Lang.Say("the NATS server at %s does not accept this user", "el servidor NATS de %s no acepta a este usuario"), away.Servers), x.Lang.Say(
			"user and password go into the address: --nats nats://USER:PASSWORD@HOST:4222", "usuario y contraseña van en la dirección: --nats nats://USUARIO:CONTRASEÑA@HOST:4222"), err}
	case errors.As(err, &away):
		return &Error{fmt.Sprintf(x.Lang.Say("no NATS server answers at %s", "ningún servidor NATS responde en %s"), away.Servers), x.Lang.Say(
			"is it running, and does a firewall let port 4222 through? Without --nats vaiven needs none: it brings its own",
			"¿está en marcha, y deja pasar un cortafuegos el puerto 4222? Sin --nats vaiven no necesita ninguno: trae el suyo"), err}
	case errors.As(err, &own):
		own := *own
		own.Dir = x.Data
		return &Error{own.Text(x.Lang), x.Lang.Say(
			"nothing was changed. Start without --nats, or give --nats a folder of its own with --data. How a log moves to a NATS server, also a restored one: docs/RUNNING.md, External NATS",
			"no se cambió nada. Inicia sin --nats, o dale a --nats una carpeta propia con --data. Cómo pasa un registro a un servidor NATS, también uno restaurado: docs/RUNNING.es.md, NATS externo"), err}
	case errors.Is(err, stream.ErrLocked):
		return &Error{fmt.Sprintf(x.Lang.Say("%s is in use by another vaiven", "%s está en uso por otro vaiven"), x.Data), x.Lang.Say(
			"stop that one, or give this one a folder of its own with --data", "cierra ese otro, o dale a este su propia carpeta con --data"), err}
	case errors.Is(err, stream.ErrNotWritable):
		return x.Folder(x.Data, os.ErrPermission)
	case errors.As(err, &lost):
		return &Error{fmt.Sprintf(x.Lang.Say(
			"the log has lost records: it ends at record %d, and record %d was acknowledged",
			"el registro ha perdido datos: termina en la entrada %d, y se había confirmado la %d"), lost.Have, lost.Want), x.DoctorHint(), err}
	case errors.As(err, &unsaid):
		return &Error{unsaid.Text(x.Lang), x.DoctorHint(), err}
	case errors.As(err, &missing), errors.Is(err, stream.ErrUnreadable), errors.Is(err, stream.ErrCorrupt):
		return &Error{x.Lang.Say("the log is damaged: ", "el registro está dañado: ") + err.Error(), x.DoctorHint(), err}
	case errors.Is(err, stream.ErrLater):
		return &Error{x.Lang.Say("the log was written by a later vaiven: ", "el registro lo escribió un vaiven más nuevo: ") + err.Error(),
			x.Lang.Say("use that version, or another folder with --data", "usa esa versión, u otra carpeta con --data"), err}
	}
	return &Error{Text: x.Lang.Say("log: ", "registro: ") + err.Error(), Err: err}
}

// Repairable reports whether an error is one that a new log cures: records that are
// gone or cannot be read. Everything else (another vaiven, a later version, no
// permission, a CSV that a person edited) is cured otherwise, and a log that is whole
// must not be set aside for it.
func Repairable(err error) bool {
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

// Views explains why the views do not open over the log.
func (x Explainer) Views(err error) error {
	var lost *views.LostRecordsError
	var ahead *csvfile.LostRecordsError
	var inUse *csvfile.InUseError
	var full *csvfile.AsideError
	var missing *stream.MissingError
	switch {
	case errors.As(err, &inUse):
		return &Error{inUse.Text(x.Lang), x.Lang.Say("stop it, or name another file with --csv", "detenlo, o indica otro archivo con --csv"), err}
	case errors.As(err, &full):
		return &Error{Text: full.Text(x.Lang), Err: err}
	case errors.As(err, &lost):
		return &Error{lost.Text(x.Lang), x.DoctorHint(), err}
	case errors.As(err, &ahead):
		return &Error{ahead.Text(x.Lang), x.DoctorHint(), err}
	case errors.Is(err, stream.ErrLater), errors.Is(err, stream.ErrCorrupt), errors.As(err, &missing):
		return x.Log(err)
	case errors.Is(err, os.ErrPermission), diskFails(err):
		return x.Folder(x.CSV, err)
	}
	return err
}

// History explains why the folder of the history does not open.
func (x Explainer) History(dir string, err error) error {
	if errors.Is(err, os.ErrPermission) || diskFails(err) {
		return x.Folder(dir, err)
	}
	return &Error{err.Error(), fmt.Sprintf(x.Lang.Say(
		"`vaiven serve --no-history` starts without it; with %s moved away it is built again from what the log still has",
		"`vaiven serve --no-history` arranca sin él; si apartas %s se reconstruye desde lo que el registro todavía tenga"), dir), err}
}

// Folder explains why a folder, or the file at a path, cannot be used.
func (x Explainer) Folder(dir string, err error) error {
	if _, missing := os.Stat(dir); errors.Is(missing, os.ErrNotExist) {
		dir = filepath.Dir(dir) // it is the folder around it that refuses
	}
	if failed := x.disk(dir, err); failed != nil {
		return failed
	}
	switch {
	case errors.Is(err, os.ErrPermission):
		return &Error{fmt.Sprintf(x.Lang.Say("cannot write in %s", "no se puede escribir en %s"), dir), x.Lang.Say(
			"choose a folder of yours with --data, or correct its owner: sudo chown -R $USER "+dir,
			"elige una carpeta tuya con --data, o corrige su dueño: sudo chown -R $USER "+dir), err}
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, os.ErrExist):
		return &Error{fmt.Sprintf(x.Lang.Say("%s is not a folder", "%s no es una carpeta"), dir),
			x.Lang.Say("choose another with --data", "elige otra con --data"), err}
	}
	return fmt.Errorf("%s: %w", dir, err)
}

// diskFails reports whether an error is the disk's own: nothing that owners,
// permissions or another start could cure.
func diskFails(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.ENODEV)
}

// disk explains an error that is the disk's own; nil when it is not.
func (x Explainer) disk(dir string, err error) error {
	if !diskFails(err) {
		return nil
	}
	text, hint := x.diskTrouble(dir, err)
	return &Error{text, hint, err}
}

// diskTrouble says that a folder's disk does not take what is written, and what
// helps.
func (x Explainer) diskTrouble(dir string, err error) (text, hint string) {
	why := err
	var system syscall.Errno
	if errors.As(err, &system) {
		why = system
	}
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf(x.Lang.Say("%s is on a file system that is read-only", "%s está en un sistema de archivos de solo lectura"), dir), x.Lang.Say(
			"Linux makes it so when a card fails: `dmesg | tail` says why. sudo mount -o remount,rw makes it writable again; a card that does this twice must be replaced",
			"Linux lo deja así cuando una tarjeta falla: `dmesg | tail` dice por qué. sudo mount -o remount,rw permite escribir otra vez; una tarjeta que lo hace dos veces se debe cambiar")
	case diskFails(err):
		return fmt.Sprintf(x.Lang.Say("the disk of %s fails (%v)", "el disco de %s falla (%v)"), dir, why), x.Lang.Say(
			"`dmesg | tail` says more. Copy the folder to another disk while it can be read, and replace the card",
			"`dmesg | tail` dice más. Copia la carpeta a otro disco mientras se pueda leer, y cambia la tarjeta")
	}
	return fmt.Sprintf(x.Lang.Say("%s cannot be written (%v)", "no se puede escribir en %s (%v)"), dir, why),
		fmt.Sprintf(x.Lang.Say("`vaiven doctor --data %s` looks closer", "`vaiven doctor --data %s` mira más de cerca"), dir)
}

// logTrouble says why a log that is open takes no readings now, and what helps.
func (x Explainer) logTrouble(err error) (text, hint string) {
	keep := x.Lang.Say("boards that number their readings keep them meanwhile", "las placas que numeran sus lecturas las conservan mientras tanto")
	var low *stream.LowDiskError
	var busy *stream.BusyError
	switch {
	case errors.As(err, &low):
		const mib = 1 << 20
		return fmt.Sprintf(x.Lang.Say("the disk is full (%.1f MiB free, %.1f MiB are kept in reserve): readings are not taken",
				"el disco está lleno (%.1f MiB libres, se reservan %.1f MiB): no se aceptan lecturas"), float64(low.Free)/mib, float64(low.Reserve)/mib),
			x.Lang.Say("make room; ", "libera espacio; ") + keep
	case errors.As(err, &busy) && busy.Why != nil:
		text, hint := x.diskTrouble(x.Data, busy.Why)
		return text + x.Lang.Say(": readings are not taken", ": no se aceptan lecturas"), hint + "; " + keep
	case errors.As(err, &busy):
		return x.Lang.Say("the log does not move: readings are not taken", "el registro no avanza: no se aceptan lecturas"), keep
	case errors.Is(err, stream.ErrDisconnected):
		return x.Lang.Say("NATS cannot be reached: readings are not taken", "no se llega a NATS: no se aceptan lecturas"), keep
	}
	return x.Lang.Say("log: ", "registro: ") + err.Error(), keep
}

// inWords is what an error of a view says in the language asked for, if it can.
func (x Explainer) inWords(err error) string {
	var said interface{ Text(vaiven.Lang) string }
	if errors.As(err, &said) {
		return said.Text(x.Lang)
	}
	return err.Error()
}

// explainListen explains why an address cannot be listened on.
func explainListen(lang vaiven.Lang, flag, addr string, err error) error {
	_, port, _ := net.SplitHostPort(addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		next := "8081"
		if n, bad := strconv.Atoi(port); bad == nil && n < 65535 {
			next = strconv.Itoa(n + 1)
		}
		return &Error{fmt.Sprintf(lang.Say("port %s is in use", "el puerto %s está ocupado"), port), fmt.Sprintf(lang.Say(
			"another program (or another vaiven) listens there: stop it, or choose another with %s :%s",
			"otro programa (u otro vaiven) escucha ahí: ciérralo, o elige otro con %s :%s"), flag, next), err}
	case errors.Is(err, os.ErrPermission):
		return &Error{fmt.Sprintf(lang.Say("no permission for port %s", "sin permiso para el puerto %s"), port), fmt.Sprintf(lang.Say(
			"ports below 1024 are the system's: sudo setcap cap_net_bind_service=+ep vaiven, or AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit, or a port from 1024 on with %s",
			"los puertos menores que 1024 son del sistema: sudo setcap cap_net_bind_service=+ep vaiven, o AmbientCapabilities=CAP_NET_BIND_SERVICE en su unidad de systemd, o un puerto desde 1024 con %s"), flag), err}
	}
	return fmt.Errorf("%s %s: %w", flag, addr, err)
}
