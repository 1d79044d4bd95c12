package csvfile

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"vaiven"
)

// Checker compares a CSV file, and those that ended before it, with what the log
// says, and changes nothing. It is a view: Apply it to the whole log, then ask Finish.
type Checker struct {
	csv     string // the current file
	side    *Sidecar
	format  format
	part    int    // of side.Finished that is compared; behind them: the current file
	path    string // of that one
	first   uint64 // its first row
	file    *os.File
	r       *bufio.Reader
	wrong   error // the first of what is wrong with finished files
	skip    bool  // the rest of the one that is compared
	rows    uint64
	begun   uint64 // the row behind which the log begins
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

// MissingFileError says that a finished file is not where the sidecar says.
type MissingFileError struct {
	Path        string
	First, Last uint64 // IDdato of its rows
}

func (e *MissingFileError) Error() string { return e.Text(vaiven.English) }

// Text is the error in words.
func (e *MissingFileError) Text(l vaiven.Lang) string {
	return fmt.Sprintf(l.Say("%s, with the rows %d to %d, is not there any more", "%s, con las filas %d a %d, ya no está"), e.Path, e.First, e.Last)
}

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
// log and that the first of its files begins with the header.
func OpenChecker(path, log string) (*Checker, error) {
	side, err := ReadSidecar(path)
	if err != nil {
		return nil, fmt.Errorf("csv %s: %w", path, err)
	}
	if side.Log != log {
		return nil, fmt.Errorf("csv %s belongs to log %s, not to %s", path, side.Log, log)
	}
	c := &Checker{csv: path, side: side}
	if c.format, err = formatOf(side); err != nil {
		return nil, fmt.Errorf("csv %s: %w", path, err)
	}
	if err := c.judge(c.openPart()); err != nil {
		_ = c.Close() // read only
		return nil, err
	}
	return c, nil
}

// judge keeps what is wrong with a finished file for Finish, and skips the rest of that
// file: what the others know of the log matters more. It returns all else.
func (c *Checker) judge(err error) error {
	var missing *MissingFileError
	var differs *DiscrepancyError
	if c.part < len(c.side.Finished) && (errors.As(err, &missing) || errors.As(err, &differs)) {
		c.wrong, c.skip = cmp.Or(c.wrong, err), true
		return nil
	}
	return err
}

// openPart opens the file that is next, and compares its header.
func (c *Checker) openPart() (err error) {
	_ = c.Close() // read only
	c.skip = false
	c.path, c.first = c.csv, c.side.First()
	var missing error
	if c.part < len(c.side.Finished) {
		d := c.side.Finished[c.part]
		c.path, c.first = filepath.Join(folder(c.csv), d.Name), d.First
		missing = &MissingFileError{c.path, d.First, d.Last}
	}
	if c.file, err = os.Open(c.path); err != nil {
		if missing != nil && errors.Is(err, fs.ErrNotExist) {
			return missing
		}
		return fmt.Errorf("csv: %w", err)
	}
	c.r = bufio.NewReaderSize(c.file, flushAt)
	return c.expectLine(c.format.header(), 1)
}

// nextPart goes on with the file that holds row n, if another one has ended before it.
func (c *Checker) nextPart(n uint64) error {
	for c.part < len(c.side.Finished) && n > c.side.Finished[c.part].Last {
		if !c.skip {
			if err := c.judge(c.expectEnd()); err != nil {
				return err
			}
		}
		c.part++
		if err := c.judge(c.openPart()); err != nil {
			return err
		}
	}
	return nil
}

// expectEnd checks that nothing follows in the file.
func (c *Checker) expectEnd() error {
	line, err := c.readLine()
	if err == nil && len(line) > 0 {
		err = &DiscrepancyError{Path: c.path, Line: c.rows + 3 - c.first, Got: quote(line)}
	}
	return err
}

// Name is that of the view that is checked.
func (c *Checker) Name() string { return viewName(c.side.Dialect) }

// Apply compares the rows of a record's readings. The error is a
// *DiscrepancyError of the current file, or the file system's.
func (c *Checker) Apply(_ uint64, entries []vaiven.Entry) error {
	for i := range entries {
		r, ok := entries[i].Event.(*vaiven.Reading)
		if !ok {
			continue
		}
		if !c.format.hasRow(r) {
			c.without++
			continue
		}
		if err := c.nextPart(c.rows + 1); err != nil {
			return err
		}
		if !c.skip && c.rows+1 >= c.first { // others were in a file that is gone
			c.buf = c.format.appendRow(c.buf[:0], c.rows+1, r)
			if err := c.judge(c.expectLine(c.buf, c.rows+3-c.first)); err != nil {
				return err
			}
		}
		c.rows++
	}
	return nil
}

// Begun returns the row behind which the check began, 0 but for a log that was trimmed.
func (c *Checker) Begun() uint64 { return c.begun }

// Without returns how many readings have none of the file's columns, and no row.
func (c *Checker) Without() uint64 { return c.without }

// Snapshot has nothing to say.
func (c *Checker) Snapshot() ([]byte, error) { return nil, nil }

// Finish checks that nothing follows, closes the file, and returns how many
// rows the files have. Finished files that the log does not reach are a
// *LostRecordsError; one that is not as it was, a *DiscrepancyError or a
// *MissingFileError.
func (c *Checker) Finish() (rows uint64, err error) {
	defer func() { _ = c.Close() }() // read only
	if finished := c.side.First() - 1; c.rows < finished {
		return c.rows, &LostRecordsError{Path: c.csv, Rows: c.rows, More: finished - c.rows}
	}
	if err := c.nextPart(c.rows + 1); err != nil {
		return c.rows, err
	}
	return c.rows, cmp.Or(c.expectEnd(), c.wrong)
}

// Close lets the file go; Finish does so too.
func (c *Checker) Close() error {
	if c.file != nil {
		_ = c.file.Close() // read only, and perhaps closed already
	}
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
