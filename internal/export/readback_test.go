package export

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"vaiven"
	"vaiven/internal/csvform"
)

// TestParquetIsTheLog reads a file with the library's own reader, over several row
// groups, and compares each row with the log.
func TestParquetIsTheLog(t *testing.T) {
	m := story(1500)
	x := exporter(m)
	x.groupRows, x.o.Version = 1000, "1.2.3"
	_, b := run(t, x, "format=parquet&columns=all")
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if by := f.Metadata().CreatedBy; by != "vaiven version 1.2.3(build "+runtime.Version()+")" {
		t.Errorf("created by %s", by)
	}
	var names []string
	for _, field := range f.Schema().Fields() {
		names = append(names, field.Name()+" "+field.Type().String())
	}
	want := []string{
		"id STRING", "device STRING", "time TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS)", "measured TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS)",
		"TEMP DOUBLE", "HUM DOUBLE", "CO2 DOUBLE", "PM25 DOUBLE",
	}
	if fmt.Sprint(names) != fmt.Sprint(want) || len(f.RowGroups()) != 2 {
		t.Fatalf("%d row groups of %q", len(f.RowGroups()), names)
	}
	all := m.readings(func(*vaiven.Reading) bool { return true })
	next := 0
	for _, group := range f.RowGroups() {
		rows := group.Rows()
		buf := make([]parquet.Row, 100)
		for {
			n, err := rows.ReadRows(buf)
			for _, row := range buf[:n] {
				if got, want := parquetText(row), readingText(all[next]); got != want {
					t.Fatalf("row %d: %s, want %s", next, got, want)
				}
				next++
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if next != len(all) {
		t.Errorf("%d rows, want %d", next, len(all))
	}
}

// TestAWideParquetHasShortGroups has a hundred times the columns of the course: what is
// held until it is written is so many bytes, not so many rows; and a file whose end would
// have to be held for too many groups is refused, not made.
func TestAWideParquetHasShortGroups(t *testing.T) {
	columns := []string{"TEMP"}
	for i := range 199 {
		columns = append(columns, fmt.Sprintf("M%d", i))
	}
	query := "format=parquet&columns=" + strings.Join(columns, ",")
	x := exporter(story(1500))
	x.groupBytes = 100 * (rowBytes + numberBytes + 199*emptyBytes)
	_, b := run(t, x, query)
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil || f.NumRows() < 1000 {
		t.Fatalf("%v", err)
	}
	left := f.NumRows()
	for _, group := range f.RowGroups() {
		if n := group.NumRows(); n != min(left, 100) {
			t.Errorf("a group of %d rows, %d are left", n, left)
		}
		left -= group.NumRows()
	}
	x.chunks = 5 * (firstMeasured + len(columns))
	q, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	e, err := x.Prepare(q, vaiven.English)
	if err != nil {
		t.Fatal(err)
	}
	var wide *TooWideError
	if err := e.Write(t.Context(), io.Discard, nil); !errors.As(err, &wide) || wide.Columns != len(columns) {
		t.Errorf("%v", err)
	}
}

func parquetText(row parquet.Row) string {
	text := fmt.Sprintf("%s %s %d", row[0].String(), row[1].String(), row[2].Int64())
	for i, v := range row[3:] {
		switch {
		case v.IsNull():
			text += " -"
		case i == 0:
			text += fmt.Sprintf(" %d", v.Int64())
		default:
			text += fmt.Sprintf(" %v", v.Double())
		}
	}
	return text
}

func readingText(en vaiven.Entry) string {
	r := en.Event.(*vaiven.Reading)
	text := fmt.Sprintf("%s %s %d", en.ID, r.Device, r.At)
	if r.Measured != 0 {
		text += fmt.Sprintf(" %d", r.Measured)
	} else {
		text += " -"
	}
	for _, name := range []string{"TEMP", "HUM", "CO2", "PM25"} {
		if v, ok := vaiven.Find(r.Values, name); ok {
			text += fmt.Sprintf(" %v", v)
		} else {
			text += " -"
		}
	}
	return text
}

// sheetXML is what a sheet holds, as far as it matters here.
type sheetXML struct {
	Rows []struct {
		R     int `xml:"r,attr"`
		Cells []struct {
			R     string `xml:"r,attr"`
			T     string `xml:"t,attr"`
			S     string `xml:"s,attr"`
			Value string `xml:"v"`
			Text  string `xml:"is>t"`
		} `xml:"c"`
	} `xml:"sheetData>row"`
}

// TestABookIsTheLog reads a workbook of several sheets, and compares each cell with
// the CSV of the same readings. Other programs read one in the suites.
func TestABookIsTheLog(t *testing.T) {
	m := story(250)
	x := exporter(m)
	x.sheetRows = 100
	_, book := run(t, x, "format=xlsx&columns=all")
	_, text := run(t, exporter(m), "columns=all")
	rows := cells(t, text)
	z, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	part, err := fs.ReadFile(z, "xl/workbook.xml")
	if err != nil || !bytes.Contains(part, []byte(`<sheet name="readings 1" `)) || !bytes.Contains(part, []byte(`<sheet name="readings 3" `)) {
		t.Errorf("sheets: %s, %v", part, err)
	}
	next := 1
	for sheet := 1; next < len(rows); sheet++ {
		f, err := z.Open(fmt.Sprintf("xl/worksheets/sheet%d.xml", sheet))
		if err != nil {
			t.Fatal(err)
		}
		var s sheetXML
		if err := xml.NewDecoder(f).Decode(&s); err != nil {
			t.Fatal(err)
		}
		if len(s.Rows) > 100 {
			t.Errorf("sheet %d has %d rows", sheet, len(s.Rows))
		}
		for i, row := range s.Rows {
			want := rows[0]
			if i > 0 {
				want, next = rows[next], next+1
			}
			got := make([]string, len(want))
			for _, c := range row.Cells {
				column := int(c.R[0] - 'A')
				if c.R != columnLetters(column)+strconv.Itoa(i+1) {
					t.Fatalf("sheet %d row %d: cell %s", sheet, i, c.R)
				}
				if got[column] = c.Value; c.T == "inlineStr" {
					got[column] = c.Text
				}
				if c.S == "1" {
					got[column] = timeflagOf(t, c.Value)
				}
				if isText := i == 0 || column == 1; isText != (c.T == "inlineStr") || (i > 0 && column == 2) != (c.S == "1") {
					t.Fatalf("sheet %d row %d: cell %+v", sheet, i, c)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("sheet %d row %d: %v, want %v", sheet, i, got, want)
			}
		}
	}
	isXML(t, z)
}

// isXML reads every part of a workbook to its end.
func isXML(t *testing.T, z *zip.Reader) {
	t.Helper()
	for _, part := range z.File {
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(r); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", part.Name, err)
			}
		}
	}
}

// timeflagOf is what TIMEFLAG is for a spreadsheet's date.
func timeflagOf(t *testing.T, serial string) string {
	days, err := strconv.ParseFloat(serial, 64)
	if err != nil {
		t.Fatal(err)
	}
	ms := math.Round((days - 25569) * 86_400_000)
	return time.UnixMilli(int64(ms)).UTC().Format("200601021504")
}

func TestColumnLetters(t *testing.T) {
	for i, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA"} {
		if got := columnLetters(i); got != want {
			t.Errorf("%d: %s", i, got)
		}
	}
}

// A date of a log whose server had no named zone is in the zone of its reception.
func TestDatesOfRecordedZones(t *testing.T) {
	form, err := csvform.New(csvform.Options{Zone: csvform.Recorded})
	if err != nil {
		t.Fatal(err)
	}
	b := &bookFile{form: form}
	s := vaiven.Stamp{At: noon.UnixMilli(), Offset: -18000}
	if got := timeflagOf(t, vaiven.FormatNumber(b.serial(&s))); got != "202611221200" {
		t.Error(got)
	}
}
