package csvimport

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"vaiven"
)

// maxLine bounds a line in bytes; a row has far less.
const maxLine = 64 << 10

// Options say how a file is understood.
type Options struct {
	Zone  *time.Location // of TIMEFLAG
	Rules vaiven.Rules   // which values are accepted, and which names are states
}

// Reader reads the rows of one file.
type Reader struct {
	o       Options
	boot    vaiven.Boot
	lines   *bufio.Scanner
	line    int  // the last one that was read, counted from 1
	cut     bool // it has no end
	sep     byte
	columns []string // of the cells behind TIMEFLAG; "": no name, and nothing below it
	boards  map[vaiven.Device]*board
}

// board is what was read of one board.
type board struct {
	rows   uint64
	minute int64 // of the last row, Unix ms
	same   int64 // rows before it in that minute
}

// NewReader reads the header. Of the readings it makes, boot is the BOOT. The error is
// a *HeaderError, or the file's.
func NewReader(r io.Reader, boot vaiven.Boot, o Options) (*Reader, error) {
	d := &Reader{o: o, boot: boot, lines: bufio.NewScanner(r), boards: make(map[vaiven.Device]*board)}
	d.lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	d.lines.Split(d.splitLine)
	if !d.lines.Scan() {
		var long *LineError
		if err := d.lineError(); err != nil && !errors.As(err, &long) {
			return nil, err
		}
		return nil, &HeaderError{}
	}
	d.line = 1
	head := strings.TrimPrefix(d.lines.Text(), "\ufeff")
	d.sep = ','
	if strings.Count(head, ";") > strings.Count(head, ",") {
		d.sep = ';'
	}
	cells, ok := split(head, d.sep)
	if !ok || len(cells) < 3 || !fixed(cells) {
		return nil, &HeaderError{Got: vaiven.Shorten(head)}
	}
	for _, c := range cells[3:] {
		name := strings.ToUpper(strings.TrimSpace(c))
		if name != "" && (!vaiven.ValidName(name) || vaiven.ProtocolKey(name) || o.Rules.States[name] || slices.Contains(d.columns, name)) {
			return nil, &HeaderError{Column: vaiven.Shorten(c)}
		}
		d.columns = append(d.columns, name)
	}
	if len(d.Columns()) == 0 {
		return nil, &HeaderError{Got: vaiven.Shorten(head)}
	}
	return d, nil
}

// fixed reports whether a header begins as all of them do.
func fixed(cells []string) bool {
	for i, name := range []string{"IDdato", "IDdevice", "TIMEFLAG"} {
		if !strings.EqualFold(strings.TrimSpace(cells[i]), name) {
			return false
		}
	}
	return true
}

// Columns are the file's measurements.
func (d *Reader) Columns() []string {
	return slices.DeleteFunc(slices.Clone(d.columns), func(name string) bool { return name == "" })
}

// splitLine is bufio.ScanLines, and notes whether the line has an end.
func (d *Reader) splitLine(data []byte, atEOF bool) (int, []byte, error) {
	n, line, err := bufio.ScanLines(data, atEOF)
	d.cut = n > 0 && data[n-1] != '\n'
	return n, line, err
}

func (d *Reader) lineError() error {
	err := d.lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		return &LineError{Line: d.line + 1}
	}
	if err != nil {
		return fmt.Errorf("line %d: %w", d.line+1, err)
	}
	return nil
}

// Row is one row of the file.
type Row struct {
	Line    int
	ID      uint64 // IDdato
	Reading *vaiven.Reading
}

// Next reads the next row. The error is io.EOF behind the last one, a *RowError for one
// that cannot be read, behind which the next may be, a *LineError, or the file's.
func (d *Reader) Next() (Row, error) {
	for d.lines.Scan() {
		d.line++
		if text := d.lines.Text(); strings.Trim(text, " \t\r"+string(d.sep)) != "" {
			return d.readRow(text)
		}
	}
	if err := d.lineError(); err != nil {
		return Row{}, err
	}
	return Row{}, io.EOF
}

