package csvfile

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// Restore goes to where a Snapshot was taken, when the file's beginning still
// is what it was then; it returns an error when not. Restore(nil) goes to the
// log's beginning. What the file holds behind that is compared with what Apply
// brings; rows of finished files are only counted, also those behind a Snapshot
// that was taken before they were finished.
func (f *File) Restore(snap []byte) error {
	f.closeHandle()
	f.buf, f.cuts, f.torn = f.buf[:0], nil, false
	if f.blocked {
		if err := f.checkAside(); err != nil {
			return err // before the whole log is read for nothing
		}
	}
	s, err := parseSnapshot(snap)
	if err != nil {
		return err
	}
	first := f.side.First()
	if s.First > first || s.First < first && s.Rows >= first {
		return &changedError{f.path, "has another sidecar"}
	}
	if err := f.openFile(); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	info, err := f.file.Stat()
	if err != nil {
		f.closeHandle()
		return fmt.Errorf("csv: %w", err)
	}
	f.setRows(s.Rows)
	if snap != nil && s.First == first {
		if err := f.resume(s, info.Size()); err != nil {
			f.closeHandle()
			return err
		}
		return nil
	}
	// From its beginning, with the rows of finished files before it still to come.
	f.size, f.sum, f.place = 0, 0, place{first: first}
	f.tail = &fileTail{file: f.file, end: info.Size()}
	f.buf = append(f.buf, f.format.Header()...)
	return f.compareTail()
}

// resume goes to where a snapshot of the current file was taken.
func (f *File) resume(s snapshot, size int64) error {
	sum, err := sumFile(f.file, s.Bytes)
	if err != nil {
		return err
	}
	if sum != s.Sum || size < s.Bytes {
		return &changedError{f.path, "has changed"}
	}
	f.size, f.sum, f.place = s.Bytes, s.Sum, place{first: s.First}
	f.place.note([]byte(s.Latest))
	if s.Latest == "" && f.rotation.digits > 0 {
		if f.place.latest, err = f.scanLatest(s.Bytes); err != nil {
			return err
		}
	}
	f.tail = &fileTail{file: f.file, at: f.size, end: size}
	return nil
}

// openFile opens or creates the file, and writes the sidecar again when it is
// gone with it.
func (f *File) openFile() error {
	if err := f.ensureLock(); err != nil {
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

// fileTail is the part of the file that is still to be compared.
type fileTail struct {
	file *os.File
	at   int64 // start of buf
	end  int64 // the file's length
	buf  []byte
}

// peek returns up to n bytes at offset off, fewer at the file's end. Offsets
// never go back.
func (r *fileTail) peek(off int64, n int) ([]byte, error) {
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

// compareTail takes from buf what the file has already. At the file's end, where it
// differs, or where it must end, the rest of buf waits to be written.
func (f *File) compareTail() error {
	rows, ends := f.buf[:f.segment()], len(f.cuts) > 0
	more := 0
	if ends {
		more = 1 // byte, to see whether anything follows
	}
	have, err := f.tail.peek(f.size, len(rows)+more)
	if err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	n := common(have, rows)
	if n == len(rows) && !ends {
		f.countWritten(rows)
		f.buf = f.buf[:0]
		return nil
	}
	if n < len(have) {
		if err := f.mendTail(f.size+int64(n), have[n] == 0); err != nil {
			return err
		}
	} else if n > 0 && rows[n-1] != '\n' {
		f.notify(Notice{Kind: TornRow, Path: f.path})
	}
	f.countWritten(rows[:n])
	f.dropBuf(n)
	f.tail = nil
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

// mendTail makes the file end at off, where it stops being what the log says. NULs
// up to the end are what a power cut leaves, and are cut off. Anything else is
// kept aside, and the file begins anew with what was right of it.
func (f *File) mendTail(off int64, nul bool) error {
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
	if err := f.rebuild(off, kind, why); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	return nil
}

// rebuild sets the file aside, and makes a new one with its first n bytes. A
// crash in between costs nothing: the next start completes what is there.
func (f *File) rebuild(n int64, kind Kind, why string) error {
	line, err := f.lineAt(n)
	if err != nil {
		return err
	}
	if err := f.checkAside(); err != nil {
		return err
	}
	f.closeHandle() // some systems do not rename open files
	aside, err := f.setAside(f.path, why)
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

// lineAt returns the number of the line that holds byte off, counted from 1.
func (f *File) lineAt(off int64) (int, error) {
	line := 1
	err := eachPiece(f.file, 0, off, func(b []byte) bool {
		line += bytes.Count(b, []byte("\n"))
		return true
	})
	return line, err
}

func (f *File) onlyNULs(off int64) (bool, error) {
	only := true
	err := eachPiece(f.file, off, f.tail.end, func(b []byte) bool {
		only = len(bytes.Trim(b, "\x00")) == 0
		return only
	})
	return only, err
}

// eachPiece hands the bytes from..to to fn, in pieces, until it returns false.
func eachPiece(file io.ReaderAt, from, to int64, fn func([]byte) bool) error {
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
// records, and so does a finished file that the log does not reach: the error is a
// *LostRecordsError. NULs are cut off; anything else
// is a person's, and kept aside. From then on rows are written.
func (f *File) Replayed() error {
	if finished := f.side.First() - 1; f.rows < finished {
		return &LostRecordsError{Path: f.path, Rows: f.rows, More: finished - f.rows}
	}
	if f.tail == nil {
		f.replayed = true
		return f.Flush()
	}
	have, err := f.tail.peek(f.size, flushAt)
	if err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	if len(have) > 0 {
		if more := f.rowsAhead(have); more > 0 && !f.replayed && f.side.Dialect == "" {
			return &LostRecordsError{Path: f.path, Rows: f.rows, More: more}
		}
		if err := f.mendTail(f.size, have[0] == 0); err != nil {
			return err
		}
	}
	f.tail, f.replayed = nil, true
	return nil
}

// rowsAhead counts the rows at the beginning of have that continue ours; the last
// one may be cut, once its IDdato is complete.
func (f *File) rowsAhead(have []byte) uint64 {
	n := uint64(0)
	for {
		line, rest, whole := bytes.Cut(have, []byte("\n"))
		id := f.rows + n + 1
		switch {
		case whole && f.format.Canonical(string(line), id):
			n++
			have = rest
			continue
		case !whole && bytes.HasPrefix(line, fmt.Appendf(nil, "%d,", id)):
			n++
		}
		return n
	}
}
