package csvfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"vaiven"
	"vaiven/internal/csvform"
)

// Checker compares a CSV file with what the log says, and changes nothing. It
// is a view: Apply it to the whole log, then ask Finish.
type Checker struct {
	path    string
	side    *Sidecar
	format  *csvform.Format
	file    *os.File
	r       *bufio.Reader
	rows    uint64
	without uint64 // readings without a row
	buf     []byte
}

// DiscrepancyError is the first place where a CSV file is not what the log
// says.
type DiscrepancyError struct {
	Path string
	Line uint64 // counted from 1, the header
	Want string // "" when the file should have ended
	Got  string // "" when the file has ended
}

func (e *DiscrepancyError) Error() string { return e.Text(vaiven.English) }

// Text is the discrepancy in words.
func (e *DiscrepancyError) Text(l vaiven.Lang) string {
	switch {
	case e.Got == "":
		return fmt.Sprintf(l.Say("%s ends before line %d, which should be %q", "%s termina antes de la línea %d, que debía ser %q"), e.Path, e.Line, e.Want)
	case e.Want == "":
		return fmt.Sprintf(l.Say("%s should end before line %d, which is %q", "%s debía terminar antes de la línea %d, que es %q"), e.Path, e.Line, e.Got)
	}
	return fmt.Sprintf(l.Say("%s line %d is %q, and should be %q", "%s línea %d es %q y debía ser %q"), e.Path, e.Line, e.Got, e.Want)
}

// OpenChecker opens a file with its sidecar, and checks that it belongs to the
// log and begins with its header.
func OpenChecker(path, log string) (*Checker, error) {
	side, err := ReadSidecar(path)
	if err != nil {
		return nil, fmt.Errorf("csv %s: %w", path, err)
	}
	if side.Log != log {
		return nil, fmt.Errorf("csv %s belongs to log %s, not to %s", path, side.Log, log)
	}
	c := &Checker{path: path, side: side}
	if c.format, err = side.Format(); err != nil {
		return nil, fmt.Errorf("csv %s: %w", path, err)
	}
	if c.file, err = os.Open(path); err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	c.r = bufio.NewReaderSize(c.file, flushAt)
	if err := c.expectLine(c.format.Header(), 1); err != nil {
		_ = c.file.Close() // read only
		return nil, err
	}
	return c, nil
}

// Name is that of the view that is checked.
func (c *Checker) Name() string { return viewName(c.side.Dialect) }

// Apply compares the rows of a record's readings. The error is a
// *DiscrepancyError, or the file system's.
func (c *Checker) Apply(_ uint64, entries []vaiven.Entry) error {
	for i := range entries {
		r, ok := entries[i].Event.(*vaiven.Reading)
		if !ok {
			continue
		}
		if !c.format.HasRow(r) {
			c.without++
			continue
		}
		c.buf = c.format.AppendRow(c.buf[:0], c.rows+1, r)
		if err := c.expectLine(c.buf, c.rows+2); err != nil {
			return err
		}
		c.rows++
	}
	return nil
}

// Without returns how many readings have none of the file's columns, and no row.
func (c *Checker) Without() uint64 { return c.without }

// Snapshot has nothing to say.
func (c *Checker) Snapshot() ([]byte, error) { return nil, nil }

// Finish checks that nothing follows, closes the file, and returns how many
// rows it has.
func (c *Checker) Finish() (rows uint64, err error) {
	defer func() { _ = c.file.Close() }() // read only
	line, err := c.readLine()
	if err != nil {
		return c.rows, err
	}
	if len(line) > 0 {
		return c.rows, &DiscrepancyError{Path: c.path, Line: c.rows + 2, Got: quote(line)}
	}
	return c.rows, nil
}

// Close lets the file go; Finish does so too.
func (c *Checker) Close() error {
	_ = c.file.Close() // read only, and perhaps closed already
	return nil
}

func (c *Checker) expectLine(want []byte, n uint64) error {
	have, err := c.r.Peek(len(want))
	if err == nil && bytes.Equal(have, want) {
		_, err = c.r.Discard(len(want))
		return err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("csv: %w", err)
	}
	line, err := c.readLine()
	if err != nil {
		return err
	}
	return &DiscrepancyError{Path: c.path, Line: n, Want: quote(want), Got: quote(line)}
}

// readLine reads the next line, or as much of it as a message needs.
func (c *Checker) readLine() ([]byte, error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("csv: %w", err)
	}
	return line, nil
}

// quote is a line for a message: without its end when that is right, and cut.
func quote(line []byte) string {
	s := string(bytes.TrimSuffix(line, []byte("\n")))
	if len(s) == len(line) && s != "" {
		s += "…" // cut in the file
	}
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return s
}
