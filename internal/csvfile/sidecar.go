package csvfile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"vaiven/internal/atomicfile"
	"vaiven/internal/csvform"
)

// SidecarSuffix is what the sidecar's name adds to the CSV's.
const SidecarSuffix = ".vaiven.json"

// The versions of sidecars: since readings without any of the columns have no row, and
// since files end. A sidecar of which no file ended says the former, so that an
// earlier vaiven goes on with it.
const (
	versionOfRows     = 2
	versionOfRotation = 3
	sidecarVersion    = versionOfRotation
)

// rowsOfColumns says that only readings with one of the columns have a row. The
// files of before, whose sidecars do not say it, have one for every reading.
const rowsOfColumns = "with-columns"

// Sidecar is what is fixed when a CSV file is created, and which files have ended
// before the current one.
type Sidecar struct {
	Version int       `json:"version"`
	Log     string    `json:"log"`               // the log that the file is a view of
	Columns []string  `json:"columns"`           // the measurements, in their order
	Zone    string    `json:"zone"`              // IANA name, or Recorded
	Rows    string    `json:"rows,omitempty"`    // which readings have one; "": all
	Digits  int       `json:"digits,omitempty"`  // ThreeFigures; 0: TEMP and HUM are exact
	Dialect string    `json:"dialect,omitempty"` // "": the exact file
	Created time.Time `json:"created"`

	// From is the first row of a file that was begun when the log no longer had the
	// earlier ones; 0: 1, or what Finished says.
	From uint64 `json:"from,omitempty"`

	Rotate   string     `json:"rotate,omitempty"`   // as in Options; "": off
	Finished []Finished `json:"finished,omitempty"` // in the order of their rows
}

// errSidecar says that a sidecar cannot be read.
var errSidecar = errors.New("the sidecar is damaged")

// ReadSidecar reads the sidecar of a CSV file. The error is fs.ErrNotExist when
// there is none.
func ReadSidecar(csv string) (*Sidecar, error) {
	b, err := os.ReadFile(csv + SidecarSuffix)
	if err != nil {
		return nil, err
	}
	var s Sidecar
	if err := json.Unmarshal(b, &s); err != nil || s.Version < 1 || s.Log == "" || s.Zone == "" {
		return nil, errSidecar
	}
	if s.Version > sidecarVersion {
		return nil, fmt.Errorf("%s was written by a later vaiven", csv+SidecarSuffix)
	}
	if !csvform.KnownDialect(s.Dialect) || s.Digits != 0 && s.Digits != ThreeFigures {
		return nil, fmt.Errorf("%s was written by a later vaiven", csv+SidecarSuffix)
	}
	return &s, nil
}

// write puts the sidecar next to the CSV file, whole or not at all.
func (s *Sidecar) write(csv string) error {
	if s.Rotate != "" || len(s.Finished) > 0 || s.From > 0 {
		s.Version = max(s.Version, versionOfRotation)
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(csv+SidecarSuffix, append(b, '\n'))
}

// findSidecar finds what is fixed for the file: as it exists, or as it is asked
// for. It sets aside what belongs to another log, or is another file by now,
// and writes the sidecar when there is none.
func (f *File) findSidecar(o Options) (*Sidecar, error) {
	old, err := ReadSidecar(o.Path)
	lost := errors.Is(err, fs.ErrNotExist) || errors.Is(err, errSidecar)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, errSidecar):
		if err := f.checkAside(); err != nil {
			return nil, err
		}
		aside, err := f.setAside(f.path+SidecarSuffix, "damaged")
		if err != nil {
			return nil, err
		}
		f.notify(Notice{Kind: SidecarDamaged, Path: f.path, Aside: aside})
	case err != nil:
		return nil, err
	case old.Log != o.Log:
		if err := f.setAllAside(old, "other-log", OtherLog); err != nil {
			return nil, err
		}
	case o.differFrom(old):
		o.Rotate = cmp.Or(o.Rotate, old.Rotate)
		if err := f.setAllAside(old, "before", OtherShape); err != nil {
			return nil, err
		}
	default:
		return old, nil
	}
	side := f.newSidecar(o)
	if lost {
		if err := f.findFinished(side, o.Rotate); err != nil {
			return nil, err
		}
	}
	return side, side.write(o.Path)
}

// newSidecar is that of a file that begins, as it is asked for.
func (f *File) newSidecar(o Options) *Sidecar {
	side := &Sidecar{Version: versionOfRows, Log: o.Log, Columns: o.Columns, Zone: o.Zone, Rows: rowsOfColumns, Dialect: o.Dialect, Created: f.now().UTC()}
	if o.Rotate != RotateOff {
		side.Rotate = o.Rotate
	}
	if o.Digits == ThreeFigures {
		side.Digits = ThreeFigures
	}
	if len(side.Columns) == 0 {
		side.Columns = []string{"TEMP", "HUM"}
	}
	if side.Zone == "" {
		side.Zone = LocalZone()
	}
	return side
}

// differFrom reports whether another file is asked for than the one that is there.
func (o *Options) differFrom(old *Sidecar) bool {
	return len(o.Columns) > 0 && !slices.Equal(o.Columns, old.Columns) ||
		o.Zone != "" && o.Zone != old.Zone ||
		o.Digits != 0 && (o.Digits == ThreeFigures) != (old.Digits == ThreeFigures) ||
		o.Dialect != old.Dialect
}

// setAllAside sets the file, those that ended before it, and the sidecar aside; the
// sidecar last, so that a start which died on the way is gone through again.
func (f *File) setAllAside(old *Sidecar, why string, kind Kind) error {
	there, err := exists(f.path)
	if err != nil {
		return err
	}
	if err := f.checkAside(); err != nil {
		return err
	}
	if n, err := f.setFinishedAside(old, why); err != nil {
		return err
	} else if n > 0 {
		f.notify(Notice{Kind: FinishedAside, Path: f.path, Count: n})
	}
	aside, err := f.asideName(f.path, why)
	if err != nil {
		return err
	}
	if there {
		if err := os.Rename(f.path, aside); err != nil {
			return err
		}
		f.notify(Notice{Kind: kind, Path: f.path, Aside: aside})
	}
	return os.Rename(f.path+SidecarSuffix, aside+SidecarSuffix)
}

// exists reports whether there is anything under the name.
func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
