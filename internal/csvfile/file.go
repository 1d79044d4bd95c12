package csvfile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"vaiven"
	"vaiven/internal/csvform"
	"vaiven/internal/lock"
)

// flushAt is how many bytes of rows wait at most for a flush, but for the last
// batch.
const flushAt = 64 << 10

var crcTable = crc64.MakeTable(crc64.ECMA)

// Options of a File.
type Options struct {
	Path  string // the CSV file; its folder must exist
	Log   string // id of the log that it is a view of
	Owner string // what another vaiven that wants the file is told: the data folder

	// Columns are the measurements, TEMP and HUM by default. Zone is an IANA
	// name or Recorded, LocalZone() by default. Empty means for a file that
	// exists: as it is. Others than those of the file start another file.
	// Digits is ThreeFigures or Exact; 0 stands for Exact in a new file.
	Columns []string
	Zone    string
	Digits  int

	// Dialect is ExcelES for a second file beside the exact one, "" for that. A
	// second file is no witness of the log.
	Dialect string

	// Rotate ends the file and begins another one: RotateMonth and RotateDay in front
	// of the first row of a later month or day, by TIMEFLAG; rows=N behind every Nth
	// row; RotateOff never, which is what a new file does by default. Empty means for
	// a file that exists: as before. Another than before applies to the rows that the
	// file does not have yet.
	Rotate string

	Notify func(Notice)     // told what a person should know; may be nil
	Now    func() time.Time // for names and the sidecar's date; time.Now by default
}

// File is the CSV view. It implements the pump's View, Restorer, Flusher and
// Replayed.
type File struct {
	path   string
	log    string
	notify func(Notice)
	now    func() time.Time
	side   Sidecar
	format *csvform.Format
	owner  string

	rotation rotation

	lock      *lock.Lock // nil where there are none
	unlocked  bool       // and that was said
	lastAside time.Time  // zero: not yet
	blocked   bool       // the last file that was to be set aside was not

	file     *os.File  // nil: to be opened again
	tail     *fileTail // what the file holds behind size, still to be compared; nil: nothing
	replayed bool      // Replayed has succeeded once
	torn     bool      // a write failed: the file may hold the beginning of buf behind size
	size     int64     // bytes of the file that are right
	sum      uint64    // CRC-64 of those
	buf      []byte    // rows behind size, to be written
	cuts     []cut     // where in buf files end
	place    place     // where the row behind buf goes
	when     timeflag  // for use in Apply

	mu   sync.Mutex
	rows uint64 // readings applied, buf included
}

// Open opens the file, or creates it with its sidecar. A file that belongs to
// another log, or that has other columns or another zone, is set aside and told
// by a Notice. Restore must be called next, then Apply with what the log has,
// then Replayed. The error is an *InUseError while another vaiven has the file,
// or an *AsideError.
func Open(o Options) (_ *File, err error) {
	f := &File{path: o.Path, log: o.Log, owner: o.Owner, notify: o.Notify, now: o.Now}
	if f.notify == nil {
		f.notify = func(Notice) {}
	}
	if f.now == nil {
		f.now = time.Now
	}
	if err := csvform.CheckZone(o.Zone); o.Zone != "" && err != nil {
		return nil, fmt.Errorf("csv %s: %w", o.Path, err) // before anything is written
	}
	if _, err := parseRotation(o.Rotate); err != nil {
		return nil, fmt.Errorf("csv %s: %w", o.Path, err)
	}
	defer func() {
		if err != nil {
			f.releaseLock()
		}
	}()
	if err := f.ensureLock(); err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	side, err := f.findSidecar(o)
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	f.side = *side
	if f.format, err = side.Format(); err != nil {
		return nil, fmt.Errorf("csv %s: %w", o.Path, err)
	}
	if err := f.takeUp(o.Rotate); err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	return f, nil
}

// takeUp completes what a rotation that died has begun, looks after the finished
// files, and opens the current one.
func (f *File) takeUp(rotate string) error {
	if err := f.nameFinished(); err != nil {
		return err
	}
	if err := f.checkFinished(); err != nil {
		return err
	}
	if err := f.setRotation(rotate); err != nil {
		return err
	}
	return f.openFile()
}

