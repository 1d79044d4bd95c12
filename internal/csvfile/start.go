package csvfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// sidecar finds what is fixed for the file: as it exists, or as it is asked
// for. It sets aside what belongs to another log, or is another file by now,
// and writes the sidecar when there is none.
func (f *File) sidecar(o Options) (*Sidecar, error) {
	old, err := ReadSidecar(o.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, errSidecar):
		if err := f.mayAside(); err != nil {
			return nil, err
		}
		aside, err := f.aside(f.path+SidecarSuffix, "damaged")
		if err != nil {
			return nil, err
		}
		f.notify(Notice{Kind: SidecarDamaged, Path: f.path, Aside: aside})
	case err != nil:
		return nil, err
	case old.Log != o.Log:
		if err := f.asideBoth("other-log", OtherLog); err != nil {
			return nil, err
		}
		old = nil
	case o.another(old):
		if err := f.asideBoth("before", OtherShape); err != nil {
			return nil, err
		}
		old = nil
	default:
		return old, nil
	}
	side := &Sidecar{Version: sidecarVersion, Log: o.Log, Columns: o.Columns, Zone: o.Zone, Rows: rowsOfColumns, Dialect: o.Dialect, Created: f.now().UTC()}
	if o.Digits == ThreeFigures {
		side.Digits = ThreeFigures
	}
	if len(side.Columns) == 0 {
		side.Columns = []string{"TEMP", "HUM"}
	}
	if side.Zone == "" {
		side.Zone = LocalZone()
	}
	return side, side.write(o.Path)
}

// another reports whether another file is asked for than the one that is there.
func (o *Options) another(old *Sidecar) bool {
	return len(o.Columns) > 0 && !slices.Equal(o.Columns, old.Columns) ||
		o.Zone != "" && o.Zone != old.Zone ||
		o.Digits != 0 && (o.Digits == ThreeFigures) != (old.Digits == ThreeFigures) ||
		o.Dialect != old.Dialect
}

// asideBoth sets the file and its sidecar aside.
func (f *File) asideBoth(why string, kind Kind) error {
	there, err := exists(f.path)
	if err != nil {
		return err
	}
	if err := f.mayAside(); err != nil {
		return err
	}
	aside := asideName(f.path, why, f.now())
	if there {
		if err := os.Rename(f.path, aside); err != nil {
			return err
		}
		f.notify(Notice{Kind: kind, Path: f.path, Aside: aside})
	}
	return os.Rename(f.path+SidecarSuffix, aside+SidecarSuffix)
}

// Restore goes to where a Snapshot was taken, when the file's beginning still
// is what it was then; it returns an error when not. Restore(nil) goes to the
// file's beginning. What the file holds behind that is compared with what Apply
// brings.
func (f *File) Restore(snap []byte) error {
	f.drop()
	f.buf, f.torn = f.buf[:0], false
	if f.blocked {
		if err := f.mayAside(); err != nil {
			return err // before the whole log is read for nothing
		}
	}
	var s snapshot
	if snap != nil {
		if err := json.Unmarshal(snap, &s); err != nil {
			return fmt.Errorf("csv: snapshot: %w", err)
		}
	}
	if err := f.openFile(); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	info, err := f.file.Stat()
	if err != nil {
		f.drop()
		return fmt.Errorf("csv: %w", err)
	}
	if snap != nil {
		sum, err := sumFile(f.file, s.Bytes)
		if err == nil && (sum != s.Sum || info.Size() < s.Bytes) {
			err = &changedError{f.path, "has changed"}
		}
		if err != nil {
			f.drop()
			return err
		}
	}
	f.size, f.sum = s.Bytes, s.Sum
	f.setRows(s.Rows)
	f.old = newRest(f.file, f.size, info.Size())
	if snap != nil {
		return nil
	}
	f.buf = append(f.buf, f.format.header()...)
	return f.compare()
}

// openFile opens or creates the file, and writes the sidecar again when it is
// gone with it.
func (f *File) openFile() error {
	if err := f.take(); err != nil {
		return err
	}
	there, err := exists(f.path + SidecarSuffix)
	if err != nil {
		return err
	}
	if !there {
		if err := f.side.write(f.path); err != nil {
			return err
		}
	}
	f.file, err = os.OpenFile(f.path, os.O_RDWR|os.O_CREATE, 0o644)
	return err
}

// rest is the part of the file that is still to be compared.
type rest struct {
	file *os.File
	at   int64 // start of buf
	end  int64 // the file's length
	buf  []byte
}

func newRest(file *os.File, at, end int64) *rest { return &rest{file: file, at: at, end: end} }