// readRow reads a row that is not empty.
func (d *Reader) readRow(text string) (Row, error) {
	bad := func(why Why, got string) (Row, error) {
		return Row{}, &RowError{Line: d.line, Why: why, Got: vaiven.Shorten(got), Zone: d.o.Zone.String()}
	}
	cells, ok := split(text, d.sep)
	switch {
	case d.cut:
		return bad(WhyCut, text)
	case !ok:
		return bad(WhyQuotes, text)
	case len(cells) < 3+len(d.columns) || strings.Join(cells[3+len(d.columns):], "") != "":
		return bad(WhyCells, strconv.Itoa(len(cells)))
	}
	id, err := strconv.ParseUint(cells[0], 10, 63)
	if err != nil || id == 0 {
		return bad(WhyID, cells[0])
	}
	dev, err := vaiven.ParseDevice(cells[1])
	if err != nil {
		return bad(WhyDevice, cells[1])
	}
	values, at, err := d.readValues(cells[3:])
	if err != nil {
		return bad(whyOf(err), at)
	}
	minute, err := d.readTime(dev, cells[2])
	if err != nil {
		return bad(whyOf(err), cells[2])
	}
	return Row{d.line, id, d.reading(dev, minute, values)}, nil
}

// readValues reads the cells of the measurements; at is the one that is wrong.
func (d *Reader) readValues(cells []string) (values []vaiven.Value, at string, err error) {
	for i, name := range d.columns {
		cell := cells[i]
		if cell == "" {
			continue
		}
		if name == "" {
			return nil, cell, WhyCells
		}
		if !strings.Contains(cell, ".") {
			cell = strings.Replace(cell, ",", ".", 1)
		}
		n, err := strconv.ParseFloat(cell, 64)
		if err != nil || strings.Trim(cell, "0123456789+-.eE") != "" { // no Inf, NaN, 0x10, 1_000
			return nil, name + " " + cells[i], WhyNumber
		}
		v := vaiven.Value{Name: name, Num: n + 0} // no -0
		if err := d.o.Rules.Check([]vaiven.Value{v}); err != nil {
			return nil, name + " " + cells[i], WhyRange
		}
		values = append(values, v)
	}
	if len(values) == 0 {
		return nil, "", WhyNothing
	}
	if d.o.Rules.Check(values) != nil {
		return nil, strconv.Itoa(len(values)), WhyCells // too many for a reading
	}
	return values, "", nil
}

// timeLayout is AAAAMMDDHHMM.
const timeLayout = "200601021504"

// firstYear and lastYear bound TIMEFLAG. Moments before 1970 are none to a log, and one
// that is far ahead would be the latest for ever.
const firstYear, lastYear = 1971, 2100

// readTime reads a TIMEFLAG. Of the hour that comes twice when clocks are set back, a
// row is in the first, unless its board was behind that already.
func (d *Reader) readTime(dev vaiven.Device, s string) (int64, error) {
	wall, err := time.Parse(timeLayout, s)
	if err != nil || len(s) != len(timeLayout) {
		return 0, WhyTime
	}
	if y := wall.Year(); y < firstYear || y > lastYear {
		return 0, WhyYear
	}
	first, second, found := int64(0), int64(0), false
	for _, before := range []time.Duration{-24 * time.Hour, 24 * time.Hour} { // the offsets around it
		_, offset := wall.Add(before).In(d.o.Zone).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if at.In(d.o.Zone).Format(timeLayout) != s {
			continue
		}
		ms := at.UnixMilli()
		if !found {
			first, second, found = ms, ms, true
		}
		first, second = min(first, ms), max(second, ms)
	}
	if !found {
		return 0, WhyNoSuchTime
	}
	if b := d.boards[dev]; b != nil && b.minute > first && second > first {
		return second, nil
	}
	return first, nil
}

// reading makes the reading of a row that is right.
func (d *Reader) reading(dev vaiven.Device, minute int64, values []vaiven.Value) *vaiven.Reading {
	b := d.boards[dev]
	if b == nil {
		b = &board{}
		d.boards[dev] = b
	}
	if b.rows++; b.rows > 1 && b.minute == minute {
		b.same = min(b.same+1, time.Minute.Milliseconds()-1)
	} else {
		b.minute, b.same = minute, 0
	}
	_, offset := time.UnixMilli(minute).In(d.o.Zone).Zone()
	return &vaiven.Reading{
		Stamp:  vaiven.Stamp{At: minute + b.same, Offset: int32(offset)}, // whether that clock was right is not known
		Device: dev, Boot: d.boot, Seq: b.rows, Values: values,
		Uncounted: true, // of no session of this server
	}
}