// Name is the view's name in the checkpoint.
func (f *File) Name() string { return viewName(f.side.Dialect) }

func viewName(dialect string) string {
	if dialect == "" {
		return "csv"
	}
	return "csv-" + dialect
}

// Path returns where the current file is.
func (f *File) Path() string { return f.path }

// Zone returns the IANA name of the zone of TIMEFLAG, or Recorded.
func (f *File) Zone() string { return f.side.Zone }

// Digits is ThreeFigures or Exact.
func (f *File) Digits() int { return cmp.Or(f.side.Digits, Exact) }

// Columns returns the measurements that have a column.
func (f *File) Columns() []string { return slices.Clone(f.side.Columns) }

// Rows returns how many readings the file holds, or will once it is flushed; the
// finished files' are counted.
func (f *File) Rows() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rows
}

func (f *File) setRows(n uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = n
}

// Apply adds the rows of a record's readings. After an error nothing of the
// record has been taken.
func (f *File) Apply(_ uint64, entries []vaiven.Entry) error {
	if len(f.buf) >= flushAt {
		if err := f.Flush(); err != nil {
			return err
		}
	}
	mark, cuts, at := len(f.buf), len(f.cuts), f.place
	n := f.rows // written by this goroutine alone
	err := error(nil)
	for i := range entries {
		if r, ok := entries[i].Event.(*vaiven.Reading); ok && f.format.HasRow(r) && err == nil {
			if n++; n >= f.side.First() { // others are in finished files
				err = f.addRow(n, r)
			}
		}
	}
	if err == nil && f.tail != nil && len(f.buf) > mark {
		err = f.compareTail()
	}
	if err != nil {
		f.buf, f.cuts, f.place = f.buf[:mark], f.cuts[:cuts], at
		return err
	}
	if n != f.rows {
		f.setRows(n)
	}
	return nil
}

// addRow adds row n to buf, behind the header of another file where one ends.
func (f *File) addRow(n uint64, r *vaiven.Reading) error {
	from := len(f.buf)
	f.buf = f.format.AppendRow(f.buf, n, r)
	when := f.format.AppendTime(f.when[:0], &r.Stamp)
	if f.rotation.endsBefore(f.place, n, when) {
		held, err := f.holdsRow(from)
		if err != nil {
			return err
		}
		if !held {
			f.cuts = append(f.cuts, cut{from, n - 1, f.place.latest})
			f.buf = append(f.buf[:from], f.format.Header()...)
			f.buf = f.format.AppendRow(f.buf, n, r)
			f.place = place{first: n}
		}
	}
	f.place.note(when)
	return nil
}

// Flush writes what waits, with one write for each file. An error leaves what is not
// written waiting.
func (f *File) Flush() error {
	for len(f.buf) > 0 {
		if n := f.segment(); n > 0 {
			if err := f.write(f.buf[:n]); err != nil {
				return err
			}
			f.dropBuf(n)
		}
		if len(f.cuts) > 0 {
			if err := f.finish(f.cuts[0]); err != nil {
				return err
			}
		}
	}
	if cap(f.buf) > 4*flushAt {
		f.buf = nil
	}
	return nil
}

// write writes rows at the end of the current file.
func (f *File) write(rows []byte) error {
	if err := f.ensureOpen(); err != nil {
		return err
	}
	if _, err := f.file.WriteAt(rows, f.size); err != nil {
		f.torn = true
		if !errors.Is(err, syscall.ENOSPC) {
			f.closeHandle() // the medium may be gone
		}
		return fmt.Errorf("csv: %w", err)
	}
	f.countWritten(rows)
	f.torn = false
	return nil
}

// countWritten counts bytes that the file holds now.
func (f *File) countWritten(b []byte) {
	f.size += int64(len(b))
	f.sum = crc64.Update(f.sum, crcTable, b)
}

