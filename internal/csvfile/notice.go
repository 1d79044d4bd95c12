package csvfile

import (
	"fmt"
	"path/filepath"
	"strings"

	"vaiven"
)

// Kind says what a Notice is about.
type Kind string

// What is told about the file.
const (
	Edited         Kind = "edited"          // a person changed it: kept aside, ours built again
	Damaged        Kind = "damaged"         // a power cut or a disk changed it: likewise
	OtherLog       Kind = "other-log"       // it belongs to another log: set aside, a new one begun
	OtherShape     Kind = "before"          // it has other columns, digits or another zone: likewise
	TornRow        Kind = "torn-row"        // its last row was cut: completed
	NULTail        Kind = "nul-tail"        // it ended in NULs, as after a power cut: cut off
	SidecarDamaged Kind = "sidecar-damaged" // the sidecar cannot be read: set aside
	NoLock         Kind = "no-lock"         // its file system has no locks: nothing keeps another vaiven off

	FinishedGone    Kind = "finished-gone"    // files that ended before it are not there: left so
	FinishedChanged Kind = "finished-changed" // they are not as they were: left so
	FinishedAside   Kind = "finished-aside"   // they were set aside with it
	FinishedFound   Kind = "finished-found"   // they were found again behind a sidecar that was lost
	FinishedUnknown Kind = "finished-unknown" // files are named as they are, and are not known: left so

	EditedBefore Kind = "edited-before" // a person changed rows that the log does not have any more: left so
	BegunBehind  Kind = "begun-behind"  // such rows are not there any more: a file without them was begun
)

// Notice is something about the file that a person should know.
type Notice struct {
	Kind  Kind
	Path  string
	Aside string // where the old file is, when it was set aside
	Line  int    // the first line that differs, 0: none

	Files []string // names of finished files
	Count int      // of those that were set aside

	Rotate  string // how files end from now on, as in Options
	Missing []Span // rows that are in no file any more

	Row uint64 // IDdato: the last row that may have been changed, or the first of the file that was begun
}

