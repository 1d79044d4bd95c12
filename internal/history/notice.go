package history

import (
	"fmt"
	"path/filepath"

	"github.com/oklog/ulid/v2"

	"vaiven"
)

// Kind says what a Notice is about.
type Kind string

// What is told about the folder.
const (
	OtherLog   Kind = "other-log" // it belongs to another log: set aside, a new one begun
	Rescued    Kind = "rescued"   // its manifest is damaged: the blocks that are whole are used
	LostBlocks Kind = "blocks"    // blocks that cannot be opened

	DamagedBlock  Kind = "block"  // a block that cannot be read in full
	MissedRecords Kind = "missed" // records that the log does not have any more
)

// Notice is something about the folder that a person should know.
type Notice struct {
	Kind   Kind
	Path   string
	Aside  string         // where the old folder is
	Blocks []ulid.ULID    // those that cannot be read
	Part   vaiven.Stretch // of a DamagedBlock, where it was met
	Missed Missed         // of MissedRecords
}

// Text is the notice in words.
func (n Notice) Text(l vaiven.Lang) string {
	name := filepath.Base(n.Path)
	switch n.Kind {
	case OtherLog:
		return fmt.Sprintf(l.Say("the folder %s belongs to another log: it is kept as %s, and history is built again from the log",
			"la carpeta %s es de otro registro: queda guardada como %s y el historial se reconstruye desde el registro"), name, filepath.Base(n.Aside))
	case Rescued:
		return fmt.Sprintf(l.Say("the list of blocks in %s is damaged: all blocks that are whole are used, and the rest is built again from the log",
			"la lista de bloques de %s está dañada: se usan todos los bloques enteros, y el resto se reconstruye desde el registro"), name)
	case LostBlocks:
		return fmt.Sprintf(l.Say("blocks in %s cannot be read, and what they hold is missing from the history: %s",
			"hay bloques de %s que no se pueden leer, y lo que contienen falta en el historial: %s"), name, fmt.Sprint(n.Blocks))
	case MissedRecords:
		return fmt.Sprintf(l.Say("the history in %s lacks %s: the log does not have that any more", "al historial de %s le falta %s: el registro ya no lo tiene"), name, n.Missed.Text(l))
	case DamagedBlock:
		return fmt.Sprintf(l.Say("the block %[2]s in %[1]s is damaged: something of the time from %[3]s to %[4]s cannot be read, all else can",
			"el bloque %[2]s de %[1]s está dañado: algo del tiempo de %[3]s a %[4]s no se puede leer, lo demás sí"), name, n.Blocks[0], moment(n.Part.From), moment(n.Part.To))
	}
	return string(n.Kind)
}

// Hint says what to do, "" when that is nothing.
func (n Notice) Hint(l vaiven.Lang) string {
	switch n.Kind {
	case LostBlocks, DamagedBlock:
		return rebuildHint(l)
	case MissedRecords:
		return l.Say("a newer copy of the folder history, put there while the server is stopped, may have it",
			"quizá esté en una copia más nueva de la carpeta history, que se pone con el servidor detenido")
	}
	return ""
}

// rebuildHint says what to do about blocks that cannot be read.
func rebuildHint(l vaiven.Lang) string {
	return l.Say(
		"with the server stopped, put the folder history back from a backup, or move it away: the next start builds again what the log still has, and nothing older",
		"con el servidor detenido, repón la carpeta history de una copia de seguridad o apártala: el próximo inicio reconstruye lo que el registro todavía tiene, y nada más antiguo")
}
