package csvfile

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"vaiven"
)

// RestoreBase goes to where a Snapshot was taken behind which the log begins: of the
// rows up to there it knows nothing any more. They stay as they are in the file, if it
// has them, whoever wrote them: what is wrong with them is told. A file that has not
// is kept aside, and another one begins with the row behind them.
func (f *File) RestoreBase(snap []byte) error {
	err := f.Restore(snap)
	var changed *changedError
	if !errors.As(err, &changed) {
		return err
	}
	s, err := parseSnapshot(snap)
	if err != nil {
		return err
	}
	if err := f.resumeBehind(&s); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	f.setRows(s.Rows)
	return nil
}

// BaseOf is the exact file, whose rows the second one has too.
func (f *File) BaseOf() string { return viewName("") }

// BaseOf is that of the file that is checked.
func (c *Checker) BaseOf() string { return viewName("") }

// resumeBehind finds the row behind which the log begins by its IDdato.
func (f *File) resumeBehind(s *snapshot) error {
	if err := f.openFile(); err != nil {
		return err
	}
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	first, off, err := findRow(f.file, f.format.Header(), s.Rows)
	if err != nil {
		return err
	}
	if off == 0 || len(f.side.Finished) > 0 && first != f.side.First() {
		ended, err := f.endShort(s.Rows)
		if err != nil {
			return err
		}
		return f.beginBehind(s.Rows, info.Size() > 0 && ended == "", ended)
	}
	if first != f.side.First() { // the sidecar was lost
		f.side.From = first
		if err := f.side.write(f.path); err != nil {
			return err
		}
	}
	if s.First == first && s.File == f.side.Created.UnixMilli() {
		f.notify(Notice{Kind: EditedBefore, Path: f.path, Row: s.Rows})
	}
	f.size, f.place = off, place{first: first}
	if f.sum, err = sumFile(f.file, off); err == nil {
		f.place.latest, err = f.scanLatest(off)
	}
	f.tail = &fileTail{file: f.file, at: off, end: info.Size()}
	return err
}

// endShort ends a file that was cut short in front of a row, between two rows of its
// own: what it still has cannot be had again. It returns the name that the file has
// from then on, "" when it is no such file.
func (f *File) endShort(row uint64) (string, error) {
	d, err := scanFile(f.path, f.format.Header())
	if err != nil || d.First == 0 || d.Last >= row || len(f.side.Finished) > 0 && d.First != f.side.First() {
		return "", err
	}
	c := cut{last: d.Last}
	if c.latest, err = f.scanLatest(d.Bytes); err != nil {
		return "", err
	}
	f.side.From, f.size, f.sum = d.First, d.Bytes, d.Sum
	if err := f.recordFinished(c, row+1); err != nil {
		return "", err
	}
	f.closeHandle() // some systems do not rename open files
	return f.side.Finished[len(f.side.Finished)-1].Name, f.nameFinished()
}

// beginBehind begins a file behind a row; there tells whether there is one to be kept
// aside, ended the name of one that was. If we die in between, the next start comes here
// again: behind the sidecar, it finds a file that is yet to be written.
func (f *File) beginBehind(row uint64, there bool, ended string) error {
	notice := Notice{Kind: BegunBehind, Path: f.path, Row: row + 1}
	if ended != "" {
		notice.Files = []string{ended}
	}
	f.closeHandle() // some systems do not rename open files
	if there {
		if err := f.checkAside(); err != nil {
			return err
		}
		var err error
		if notice.Aside, err = f.setAside(f.path, "before"); err != nil {
			return err
		}
	}
	f.side.From = row + 1
	if err := f.side.write(f.path); err != nil {
		return err
	}
	if there || row > 0 {
		notice.Missing = f.side.missing()
		f.notify(notice)
	}
	if err := f.openFile(); err != nil {
		return err
	}
	f.size, f.sum, f.place = 0, 0, place{first: f.side.First()}
	f.buf = append(f.buf, f.format.Header()...)
	return nil
}

// findRow looks for the end of a row in a file whose rows are numbered one by one. It
// returns the number of the file's first row, and the offset behind the one that is
// sought, 0 when the file does not go on from there.
func findRow(file io.ReaderAt, header []byte, row uint64) (first uint64, off int64, err error) {
	r := bufio.NewReaderSize(io.NewSectionReader(file, 0, 1<<62), flushAt)
	for n := uint64(0); ; n++ {
		line, err := r.ReadSlice('\n')
		if err == io.EOF || errors.Is(err, bufio.ErrBufferFull) {
			if n == 1 && len(line) == 0 { // a header alone goes on from anywhere
				return row + 1, off, nil
			}
			return 0, 0, nil
		}
		if err != nil {
			return 0, 0, err
		}
		if n == 0 {
			if !bytes.Equal(line, header) {
				return 0, 0, nil
			}
			off = int64(len(line))
			continue
		}
		id := rowID(line)
		if n == 1 {
			if first = id; first == row+1 {
				return first, off, nil
			}
		}
		if id != first+n-1 || id > row || id == 0 {
			return 0, 0, nil
		}
		off += int64(len(line))
		if id == row {
			return first, off, nil
		}
	}
}

