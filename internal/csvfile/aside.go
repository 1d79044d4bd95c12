package csvfile

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/atomicfile"
)

const (
	// maxAside is how many files set aside may lie beside the CSV. None is ever
	// removed by us: each may hold somebody's work.
	maxAside = 10
	// asidePause is the least time between two of a running server: whatever
	// writes into the file again and again must not fill the disk.
	asidePause = time.Minute
)

// AsideError says that the file is not the log's any more, and is not set aside
// now: it stays as it is, and its rows wait in the log.
type AsideError struct {
	Path string
	Many int // files that lie there, 0: it is too soon after the last one
}

func (e *AsideError) Error() string { return e.Text(vaiven.English) }

// Rewind makes the pump begin again: the file may be another by then.
func (e *AsideError) Rewind() bool { return true }

// Text is the facts for a person.
func (e *AsideError) Text(l vaiven.Lang) string {
	if e.Many == 0 {
		return fmt.Sprintf(l.Say("%s was changed by somebody again within a minute: it is built again later",
			"alguien cambió %s otra vez en menos de un minuto: se reconstruye más tarde"), e.Path)
	}
	return fmt.Sprintf(l.Say("%s is not what the log says, and %d files are set aside beside it already: move them away, and it is built again",
		"%s no es lo que dice el registro, y ya hay %d archivos apartados a su lado: muévelos a otra parte y se reconstruye"), e.Path, e.Many)
}

// checkAside reports whether another file may be set aside now; the error is an
// *AsideError.
func (f *File) checkAside() error {
	f.blocked = true
	if f.replayed && !f.lastAside.IsZero() && f.now().Sub(f.lastAside) < asidePause {
		return &AsideError{Path: f.path}
	}
	if n, err := countAside(f.path); err != nil {
		return err
	} else if n >= maxAside {
		return &AsideError{Path: f.path, Many: n}
	}
	f.blocked = false
	return nil
}

// setAside renames a file of ours to a telling name. Ask checkAside first.
func (f *File) setAside(path, why string) (string, error) {
	aside, err := f.asideName(path, why)
	if err == nil {
		err = os.Rename(path, aside)
	}
	if err == nil {
		f.lastAside = f.now()
	}
	return aside, err
}

// asideName is a name at which neither a CSV nor a sidecar lies.
func (f *File) asideName(path, why string) (string, error) {
	return atomicfile.AsideName(path, why, f.now(), SidecarSuffix)
}

// countAside counts the files that asideName has named for this CSV.
func countAside(path string) (int, error) {
	ext := filepath.Ext(path)
	ours := regexp.MustCompile("^" + regexp.QuoteMeta(strings.TrimSuffix(filepath.Base(path), ext)) +
		`\.(edited|damaged|other-log|before)-[0-9]{8}-[0-9]{6}(-[0-9]+)?` + regexp.QuoteMeta(ext) + "$")
	sidecar := regexp.MustCompile("^" + regexp.QuoteMeta(filepath.Base(path)) + `\.vaiven\.damaged-[0-9]{8}-[0-9]{6}(-[0-9]+)?\.json$`)
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		if ours.MatchString(e.Name()) || sidecar.MatchString(e.Name()) {
			n++
		}
	}
	return n, nil
}
