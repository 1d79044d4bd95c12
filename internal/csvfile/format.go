package csvfile

import (
	"slices"
	"strconv"
	"strings"

	"vaiven"
)

// format writes rows.
type format struct {
	columns []string
	zone    *zone
	blank   bool // also readings without any of the columns have a row
}

// has reports whether a reading has a row.
func (f *format) has(r *vaiven.Reading) bool {
	if f.blank {
		return true
	}
	for i := range r.Values {
		if slices.Contains(f.columns, r.Values[i].Name) {
			return true
		}
	}
	return false
}

// header is the file's first line, with its end.
func (f *format) header() []byte {
	b := []byte("IDdato,IDdevice,TIMEFLAG")
	for _, c := range f.columns {
		b = append(b, ',')
		b = appendField(b, c)
	}
	return append(b, '\n')
}

// appendRow writes the row of a reading.
func (f *format) appendRow(b []byte, id uint64, r *vaiven.Reading) []byte {
	b = strconv.AppendUint(b, id, 10)
	b = append(b, ',')
	b = appendField(b, string(r.Device))
	b = append(b, ',')
	b = f.zone.appendTime(b, &r.Stamp)
	for i, c := range f.columns {
		b = append(b, ',')
		// Boards send their measurements in the columns' order as a rule.
		if i < len(r.Values) && r.Values[i].Name == c {
			b = vaiven.AppendNumber(b, r.Values[i].Num)
		} else if v, ok := vaiven.Find(r.Values, c); ok {
			b = vaiven.AppendNumber(b, v)
		}
	}
	return append(b, '\n')
}

// appendField writes a field, quoted as RFC 4180 section 2 says when it holds a
// comma, a quote or a line's end.
func appendField(b []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}

// canonical reports whether a line, without its end, is a row as appendRow
// writes it, with this IDdato and any device, time and values.
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
	if err != nil || string(dev) != fields[0] || !timeflag(fields[1]) {
		return false
	}
	for _, cell := range fields[2:] {
		if cell == "" {
			continue
		}
		v, err := strconv.ParseFloat(cell, 64)
		if err != nil || vaiven.FormatNumber(v) != cell {
			return false
		}
	}
	return true
}
