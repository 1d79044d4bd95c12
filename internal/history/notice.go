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
	LostBlocks Kind = "blocks"    // blocks that cannot be read
)

// Notice is something about the folder that a person should know.
type Notice struct {
	Kind   Kind
	Path   string
	Aside  string      // where the old folder is
	Blocks []ulid.ULID // those that cannot be read
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
	}
	return string(n.Kind)
}
