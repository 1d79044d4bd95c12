package views

import (
	"errors"
	"fmt"
	"time"

	"vaiven"
)

// LostRecordsError says that the log lacks records that it once had, with what
// shows it. Nothing may be appended to such a log before a person has looked:
// ids would be used twice. It matches ErrLostRecords.
type LostRecordsError struct {
	Seq      uint64 // the record at which it shows; the log's last for a checkpoint
	Expected uint64 // the record that should have come, 0 when that is not the reason

	Writer, N, Want uint64 // a writer's count that jumps from Want-1 to N

	Beginning  bool   // the log does not begin with its first record
	Checkpoint uint64 // the checkpoint knows the log up to here, and the log ends at Seq
}

// ErrLostRecords is what every error that says so matches.
var ErrLostRecords = errors.New("the log has lost records")

// Is makes errors.Is(err, ErrLostRecords) true.
func (e *LostRecordsError) Is(target error) bool { return target == ErrLostRecords }

// Fatal makes a start stop at this error.
func (e *LostRecordsError) Fatal() bool { return true }

func (e *LostRecordsError) Error() string { return e.Text(vaiven.English) }

// Text is the facts for a person.
func (e *LostRecordsError) Text(l vaiven.Lang) string {
	switch {
	case e.Checkpoint != 0:
		return fmt.Sprintf(l.Say("the log has lost records: it ends at record %d, and the checkpoint has seen record %d",
			"el registro ha perdido datos: termina en la entrada %d, y el punto de control vio la entrada %d"), e.Seq, e.Checkpoint)
	case e.Beginning:
		return fmt.Sprintf(l.Say("the log has lost records: it begins with record %d, which is not the first one of a log, and no snapshot says what came before",
			"el registro ha perdido datos: empieza en la entrada %d, que no es la primera de un registro, y ninguna instantánea dice qué había antes"), e.Seq)
	case e.Want != 0:
		return fmt.Sprintf(l.Say("the log has lost records: at record %d writer %016x has number %d, and %d should come",
			"el registro ha perdido datos: en la entrada %d el escritor %016x lleva el número %d, y debía venir el %d"), e.Seq, e.Writer, e.N, e.Want)
	}
	return fmt.Sprintf(l.Say("the log has lost records: record %d follows where record %d should be",
		"el registro ha perdido datos: aparece la entrada %d donde debía estar la %d"), e.Seq, e.Expected)
}

// SnapshotError says that a snapshot is not what the log's records make of it.
type SnapshotError struct{ Pos uint64 }

func (e *SnapshotError) Error() string { return e.Text(vaiven.English) }

// Text is the fact for a person.
func (e *SnapshotError) Text(l vaiven.Lang) string {
	return fmt.Sprintf(l.Say("the snapshot at record %d does not say what the log says", "la instantánea de la entrada %d no dice lo que dice el registro"), e.Pos)
}

// HoldError says that a log which is to be copied was being trimmed, and that this did
// not end: a view, or the disk, hangs.
type HoldError struct {
	After time.Duration // how long was waited
	View  string        // that holds it up, "" when that is not known
}

func (e *HoldError) Error() string { return e.Text(vaiven.English) }

// Text is the fact for a person.
func (e *HoldError) Text(l vaiven.Lang) string {
	text := fmt.Sprintf(l.Say("the log is being trimmed, and that has not ended after %s", "se están quitando entradas antiguas del registro, y eso no ha terminado tras %s"), e.After)
	if e.View != "" {
		text += fmt.Sprintf(l.Say(": view %s holds it up", ": lo detiene la vista %s"), e.View)
	}
	return text
}

// OtherLogError says that a record belongs to another log.
type OtherLogError struct{ Want, Got string }

// Fatal makes a start stop at this error.
func (e *OtherLogError) Fatal() bool { return true }

func (e *OtherLogError) Error() string {
	return fmt.Sprintf("the log says that it is log %s, not %s", e.Got, e.Want)
}

// AsideWhy says why a checkpoint was set aside; it is part of the file's name.
type AsideWhy string

// Why a checkpoint is set aside.
const (
	AsideDamaged  AsideWhy = "damaged"   // its checksum is wrong, or it is cut
	AsideNewer    AsideWhy = "newer"     // a later vaiven wrote it
	AsideOtherLog AsideWhy = "other-log" // it belongs to another log
)

// AsideNotice says that the checkpoint was set aside, and that the whole log is
// being replayed instead. Nothing is lost by that but time.
type AsideNotice struct {
	Path  string
	Aside string // where it is now
	Why   AsideWhy
}

// Text is the notice in words.
func (n *AsideNotice) Text(l vaiven.Lang) string {
	switch n.Why {
	case AsideNewer:
		return fmt.Sprintf(l.Say("the checkpoint was written by a later vaiven; it is kept as %s, and the whole log is read again",
			"el punto de control lo escribió un vaiven más nuevo; queda guardado como %s y se relee todo el registro"), n.Aside)
	case AsideOtherLog:
		return fmt.Sprintf(l.Say("the checkpoint belongs to another log; it is kept as %s, and the whole log is read again",
			"el punto de control es de otro registro; queda guardado como %s y se relee todo el registro"), n.Aside)
	}
	return fmt.Sprintf(l.Say("the checkpoint is damaged; it is kept as %s, and the whole log is read again",
		"el punto de control está dañado; queda guardado como %s y se relee todo el registro"), n.Aside)
}

// ReplayNotice says that one view's own data did not match the checkpoint, and
// that the view is rebuilt from the whole log.
type ReplayNotice struct {
	View string
	Err  error
}

// Text is the notice in words.
func (n *ReplayNotice) Text(l vaiven.Lang) string {
	return fmt.Sprintf(l.Say("%s does not match the checkpoint (%v); it is compared with the whole log",
		"%s no coincide con el punto de control (%v); se compara con todo el registro"), n.View, n.Err)
}
