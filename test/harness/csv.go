package harness

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
)

// Header is the first line of the CSV that the course asks for.
const Header = "IDdato,IDdevice,TIMEFLAG,TEMP,HUM"

// Row is one line of the CSV.
type Row struct {
	ID                          uint64
	Device, TimeFlag, Temp, Hum string
}

// ReadCSV reads a CSV file strictly: the header, five columns, plain \n, a last
// line that is whole, IDdato 1, 2, 3 ... without a hole.
func ReadCSV(path string) ([]Row, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseCSV(data)
}

// ParseCSV is ReadCSV for bytes.
func ParseCSV(data []byte) ([]Row, error) {
	if !bytes.HasPrefix(data, []byte(Header+"\n")) {
		return nil, fmt.Errorf("the CSV begins with %.60q", data)
	}
	if bytes.IndexByte(data, '\r') >= 0 || data[len(data)-1] != '\n' {
		return nil, fmt.Errorf("the CSV has a \\r, or its last line is not whole: ...%q", data[max(0, len(data)-60):])
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord, r.ReuseRecord = 5, true
	if _, err := r.Read(); err != nil {
		return nil, err
	}
	rows := make([]Row, 0, bytes.Count(data, []byte("\n")))
	for {
		f, err := r.Read()
		if f == nil {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		want := uint64(len(rows) + 1)
		if f[0] != strconv.FormatUint(want, 10) {
			return nil, fmt.Errorf("IDdato %q where %d belongs", f[0], want)
		}
		rows = append(rows, Row{ID: want, Device: f[1], TimeFlag: f[2], Temp: f[3], Hum: f[4]})
	}
}