// ensureOpen makes sure that the file is open, under its name, and as it was left.
// Otherwise it is a changedError, or the error of the file system.
func (f *File) ensureOpen() error {
	there, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		f.closeHandle()
		if _, err := os.Stat(filepath.Dir(f.path)); err != nil {
			return fmt.Errorf("csv: %w", err)
		}
		return &changedError{f.path, "is gone"}
	}
	if err == nil && f.file == nil {
		return f.reopen()
	}
	var mine fs.FileInfo
	if err == nil {
		mine, err = f.file.Stat()
	}
	if err != nil {
		f.closeHandle()
		return fmt.Errorf("csv: %w", err)
	}
	if !os.SameFile(there, mine) {
		f.closeHandle()
		return &changedError{f.path, "is another file now"}
	}
	if end := f.size; mine.Size() != end && (!f.torn || mine.Size() < end || mine.Size() > end+int64(len(f.buf))) {
		return &changedError{f.path, "has another length now"}
	}
	return nil
}

// reopen opens the file after its handle was lost, and reads all of it to see
// that it is what it was.
func (f *File) reopen() (err error) {
	if err := f.ensureLock(); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	file, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	defer func() {
		if err != nil {
			_ = file.Close() // read only so far
		}
	}()
	sum, err := sumFile(file, f.size)
	if err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if sum != f.sum || info.Size() != f.size {
		return &changedError{f.path, "has changed"}
	}
	f.file, f.torn = file, false
	return nil
}

// closeHandle lets the handle go; what was written before may or may not be there.
func (f *File) closeHandle() {
	if f.file != nil {
		_ = f.file.Close() // a write error has been reported already
	}
	f.file, f.tail = nil, nil
}

// sumFile returns the CRC-64 of the file's first n bytes; of a shorter file it
// is that of all of it, which differs in all likelihood.
func sumFile(file io.ReaderAt, n int64) (uint64, error) {
	h := crc64.New(crcTable)
	_, err := io.Copy(h, io.NewSectionReader(file, 0, n))
	return h.Sum64(), err
}

// snapshot is what a checkpoint keeps of the file.
type snapshot struct {
	Rows   uint64 `json:"rows"`
	Bytes  int64  `json:"bytes"`
	Sum    uint64 `json:"crc64,string"`
	First  uint64 `json:"first,omitempty"`  // the file's first row; 0: 1
	Latest string `json:"latest,omitempty"` // TIMEFLAG in it, of a file that ends by it
	File   int64  `json:"file,omitempty"`   // Unix ms at which it was created: which one it is
}

// parseSnapshot reads what Snapshot returned; nil is the log's beginning.
func parseSnapshot(b []byte) (s snapshot, err error) {
	if b != nil {
		if err := json.Unmarshal(b, &s); err != nil {
			return s, fmt.Errorf("csv: snapshot: %w", err)
		}
	}
	s.First = max(s.First, 1)
	return s, nil
}

// Snapshot brings the file to the disk, and returns its row count, length and
// checksum, and where in the row of files it stands.
func (f *File) Snapshot() ([]byte, error) {
	if err := f.Flush(); err != nil {
		return nil, err
	}
	if f.file == nil {
		if err := f.ensureOpen(); err != nil {
			return nil, err
		}
	}
	if err := f.file.Sync(); err != nil {
		f.closeHandle()
		return nil, fmt.Errorf("csv: %w", err)
	}
	s := snapshot{Rows: f.rows, Bytes: f.size, Sum: f.sum, File: f.side.Created.UnixMilli()}
	if f.place.first > 1 {
		s.First = f.place.first
	}
	if f.rotation.digits > 0 && f.place.latest != (timeflag{}) {
		s.Latest = string(f.place.latest[:])
	}
	return json.Marshal(s)
}

// Close flushes, brings the file to the disk and closes it.
func (f *File) Close() error {
	defer f.releaseLock()
	if f.file == nil && len(f.buf) == 0 {
		return nil
	}
	err := f.Flush()
	if f.file != nil {
		err = cmp.Or(err, f.file.Sync(), f.file.Close())
		f.file, f.tail = nil, nil
	}
	f.buf, f.cuts = nil, nil
	return err
}
