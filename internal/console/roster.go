package console

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"vaiven"
)

// Roster names the owners of devices, as alumnos.csv has them.
type Roster map[vaiven.Device]string

// Bounds of a roster file.
const (
	maxRosterBytes = 1 << 20
	maxRosterName  = 64 // characters
)

// title is what people call the device: the roster has it, or a person said it.
func (r Roster) title(d vaiven.Device, b *board) string {
	return clean(cmp.Or(r[d], b.info.Described().Name), maxRosterName)
}

// LoadRoster reads the file at path; see ReadRoster.
func LoadRoster(path string, l vaiven.Lang) (Roster, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := ReadRoster(f, l)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// ReadRoster reads lines of an id and a name, as a spreadsheet saves them:
// comma or semicolon between them, with or without a header line and a byte
// order mark, UTF-8 or Latin-1. Ids are read as a board writes them (7, 07 and
// 007 are one), more columns are ignored, and so are empty lines. The error
// says, in the language, which line is wrong and why.
func ReadRoster(r io.Reader, l vaiven.Lang) (Roster, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxRosterBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxRosterBytes {
		return nil, errors.New(l.Say("larger than 1 MiB: is it a roster?", "pesa más de 1 MiB: ¿es una lista de alumnos?"))
	}
	c := csv.NewReader(bytes.NewReader(decodeText(data)))
	c.Comma = separator(data)
	c.FieldsPerRecord, c.TrimLeadingSpace = -1, true
	roster, lines := Roster{}, map[vaiven.Device]int{}
	for first := true; ; first = false {
		rec, err := c.Read()
		if err == io.EOF {
			return roster, nil
		}
		if pe := (*csv.ParseError)(nil); errors.As(err, &pe) {
			return nil, fmt.Errorf(l.Say("line %d: quotes do not match", "línea %d: las comillas no cuadran"), pe.Line)
		} else if err != nil {
			return nil, err
		}
		line, _ := c.FieldPos(0)
		if first && isHeader(rec[0]) || strings.TrimSpace(strings.Join(rec, "")) == "" {
			continue
		}
		d, err := vaiven.ParseDevice(strings.TrimSpace(rec[0]))
		other, twice := lines[d]
		switch {
		case err != nil:
			return nil, fmt.Errorf(l.Say("line %d: %q is not a device id (one to three digits, or letters, digits, . _ -)",
				"línea %d: %q no es un id de dispositivo (de una a tres cifras, o letras, cifras, . _ -)"), line, vaiven.Shorten(strings.TrimSpace(rec[0])))
		case len(rec) < 2 || strings.TrimSpace(rec[1]) == "":
			return nil, fmt.Errorf(l.Say("line %d: device %s has no name; write id,name", "línea %d: el dispositivo %s no tiene nombre; escribe id,nombre"), line, d)
		case twice:
			return nil, fmt.Errorf(l.Say("line %d: device %s is already on line %d", "línea %d: el dispositivo %s ya está en la línea %d"), line, d, other)
		}
		lines[d] = line
		roster[d] = clean(strings.TrimSpace(rec[1]), maxRosterName)
	}
}

// decodeText drops a byte order mark, and reads as Latin-1 what is not UTF-8: that
// is what a spreadsheet in Spanish saves unless it is told otherwise.
func decodeText(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if utf8.Valid(data) {
		return data
	}
	b := make([]byte, 0, len(data)+len(data)/8)
	for _, c := range data {
		b = utf8.AppendRune(b, rune(c))
	}
	return b
}

// separator is the first of comma, semicolon and tab that stands outside
// quotes in the file.
func separator(data []byte) rune {
	quoted := false
	for _, c := range data {
		switch c {
		case '"':
			quoted = !quoted
		case ',', ';', '\t':
			if !quoted {
				return rune(c)
			}
		}
	}
	return ','
}

// isHeader reports whether the first cell of the first line is a column's name.
func isHeader(cell string) bool {
	switch strings.ToLower(strings.TrimSpace(cell)) {
	case "id", "iddevice", "id_device", "device", "dispositivo", "codigo", "código", "numero", "número", "placa", "board":
		return true
	}
	return false
}
