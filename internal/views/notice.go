package views

import (
	"fmt"

	"vaiven"
)

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
