// Package peer starts, measures and stops the servers that are compared, each
// in a process of its own.
//
// It owns the processes: every one that Start made is ended by its pid, by
// Stop, and dies with this program whatever happens to it. It does not own the
// load (package load) nor what boards say (package board). Start must be
// called from the thread that lives as long as the program (see Start). A
// server that does not come up, or does not go, is given up after a fixed time
// and killed.
package peer

import (
	"context"
	"os/exec"
	"path/filepath"

	"vaiven/bench/internal/load"
)

// Peer is one of the servers compared. Its functions are called by one
// goroutine.
type Peer struct {
	Key   string // for flags, tables and files
	Title string // for people: what it is, and what it does with a reading
	// Version asks the installed program; an error says how to install it.
	Version func(ctx context.Context) (string, error)
	// Command is the server on addr, with what it stores under dir.
	Command func(addr, dir string) (*exec.Cmd, error)
	// Board makes what board i says to it.
	Board func(i int) load.Protocol
	// CSV is the file with a row for each reading, under the data folder;
	// "" when nothing is stored.
	CSV string
	// Floor marks a server that is compared under load only: at rest it has
	// nothing to say.
	Floor bool
	// WayBack marks a server that has desired states and live feeds.
	WayBack bool
	// Verify checks what the stopped server left in its folder and returns a
	// line about it; nil when there is nothing that could be checked.
	Verify func(ctx context.Context, dir string) (string, error)
}

// Rows counts the readings in the peer's CSV in the data folder dir.
func (p *Peer) Rows(dir string) (uint64, error) {
	return countRows(filepath.Join(dir, p.CSV))
}
