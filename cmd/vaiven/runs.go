package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"vaiven/internal/atomicfile"
)

// folderPrefix begins the names of a command's run folders.
var folderPrefix = map[string]string{"lab": "lab", "workshop": "taller"}

// turnName is a file in a run's folder: the how-manieth use of the folders beside
// each other its last one was. It tells which was used last where no clock does: a
// Pi without internet starts with an old time, names included.
const turnName = "turn"

// runFolder is a folder of lab or workshop.
type runFolder struct {
	dir  string
	turn uint64    // 0: of an earlier vaiven
	used time.Time // when the log was last written, by the clock of then
}

// runFolders are the runs of a kind in this folder, the one used last in front.
// A folder without a log is none.
func runFolders(prefix string) []runFolder {
	var all []runFolder
	dirs, _ := filepath.Glob(prefix + "-[0-9]*-[0-9]*") // the pattern is right
	for _, dir := range dirs {
		if _, err := os.Stat(logDir(dir)); err != nil {
			continue
		}
		r := runFolder{dir: dir}
		if b, err := os.ReadFile(filepath.Join(dir, turnName)); err == nil {
			r.turn, _ = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
		}
		if info, err := os.Stat(filepath.Join(logDir(dir), "acked")); err == nil {
			r.used = info.ModTime()
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b runFolder) int {
		return cmp.Or(cmp.Compare(b.turn, a.turn), b.used.Compare(a.used), strings.Compare(b.dir, a.dir))
	})
	return all
}

// chooseFolder gives a run its folder: the one that was named, the last one of
// its kind to go on with, or a new one.
func (p *program) chooseFolder(c *config, prefix string, again bool) error {
	switch {
	case c.Data != "" && again:
		return usageError{errors.New(p.say("--data already says which folder: leave --continue out", "--data ya dice qué carpeta: omite --continue"))}
	case c.Data != "":
		return nil
	}
	old := runFolders(prefix)
	if len(old) > 0 {
		c.turn = old[0].turn
	}
	c.turn++
	if !again {
		c.Data = newFolder(prefix, time.Now())
		return nil
	}
	if len(old) == 0 {
		return hinted{fmt.Errorf(p.say("no folder %s-... here to continue", "no hay aquí ninguna carpeta %s-... para continuar"), prefix),
			p.say("run it without --continue first, or name a folder with --data", "primero ejecútalo sin --continue, o indica una carpeta con --data")}
	}
	c.Data, c.continued = old[0].dir, len(old)
	return nil
}

// newFolder names a folder that is not there: a clock that went back may name one
// that is.
func newFolder(prefix string, now time.Time) string {
	for ; ; now = now.Add(time.Second) {
		dir := prefix + now.Format("-20060102-150405")
		if _, err := os.Lstat(dir); err != nil {
			return dir
		}
	}
}

// markTurn notes that the folder is the one used last. If we die before, or it
// cannot be written, the time of the log decides.
func (a *app) markTurn() {
	if a.c.turn == 0 {
		return
	}
	path := filepath.Join(a.c.Data, turnName)
	if err := atomicfile.Write(path, []byte(strconv.FormatUint(a.c.turn, 10)+"\n")); err != nil {
		a.logger.Warn("the run is not marked as the last one", "err", err)
	}
}
