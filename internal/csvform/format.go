// Package csvform is how a row of the CSV is written: IDdato, IDdevice, TIMEFLAG and
// the measurements, as PROTOCOL.md words it, and as a spreadsheet in Spanish reads it.
//
// It owns the bytes of a header, a row, a number and a TIMEFLAG, and nothing that is
// kept: the file that grows is csvfile's, one that is asked for is export's. All of it
// is pure. A Format remembers the minute of its last row, so each has one user at a
// time.
package csvform

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"vaiven"
)

// Format writes rows. Make one with New.
type Format struct {
	o       Options
	zone    *zone
	figures bool // TEMP and HUM as three figures
	dialect dialect
}

// Options are the shape of a table of readings.
type Options struct {
	Columns []string // the measurements, in their order
	Zone    string   // of TIMEFLAG: IANA name, or Recorded
	Digits  int      // ThreeFigures; anything else: exact
	Dialect string   // ExcelES, or "" for the exact file
	Blank   bool     // also readings without any of the columns have a row
}

// New is how the rows of such a table are written. The error says that the zone is
// none, or the dialect.
func New(o Options) (*Format, error) {
	f := &Format{o: o, figures: o.Digits == ThreeFigures}
	var err error
	if f.zone, err = openZone(o.Zone); err != nil {
		return nil, err
	}
	var known bool
	if f.dialect, known = dialects[o.Dialect]; !known {
		return nil, fmt.Errorf("csv dialect %q: there is %s", o.Dialect, ExcelES)
	}
	return f, nil
}

// KnownDialect reports whether there is a dialect of that name; "" is the exact file.
func KnownDialect(name string) bool { _, ok := dialects[name]; return ok }

// ThreeFigures is Options.Digits for TEMP and HUM as the course's slides print
// them: rounded, with three figures, 024, 061 and -005. What needs more figures
// has them.
const ThreeFigures = 3

// Exact is Options.Digits for the shortest decimal that reads back as the same
// number.
const Exact = -1

// ExcelES is the dialect that a Spanish Excel or Calc opens with a double click,
// each number as a number.
const ExcelES = "excel-es"

// dialect is what programs understand differently by CSV.
type dialect struct {
	mark string // at the file's beginning
	sep  byte   // between fields
	dot  byte   // of decimals
	end  string // of a line
}

// dialects by their names in sidecars; "" is the exact file.
var dialects = map[string]dialect{
	"":      {"", ',', '.', "\n"},
	ExcelES: {"\ufeff", ';', ',', "\r\n"},
}

// Spelling is how a dialect is written: what the file begins with, what is between
// fields, the dot of decimals, and a line's end. It is for files that are to open as
// ours do.
func Spelling(name string) (mark string, separator, decimal byte, end string) {
	d := dialects[name]
	return d.mark, d.sep, d.dot, d.end
}

// Separator is what is between a row's fields.
func (f *Format) Separator() byte { return f.dialect.sep }

// HasRow reports whether a reading has a row.
func (f *Format) HasRow(r *vaiven.Reading) bool {
	return f.o.Blank || vaiven.HasAny(r.Values, f.o.Columns)
}

// Header is the file's first line, with its end.
func (f *Format) Header() []byte {
	b := []byte(f.dialect.mark)
	for i, c := range append([]string{"IDdato", "IDdevice", "TIMEFLAG"}, f.o.Columns...) {
		if i > 0 {
			b = append(b, f.dialect.sep)
		}
		b = f.appendField(b, c)
	}
	return append(b, f.dialect.end...)
}

// AppendRow writes the row of a reading.
func (f *Format) AppendRow(b []byte, id uint64, r *vaiven.Reading) []byte {
	b = strconv.AppendUint(b, id, 10)
	b = append(b, f.dialect.sep)
	b = f.appendField(b, string(r.Device))
	b = append(b, f.dialect.sep)
	b = f.zone.appendTime(b, &r.Stamp)
	for i, c := range f.o.Columns {
		b = append(b, f.dialect.sep)
		// Boards send their measurements in the columns' order as a rule.
		if i < len(r.Values) && r.Values[i].Name == c {
			b = f.AppendNumber(b, c, r.Values[i].Num)
		} else if v, ok := vaiven.Find(r.Values, c); ok {
			b = f.AppendNumber(b, c, v)
		}
	}
	return append(b, f.dialect.end...)
}

// AppendNumber writes a measurement.
func (f *Format) AppendNumber(b []byte, name string, v float64) []byte {
	if f.figures && (name == "TEMP" || name == "HUM") {
		v = math.Round(v)
		if v < 0 {
			b, v = append(b, '-'), -v
		}
		for limit := 100.0; limit > 1 && v < limit; limit /= 10 {
			b = append(b, '0')
		}
		return strconv.AppendFloat(b, math.Abs(v), 'f', 0, 64) // no -0
	}
	from := len(b)
	b = vaiven.AppendNumber(b, v)
	if f.dialect.dot != '.' {
		if i := bytes.IndexByte(b[from:], '.'); i >= 0 {
			b[from+i] = f.dialect.dot
		}
	}
	return b
}

// appendField writes a field, quoted as RFC 4180 section 2 says when it holds a
// separator, a quote or a line's end.
func (f *Format) appendField(b []byte, s string) []byte {
	if strings.IndexByte(s, f.dialect.sep) < 0 && !strings.ContainsAny(s, "\"\r\n") {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}

// Canonical reports whether a line, without its end, is a row as AppendRow
// writes it for the exact file, with this IDdato and any device, time and values.
func (f *Format) Canonical(line string, id uint64) bool {
	rest, ok := strings.CutPrefix(line, strconv.FormatUint(id, 10)+",")
	if !ok {
		return false
	}
	fields := strings.Split(rest, ",")
	if len(fields) != 2+len(f.o.Columns) {
		return false
	}
	dev, err := vaiven.ParseDevice(fields[0])
	if err != nil || string(dev) != fields[0] || !IsTimeflag(fields[1]) {
		return false
	}
	for i, cell := range fields[2:] {
		if cell == "" {
			continue
		}
		v, err := strconv.ParseFloat(cell, 64)
		if err != nil || string(f.AppendNumber(nil, f.o.Columns[i], v)) != cell {
			return false
		}
	}
	return true
}
