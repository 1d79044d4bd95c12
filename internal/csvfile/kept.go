package csvfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"vaiven"
	"vaiven/internal/csvform"
)

// Kept are the files of a CSV that may be handed to others: the one that is being
// written, and those that ended before it, as the sidecar names them. It may be used
// beside the vaiven that writes them. A file that gets its name as finished just then is
// there under neither of both for a moment.
type Kept struct {
	path string
	side *Sidecar
}

// ReadKept reads which files there are. The error is fs.ErrNotExist when there is no
// sidecar: then the file at path is nobody's, or its folder is away.
func ReadKept(path string) (*Kept, error) {
	side, err := ReadSidecar(path)
	if err != nil {
		return nil, err
	}
	return &Kept{path, side}, nil
}

// Current is the name of the file that is being written.
func (k *Kept) Current() string { return filepath.Base(k.path) }

// Finished are the names of the others, newest first.
func (k *Kept) Finished() []string {
	names := make([]string, 0, len(k.side.Finished))
	for i := len(k.side.Finished) - 1; i >= 0; i-- {
		names = append(names, k.side.Finished[i].Name)
	}
	return names
}

// Open opens one of the files, for reading; its first Bytes are whole rows. The error is
// fs.ErrNotExist for every other name, and for a finished file that is not what was
// finished any more, by its length and date: what somebody put in its place is theirs.
func (k *Kept) Open(name string) (*os.File, vaiven.CSVFile, error) {
	if name == k.Current() {
		return k.openCurrent()
	}
	for i := range k.side.Finished {
		if k.side.Finished[i].Name == name {
			return k.openFinished(&k.side.Finished[i])
		}
	}
	return nil, vaiven.CSVFile{}, fs.ErrNotExist
}

func (k *Kept) openCurrent() (*os.File, vaiven.CSVFile, error) {
	out := vaiven.CSVFile{Name: k.Current(), Growing: true}
	return k.open(k.path, out, func(file *os.File, info fs.FileInfo, out *vaiven.CSVFile) (err error) {
		out.Bytes, err = wholeRows(file, info.Size())
		return err
	})
}

func (k *Kept) openFinished(d *Finished) (*os.File, vaiven.CSVFile, error) {
	at := filepath.Join(folder(k.path), d.Name)
	if info, err := os.Lstat(at); err != nil || !info.Mode().IsRegular() { // a link leads elsewhere
		return nil, vaiven.CSVFile{}, cmp.Or(err, fs.ErrNotExist)
	}
	out := vaiven.CSVFile{Name: d.Name, Bytes: d.Bytes, Version: fmt.Sprintf("%016x-%d", d.Sum, d.Bytes)}
	return k.open(at, out, func(_ *os.File, info fs.FileInfo, _ *vaiven.CSVFile) error {
		if !info.Mode().IsRegular() || info.Size() != d.Bytes || !info.ModTime().Equal(d.Modified) {
			return fs.ErrNotExist
		}
		return nil
	})
}

// open opens a file, lets look say whether it is right, and reads its first row and its
// last.
func (k *Kept) open(at string, out vaiven.CSVFile, look func(*os.File, fs.FileInfo, *vaiven.CSVFile) error) (*os.File, vaiven.CSVFile, error) {
	file, err := os.Open(at)
	if err != nil {
		return nil, out, err
	}
	info, err := file.Stat()
	if err == nil {
		err = look(file, info, &out)
	}
	if err == nil {
		out.Modified = info.ModTime().UnixMilli()
		err = k.readEnds(file, &out)
	}
	if err != nil {
		_ = file.Close() // read only
		return nil, out, err
	}
	return file, out, nil
}

// wholeRows is how much of a file of that size is whole rows: the last one may be being
// written.
func wholeRows(file io.ReaderAt, size int64) (int64, error) {
	for end := size; end > 0; {
		n := min(end, endBytes)
		piece, err := readPart(file, end-n, n)
		if err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(piece, '\n'); i >= 0 {
			return end - n + int64(i) + 1, nil
		}
		end -= n
	}
	return 0, nil
}

// endBytes is more than a header and a row are long, as a rule.
const endBytes = 8 << 10

// readEnds takes over what a file's first row and its last say. Rows are numbered
// without a hole.
func (k *Kept) readEnds(file io.ReaderAt, out *vaiven.CSVFile) error {
	begin, err := readPart(file, 0, min(out.Bytes, endBytes))
	if err != nil {
		return err
	}
	lines := bytes.SplitAfterN(begin, []byte("\n"), 3)
	if out.Version == "" {
		out.Version = k.side.version(lines[:min(len(lines), 2)])
	}
	if len(lines) < 3 { // no whole row
		return nil
	}
	from := max(out.Bytes-endBytes, int64(len(lines[0]))) // behind the header
	end, err := readPart(file, from, out.Bytes-from)
	if err != nil {
		return err
	}
	before := bytes.LastIndexByte(bytes.TrimSuffix(end, []byte("\n")), '\n') + 1
	if before == 0 && from > int64(len(lines[0])) { // a part of a row only
		return nil
	}
	first, last := lines[1], end[before:]
	if a, b := rowID(first), rowID(last); a > 0 && b >= a {
		out.Rows = b - a + 1
	}
	out.From, out.To = k.side.moment(first), k.side.moment(last)
	return nil
}

// readPart reads n bytes, or fewer of a file that was cut short meanwhile.
func readPart(file io.ReaderAt, at, n int64) ([]byte, error) {
	b := make([]byte, n)
	got, err := file.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:got], err
}

// version names a file that grows: by its log, how its numbers are written, and its first
// lines, which tell other columns and another zone.
func (s *Sidecar) version(lines [][]byte) string {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s %d ", s.Log, cmp.Or(s.Digits, Exact)) // a hash takes everything
	for _, line := range lines {
		_, _ = h.Write(line)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// moment is that of a row's TIMEFLAG; 0 if it has none, or the sidecar does not say in
// which zone it is.
func (s *Sidecar) moment(row []byte) int64 {
	_, sep, _, _ := csvform.Spelling(s.Dialect)
	fields := bytes.SplitN(row, []byte{sep}, 4)
	zone, err := time.LoadLocation(s.Zone)
	if s.Zone == Recorded || err != nil || len(fields) < 3 || !csvform.IsTimeflag(string(fields[2])) {
		return 0
	}
	at, err := time.ParseInLocation(csvform.TimeLayout, string(fields[2]), zone)
	if err != nil {
		return 0
	}
	return at.UnixMilli()
}
