package csvfile

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"vaiven"
)

// format writes rows.
type format struct {
	columns []string
	zone    *zone
	blank   bool // also readings without any of the columns have a row
	figures bool // TEMP and HUM as three figures
	dialect dialect
}

// formatOf is how the rows of a file with this sidecar are written.
func formatOf(s *Sidecar) (f format, err error) {
	f = format{columns: s.Columns, blank: s.Rows == "", figures: s.Digits == ThreeFigures, dialect: dialects[s.Dialect]}
	f.zone, err = openZone(s.Zone)
	return f, err
}

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

// hasRow reports whether a reading has a row.
func (f *format) hasRow(r *vaiven.Reading) bool {
	return f.blank || vaiven.HasAny(r.Values, f.columns)
}

// header is the file's first line, with its end.
func (f *format) header() []byte {
	b := []byte(f.dialect.mark)
	for i, c := range append([]string{"IDdato", "IDdevice", "TIMEFLAG"}, f.columns...) {
		if i > 0 {
			b = append(b, f.dialect.sep)
		}
		b = f.appendField(b, c)
	}
	return append(b, f.dialect.end...)
}

// appendRow writes the row of a reading.
func (f *format) appendRow(b []byte, id uint64, r *vaiven.Reading) []byte {
	b = strconv.AppendUint(b, id, 10)
	b = append(b, f.dialect.sep)
	b = f.appendField(b, string(r.Device))
	b = append(b, f.dialect.sep)
	b = f.zone.appendTime(b, &r.Stamp)
	for i, c := range f.columns {
		b = append(b, f.dialect.sep)
		// Boards send their measurements in the columns' order as a rule.
		if i < len(r.Values) && r.Values[i].Name == c {
			b = f.appendNumber(b, c, r.Values[i].Num)
		} else if v, ok := vaiven.Find(r.Values, c); ok {
			b = f.appendNumber(b, c, v)
		}
	}
	return append(b, f.dialect.end...)
}

// appendNumber writes a measurement.
func (f *format) appendNumber(b []byte, name string, v float64) []byte {
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
func (f *format) appendField(b []byte, s string) []byte {
	if strings.IndexByte(s, f.dialect.sep) < 0 && !strings.ContainsAny(s, "\"\r\n") {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}

// canonical reports whether a line, without its end, is a row as appendRow
// writes it for the exact file, with this IDdato and any device, time and values.
func (f *format) canonical(line string, id uint64) bool {
	rest, ok := strings.CutPrefix(line, strconv.FormatUint(id, 10)+",")
	if !ok {
		return false
	}
	fields := strings.Split(rest, ",")
	if len(fields) != 2+len(f.columns) {
		return false
	}
	dev, err := vaiven.ParseDevice(fields[0])
	if err != nil || string(dev) != fields[0] || !isTimeflag(fields[1]) {
		return false
	}
	for i, cell := range fields[2:] {
		if cell == "" {
			continue
		}
		v, err := strconv.ParseFloat(cell, 64)
		if err != nil || string(f.appendNumber(nil, f.columns[i], v)) != cell {
			return false
		}
	}
	return true
}