// split cuts a line into its cells, and takes off spaces and quotes; false when a quote
// has no end.
func split(line string, sep byte) (cells []string, ok bool) {
	for {
		line = strings.TrimLeft(line, " ")
		if !strings.HasPrefix(line, `"`) {
			i := strings.IndexByte(line, sep)
			if i < 0 {
				return append(cells, strings.TrimSpace(line)), true
			}
			cells, line = append(cells, strings.TrimSpace(line[:i])), line[i+1:]
			continue
		}
		var cell []byte
		rest := line[1:]
		for {
			i := strings.IndexByte(rest, '"')
			if i < 0 {
				return nil, false
			}
			cell, rest = append(cell, rest[:i]...), rest[i+1:]
			if !strings.HasPrefix(rest, `"`) {
				break
			}
			cell, rest = append(cell, '"'), rest[1:]
		}
		cells = append(cells, string(bytes.TrimSpace(cell)))
		if rest = strings.TrimSpace(rest); rest == "" {
			return cells, true
		} else if rest[0] != sep {
			return nil, false
		}
		line = rest[1:]
	}
}

// Report is what a file holds.
type Report struct {
	Path    string
	Size    int64 // bytes: what comes behind them while it is imported is not part of it
	Boot    vaiven.Boot
	Columns []string
	Rows    uint64 // that can be read
	Boards  map[vaiven.Device]uint64
	First   uint64 // the lowest and the highest IDdato of those
	Last    uint64
	From    int64 // the first and the last moment, Unix ms
	To      int64
	Bad     uint64 // rows that cannot be read
	Why     []*RowError
}

// maxWhy is how many bad rows a Report has reasons for.
const maxWhy = 20

// Survey reads a whole file, and tells how far. The error is a *HeaderError, a
// *LineError, or the file's.
func Survey(path string, o Options, progress func(bytes int64)) (*Report, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // read only
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	s := &Report{Path: path, Size: info.Size(), Boards: make(map[vaiven.Device]uint64)}
	sum := sha256.New()
	watched := &watch{r: io.TeeReader(io.LimitReader(file, s.Size), sum), told: progress}
	d, err := NewReader(watched, "", o)
	if err != nil {
		return nil, err
	}
	s.Columns = d.Columns()
	for {
		row, err := d.Next()
		var bad *RowError
		switch {
		case errors.Is(err, io.EOF):
			s.Boot = vaiven.Boot(hex.EncodeToString(sum.Sum(nil)[:8]))
			return s, nil
		case errors.As(err, &bad):
			if s.Bad++; len(s.Why) < maxWhy {
				s.Why = append(s.Why, bad)
			}
		case err != nil:
			return nil, err
		default:
			s.count(row)
		}
	}
}

// count takes in a row that can be read.
func (s *Report) count(row Row) {
	at := row.Reading.At
	if s.Rows++; s.Rows == 1 {
		s.First, s.From, s.To = row.ID, at, at
	}
	s.First, s.Last = min(s.First, row.ID), max(s.Last, row.ID)
	s.From, s.To = min(s.From, at), max(s.To, at)
	s.Boards[row.Reading.Device]++
}

// Read reads the file of a report again, and hands its rows to fn; those that cannot be
// read are left out. It returns fn's first error, or the file's.
func (s *Report) Read(o Options, fn func(Row) error) error {
	file, err := os.Open(s.Path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // read only
	d, err := NewReader(io.LimitReader(file, s.Size), s.Boot, o)
	if err != nil {
		return err
	}
	for {
		row, err := d.Next()
		var bad *RowError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			continue
		case err != nil:
			return err
		}
		if err := fn(row); err != nil {
			return err
		}
	}
}

// watch tells how much was read.
type watch struct {
	r    io.Reader
	told func(int64)
	n    int64
}

func (w *watch) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	w.n += int64(n)
	if w.told != nil {
		w.told(w.n)
	}
	return n, err
}