// Text is the notice in words.
func (n Notice) Text(l vaiven.Lang) string {
	name, aside := filepath.Base(n.Path), filepath.Base(n.Aside)
	switch n.Kind {
	case Edited:
		return fmt.Sprintf(l.Say("%s was changed by somebody from line %d on: that file is kept as %s, and %[1]s is built again from the log",
			"alguien cambió %s desde la línea %d: ese archivo queda guardado como %s y %[1]s se reconstruye desde el registro"), name, n.Line, aside)
	case Damaged:
		return fmt.Sprintf(l.Say("%s is damaged from line %d on: that file is kept as %s, and %[1]s is built again from the log",
			"%s está dañado desde la línea %d: ese archivo queda guardado como %s y %[1]s se reconstruye desde el registro"), name, n.Line, aside)
	case OtherLog:
		return fmt.Sprintf(l.Say("%s belongs to another log: it is kept as %s, and a new file begins",
			"%s es de otro registro: queda guardado como %s y se empieza un archivo nuevo"), name, aside)
	case OtherShape:
		return fmt.Sprintf(l.Say("%s has other columns, other digits or another time zone: it is kept as %s, and a new file is built from the log",
			"%s tiene otras columnas, otras cifras u otra zona horaria: queda guardado como %s y se construye un archivo nuevo desde el registro"), name, aside)
	case TornRow:
		return fmt.Sprintf(l.Say("the last row of %s was cut: it has been completed",
			"la última fila de %s estaba cortada: ya está completa"), name)
	case NULTail:
		return fmt.Sprintf(l.Say("%s ended in empty bytes, as after a power cut: they have been cut off, and the rows are complete",
			"%s terminaba en bytes vacíos, como tras un corte de luz: se quitaron y las filas están completas"), name)
	case SidecarDamaged:
		return fmt.Sprintf(l.Say("the file that goes with %s cannot be read: it is kept as %s, and written anew",
			"el archivo que acompaña a %s no se puede leer: queda guardado como %s y se escribe de nuevo"), name, aside)
	case FinishedGone:
		return fmt.Sprintf(l.Say("finished files of %s are not there any more: %s. They are not written again",
			"ya no están estos archivos terminados de %s: %s. No se vuelven a escribir"), name, someOf(n.Files, l))
	case FinishedChanged:
		return fmt.Sprintf(l.Say("finished files of %s are not as they were written: %s. They are left so",
			"estos archivos terminados de %s no están como se escribieron: %s. Se dejan así"), name, someOf(n.Files, l))
	case FinishedAside:
		return fmt.Sprintf(l.Say("%d finished files of %s are kept under other names with it",
			"se guardan con otros nombres %d archivos terminados de %s"), n.Count, name)
	case FinishedFound:
		return fmt.Sprintf(l.Say("what went with %s was lost: files that ended before it were found again by their rows: %s. From now on --csv-rotate is %s",
			"se perdió lo que acompañaba a %s: por sus filas se reconocieron archivos que habían terminado antes: %s. Desde ahora --csv-rotate es %s"), name, someOf(n.Files, l), n.Rotate) + n.missing(l)
	case FinishedUnknown:
		return fmt.Sprintf(l.Say("beside %s lie files that are named like those that ended before it, and whose rows do not lead up to it: %s. They are left alone",
			"junto a %s hay archivos con nombres como los que terminaron antes, cuyas filas no llegan hasta él: %s. No se tocan"), name, someOf(n.Files, l))
	case EditedBefore:
		return fmt.Sprintf(l.Say("%s was changed somewhere up to row %d; the log does not have those readings any more, and they stay as they are",
			"alguien cambió %s en alguna parte hasta la fila %d; el registro ya no tiene esas lecturas y se dejan como están"), name, n.Row)
	case BegunBehind:
		text := fmt.Sprintf(l.Say("%s begins with row %d: the log does not have the earlier readings any more",
			"%s empieza en la fila %d: el registro ya no tiene las lecturas anteriores"), name, n.Row)
		text += n.missing(l)
		if len(n.Files) > 0 {
			text += fmt.Sprintf(l.Say("; the file that was there was cut short, and is %s now", "; el archivo que había estaba recortado y ahora es %s"), n.Files[0])
		}
		if n.Aside != "" {
			text += fmt.Sprintf(l.Say("; the file that was there is kept as %s", "; el archivo que había queda guardado como %s"), aside)
		}
		return text
	case NoLock:
		return fmt.Sprintf(l.Say("%s cannot be locked in its folder: let no other vaiven write it",
			"%s no se puede bloquear en su carpeta: que ningún otro vaiven lo escriba"), n.Path)
	}
	return string(n.Kind)
}

// missing says which rows are in no file any more.
func (n *Notice) missing(l vaiven.Lang) string {
	if len(n.Missing) == 0 {
		return ""
	}
	count := uint64(0)
	for _, s := range n.Missing {
		count += s.Last - s.First + 1
	}
	return fmt.Sprintf(l.Say("; %d rows are in no file any more: %s", "; %d filas ya no están en ningún archivo: %s"), count, SpansText(n.Missing, l))
}

// someOf names a few of many files.
func someOf(files []string, l vaiven.Lang) string {
	const few = 5
	if len(files) <= few {
		return strings.Join(files, ", ")
	}
	return strings.Join(files[:few], ", ") + fmt.Sprintf(l.Say(" and %d more", " y %d más"), len(files)-few)
}

// LostRecordsError says that the file holds readings that the log does not
// have: all its earlier rows are the log's, and more follow.
type LostRecordsError struct {
	Path string
	Rows uint64 // readings in the log
	More uint64 // rows that follow in the file, as far as was looked
}

// Fatal makes a start stop at this error.
func (e *LostRecordsError) Fatal() bool { return true }

func (e *LostRecordsError) Error() string { return e.Text(vaiven.English) }

// Text is the facts for a person.
func (e *LostRecordsError) Text(l vaiven.Lang) string {
	return fmt.Sprintf(l.Say("the log has lost records: it has %d readings, and %s goes on with row %d",
		"el registro ha perdido datos: tiene %d lecturas, y %s sigue con la fila %d"), e.Rows, e.Path, e.Rows+1)
}

// changedError says that somebody changed the file while it was open; the pump
// then begins again with Restore(nil).
type changedError struct{ path, how string }

func (e *changedError) Error() string { return e.path + " " + e.how }
func (e *changedError) Rewind() bool  { return true }