// peek returns up to n bytes at offset off, fewer at the file's end. Offsets
// never go back.
func (r *rest) peek(off int64, n int) ([]byte, error) {
	n = int(min(int64(n), r.end-off))
	if skip := off - r.at; skip >= int64(len(r.buf)) {
		r.buf = r.buf[:0]
	} else {
		r.buf = r.buf[skip:]
	}
	r.at = off
	if len(r.buf) < n {
		have := len(r.buf)
		more := int(min(r.end-off, int64(max(n, flushAt))))
		r.buf = append(make([]byte, 0, more), r.buf...)[:more]
		if _, err := r.file.ReadAt(r.buf[have:], off+int64(have)); err != nil {
			r.buf = r.buf[:have]
			return nil, err
		}
	}
	return r.buf[:n], nil
}

// compare takes from buf what the file has already. At the file's end, or where
// it differs, the rest of buf waits to be written.
func (f *File) compare() error {
	have, err := f.old.peek(f.size, len(f.buf))
	if err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	n := common(have, f.buf)
	if n == len(f.buf) {
		f.grow(f.buf)
		f.buf = f.buf[:0]
		return nil
	}
	if n < len(have) {
		if err := f.mend(f.size+int64(n), have[n] == 0); err != nil {
			return err
		}
	} else if n > 0 && f.buf[n-1] != '\n' {
		f.notify(Notice{Kind: TornRow, Path: f.path})
	}
	f.grow(f.buf[:n])
	f.buf = append(f.buf[:0], f.buf[n:]...)
	f.old = nil
	return nil
}

// common returns how many bytes a and b have in common at their beginning.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	if bytes.Equal(a[:n], b[:n]) {
		return n
	}
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// mend makes the file end at off, where it stops being what the log says. NULs
// up to the end are what a power cut leaves, and are cut off. Anything else is
// kept aside, and the file begins anew with what was right of it.
func (f *File) mend(off int64, nul bool) error {
	only, err := f.onlyNULs(off)
	if err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	if only {
		if err := f.file.Truncate(off); err != nil {
			return fmt.Errorf("csv: %w", err)
		}
		f.notify(Notice{Kind: NULTail, Path: f.path})
		return nil
	}
	kind, why := Edited, "edited"
	if nul {
		kind, why = Damaged, "damaged"
	}
	if err := f.begin(off, kind, why); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	return nil
}

// begin sets the file aside, and makes a new one with its first n bytes. A
// crash in between costs nothing: the next start completes what is there.
func (f *File) begin(n int64, kind Kind, why string) error {
	line, err := f.line(n)
	if err != nil {
		return err
	}
	if err := f.mayAside(); err != nil {
		return err
	}
	f.drop() // some systems do not rename open files
	aside, err := f.aside(f.path, why)
	if err != nil {
		return err
	}
	f.notify(Notice{Kind: kind, Path: f.path, Aside: aside, Line: line})
	from, err := os.Open(aside)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // read only
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, io.NewSectionReader(from, 0, n)); err != nil {
		_ = file.Close() // the copy is incomplete anyway
		return err
	}
	f.file = file
	return nil
}

// line returns the number of the line that holds byte off, counted from 1.
func (f *File) line(off int64) (int, error) {
	line := 1
	err := scan(f.file, 0, off, func(b []byte) bool {
		line += bytes.Count(b, []byte("\n"))
		return true
	})
	return line, err
}

func (f *File) onlyNULs(off int64) (bool, error) {
	only := true
	err := scan(f.file, off, f.old.end, func(b []byte) bool {
		only = len(bytes.Trim(b, "\x00")) == 0
		return only
	})
	return only, err
}

// scan hands the bytes from..to to fn, in pieces, until it returns false.
func scan(file io.ReaderAt, from, to int64, fn func([]byte) bool) error {
	r := io.NewSectionReader(file, from, to-from)
	buf := make([]byte, flushAt)
	for {
		n, err := r.Read(buf)
		if n > 0 && !fn(buf[:n]) {
			return nil
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Replayed looks at what the file holds behind the log's last reading. A row
// with the next IDdato, written as ours are, shows that the log has lost
// records: the error is a *LostRecordsError. NULs are cut off; anything else
// is a person's, and kept aside. From then on rows are written.
func (f *File) Replayed() error {
	if f.old == nil {
		f.live = true
		return f.Flush()
	}
	have, err := f.old.peek(f.size, flushAt)
	if err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	if len(have) > 0 {
		if more := f.ahead(have); more > 0 && !f.live && f.side.Dialect == "" {
			return &LostRecordsError{Path: f.path, Rows: f.rows, More: more}
		}
		if err := f.mend(f.size, have[0] == 0); err != nil {
			return err
		}
	}
	f.old, f.live = nil, true
	return nil
}

// ahead counts the rows at the beginning of have that continue ours; the last
// one may be cut, once its IDdato is complete.
func (f *File) ahead(have []byte) uint64 {
	n := uint64(0)
	for {
		line, rest, whole := bytes.Cut(have, []byte("\n"))
		id := f.rows + n + 1
		switch {
		case whole && f.format.canonical(string(line), id):
			n++
			have = rest
			continue
		case !whole && bytes.HasPrefix(line, fmt.Appendf(nil, "%d,", id)):
			n++
		}
		return n
	}
}