// rowID is the IDdato that a line begins with, 0: none.
func rowID(line []byte) uint64 {
	n := 0
	for n < len(line) && '0' <= line[n] && line[n] <= '9' {
		n++
	}
	id, err := strconv.ParseUint(string(line[:n]), 10, 64)
	if err != nil || n == len(line) || line[n] != ',' && line[n] != ';' {
		return 0
	}
	return id
}

// ChangedBeforeError says that rows of a file are not what they were when the log still
// had their readings.
type ChangedBeforeError struct {
	Path string
	Row  uint64 // the last of them
}

func (e *ChangedBeforeError) Error() string { return e.Text(vaiven.English) }

// Text is the error in words.
func (e *ChangedBeforeError) Text(l vaiven.Lang) string {
	return fmt.Sprintf(l.Say("%s was changed somewhere up to row %d, and the log does not have those readings any more",
		"alguien cambió %s en alguna parte hasta la fila %d, y el registro ya no tiene esas lecturas"), e.Path, e.Row)
}

// RestoreBase begins the check behind the row of a Snapshot: the log has nothing from
// before it. What the current file held up to there is compared with its checksum, if
// the snapshot was taken of this file.
func (c *Checker) RestoreBase(snap []byte) error {
	s, err := parseSnapshot(snap)
	if err != nil {
		return err
	}
	c.rows, c.begun = s.Rows, s.Rows
	if err := c.checkFinishedBefore(s.Rows); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	for c.part < len(c.side.Finished) && s.Rows >= c.side.Finished[c.part].Last {
		c.part++
	}
	if err := c.judge(c.openPart()); err != nil || c.skip || s.Rows < c.first {
		return err
	}
	off := s.Bytes
	sum, err := sumFile(c.file, off)
	if err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	if sum != s.Sum || s.First != c.first {
		if c.part == len(c.side.Finished) && s.First == c.first && s.File == c.side.Created.UnixMilli() {
			return &ChangedBeforeError{Path: c.path, Row: s.Rows}
		}
		var first uint64
		if first, off, err = findRow(c.file, c.format.Header(), s.Rows); err != nil {
			return fmt.Errorf("csv: %w", err)
		}
		if off == 0 || first != c.first {
			return c.judge(&DiscrepancyError{Path: c.path, Line: s.Rows + 2 - c.first, Want: strconv.FormatUint(s.Rows, 10) + "…"})
		}
	}
	if _, err := c.file.Seek(off, io.SeekStart); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	c.r.Reset(c.file)
	return nil
}

// checkFinishedBefore compares the finished files that have rows up to row with what
// the sidecar says of them: the log cannot say it any more. What is wrong is kept for
// Finish.
func (c *Checker) checkFinishedBefore(row uint64) error {
	for i := range c.side.Finished {
		d := c.side.Finished[i]
		if d.First > row {
			return nil
		}
		path := filepath.Join(folder(c.csv), d.Name)
		state, err := d.compare(path)
		if err != nil {
			return err
		}
		switch state {
		case gone:
			err = &MissingFileError{Path: path, First: d.First, Last: d.Last}
		case changed:
			err = &ChangedBeforeError{Path: path, Row: d.Last}
		}
		c.wrong = cmp.Or(c.wrong, err)
	}
	return nil
}

// Missing are the rows that are in no file any more, in their order.
func (c *Checker) Missing() []Span { return c.side.missing() }

// Span is a run of rows, by IDdato.
type Span struct{ First, Last uint64 }

// SpansText lists runs of rows in words.
func SpansText(spans []Span, l vaiven.Lang) string {
	var all []string
	for _, s := range spans {
		all = append(all, fmt.Sprintf(l.Say("%d to %d", "%d a %d"), s.First, s.Last))
	}
	return someOf(all, l)
}

// missing are the rows that neither the current file has nor one that ended before.
func (s *Sidecar) missing() (spans []Span) {
	next := uint64(1)
	for _, d := range s.Finished {
		if d.First > next {
			spans = append(spans, Span{next, d.First - 1})
		}
		next = d.Last + 1
	}
	if first := s.First(); first > next {
		spans = append(spans, Span{next, first - 1})
	}
	return spans
}
