package csvimport

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven"
)

func zone(t testing.TB, name string) Options {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Zone: loc, Rules: vaiven.DefaultRules()}
}

// lines reads a whole file into one text: a line for each row, and what is wrong.
func lines(t *testing.T, content string, o Options) string {
	t.Helper()
	d, err := NewReader(strings.NewReader(content), "00112233aabbccdd", o)
	if err != nil {
		return err.Error()
	}
	var out []string
	for {
		row, err := d.Next()
		var bad *RowError
		switch {
		case errors.Is(err, io.EOF):
			return strings.Join(out, "\n")
		case errors.As(err, &bad):
			out = append(out, fmt.Sprintf("%d %s %s", bad.Line, bad.Why, bad.Got))
		case err != nil:
			return err.Error()
		default:
			r := row.Reading
			s := fmt.Sprintf("%d %s/%d %s", row.ID, r.Device, r.Seq, time.UnixMilli(r.At).In(time.FixedZone("", int(r.Offset))).Format("2006-01-02T15:04:05.000Z07:00"))
			for _, v := range r.Values {
				s += " " + v.Name + "=" + vaiven.FormatNumber(v.Num)
			}
			out = append(out, s)
		}
	}
}

func TestFilesAsTheyAreWritten(t *testing.T) {
	want := "1 101/1 2026-11-22T02:42:00.000-05:00 TEMP=24.5 HUM=61\n" +
		"2 007/1 2026-11-22T02:42:00.000-05:00 TEMP=-0.5\n" +
		"3 101/2 2026-11-22T02:42:00.001-05:00 HUM=60"
	for name, content := range map[string]string{
		"vaiven":          "IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n1,101,202611220242,24.5,61\n2,007,202611220242,-0.5,\n3,101,202611220242,,60\n",
		"excel-es":        "\ufeffIDdato;IDdevice;TIMEFLAG;TEMP;HUM\r\n1;101;202611220242;24,5;61\r\n2;007;202611220242;-0,5;\r\n3;101;202611220242;;60\r\n",
		"a spreadsheet's": "\ufeff\"IDdato\",\"IDdevice\",\"TIMEFLAG\",\"TEMP\",\"HUM\"\r\n1,101,202611220242,\"24,5\",61\r\n2,7,202611220242,\"-0,5\",\r\n3,101,202611220242,\"\",060\r\n,,,,\r\n",
		"three figures":   "iddato, iddevice, timeflag, temp, hum\n\n1, 101, 202611220242, 024.5, 061\n2, 007, 202611220242, -00.5,\n3, 101, 202611220242, , 060\n",
		"more columns":    "IDdato;IDdevice;TIMEFLAG;TEMP;HUM;;\n1;101;202611220242;2.45e1;61;;\n2;007;202611220242;-0.5;;;\n3;101;202611220242;;60;;\n",
	} {
		if got := lines(t, content, zone(t, "America/Bogota")); got != want {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

func TestWhatIsWrongWithARow(t *testing.T) {
	content := "IDdato,IDdevice,TIMEFLAG,TEMP,HUM,CO2\n"
	var want []string
	for i, c := range []struct {
		row string
		why Why
		got string
	}{
		{"x,101,202611220242,24,61,", WhyID, "x"},
		{"0,101,202611220242,24,61,", WhyID, "0"},
		{"1,../x,202611220242,24,61,", WhyDevice, "../x"},
		{"1,,202611220242,24,61,", WhyDevice, ""},
		{"1,101,20261122024,24,61,", WhyTime, "20261122024"},
		{"1,101,202613220242,24,61,", WhyTime, "202613220242"},
		{"1,101,\"2,02611E+11\",24,61,", WhyTime, "2,02611E+11"},
		{"1,101,000011220242,24,61,", WhyYear, "000011220242"},
		{"1,101,196912312359,24,61,", WhyYear, "196912312359"},
		{"1,101,197001010000,24,61,", WhyYear, "197001010000"},
		{"1,101,210101010000,24,61,", WhyYear, "210101010000"},
		{"1,101,999912312359,24,61,", WhyYear, "999912312359"},
		{"1,101,202611220242,nan,61,", WhyNumber, "TEMP nan"},
		{"1,101,202611220242,0x10,61,", WhyNumber, "TEMP 0x10"},
		{"1,101,202611220242,1_0,61,", WhyNumber, "TEMP 1_0"},
		{"1,101,202611220242,1e999,61,", WhyNumber, "TEMP 1e999"},
		{"1,101,202611220242,2450,61,", WhyRange, "TEMP 2450"},
		{"1,101,202611220242,,,", WhyNothing, ""},
		{"1,101,202611220242,24,61", WhyCells, "5"},
		{"1,101,202611220242,24,61,400,9", WhyCells, "7"},
		{"1,101,202611220242,\"24,61,", WhyQuotes, "1,101,202611220242,\"24,61,"},
		{"1,101,202611220242,24\x0061,,", WhyNumber, "TEMP 24\x0061"},
		{"1,101,202611220242,24,6", WhyCut, "1,101,202611220242,24,6"}, // the last one
	} {
		content += c.row + "\n"
		want = append(want, fmt.Sprintf("%d %s %s", i+2, c.why, c.got))
		for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
			if s := (&RowError{Line: 7, Why: c.why, Got: c.got, Zone: "UTC"}).Text(l); !strings.Contains(s, "7: ") || strings.Contains(s, "%!") || strings.HasSuffix(s, ": ") {
				t.Error(s)
			}
		}
	}
	if got := lines(t, strings.TrimSuffix(content, "\n"), zone(t, "UTC")); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestWhatIsNoSuchFile(t *testing.T) {
	for content, want := range map[string]string{
		"": "no header", "\n": "no header", "hola\n": "begins with \"hola\"",
		"IDdato,IDdevice,TIMEFLAG\n":           "begins with",
		"IDdato,TIMEFLAG,IDdevice,TEMP\n":      "begins with",
		"IDdato,IDdevice,TIMEFLAG,TEMP,TEMP\n": "\"TEMP\"",
		"IDdato,IDdevice,TIMEFLAG,LED\n":       "\"LED\"",
		"IDdato,IDdevice,TIMEFLAG,SEQ\n":       "\"SEQ\"",
		"IDdato,IDdevice,TIMEFLAG,Temp (C)\n":  "\"Temp (C)\"",
		strings.Repeat("x", maxLine+1):         "no header",
		"\x1f\x8b\x08\x00":                     "begins with",
	} {
		if got := lines(t, content, zone(t, "UTC")); !strings.Contains(got, want) {
			t.Errorf("%.30q: %s", content, got)
		}
	}
}

// TestTheHourThatComesTwice: a board's rows go on through it; the one that was left
// out is nobody's.
func TestTheHourThatComesTwice(t *testing.T) {
	content := "IDdato,IDdevice,TIMEFLAG,TEMP\n" +
		"1,101,202610250159,20\n2,101,202610250230,20\n3,101,202610250259,20\n4,101,202610250200,20\n5,101,202610250301,20\n" +
		"6,102,202610250230,20\n7,102,202603290230,20\n"
	want := "1 101/1 2026-10-25T01:59:00.000+02:00 TEMP=20\n2 101/2 2026-10-25T02:30:00.000+02:00 TEMP=20\n" +
		"3 101/3 2026-10-25T02:59:00.000+02:00 TEMP=20\n4 101/4 2026-10-25T02:00:00.000+01:00 TEMP=20\n" +
		"5 101/5 2026-10-25T03:01:00.000+01:00 TEMP=20\n6 102/1 2026-10-25T02:30:00.000+02:00 TEMP=20\n8 no_such_time 202603290230"
	if got := lines(t, content, zone(t, "Europe/Madrid")); got != want {
		t.Errorf("got\n%s", got)
	}
}

// TestARowsTimeflagComesBack: whatever milliseconds tell rows apart, in any zone.
func TestARowsTimeflagComesBack(t *testing.T) {
	content := "IDdato,IDdevice,TIMEFLAG,TEMP\n" + strings.Repeat("1,101,202611222359,20\n", 70_000)
	d, err := NewReader(strings.NewReader(content), "00112233", zone(t, "Asia/Kathmandu"))
	if err != nil {
		t.Fatal(err)
	}
	at := int64(0)
	for n := 0; ; n++ {
		row, err := d.Next()
		if errors.Is(err, io.EOF) && n == 70_000 {
			break
		}
		if err != nil {
			t.Fatal(n, err)
		}
		if r := row.Reading; r.At < at || n < 60_000 && r.At == at || time.UnixMilli(r.At).In(d.o.Zone).Format(timeLayout) != "202611222359" {
			t.Fatalf("row %d is of %d", n, r.At)
		}
		at = row.Reading.At
	}
}

func TestSurveyTellsWhatAFileHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	content := "IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n5,101,202611220242,24,61\n4,007,202611220240,24,61\n" + strings.Repeat("?\n", 30) + "9,101,202611220243,24,61\n"
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	o := zone(t, "UTC")
	told := int64(0)
	s, err := Survey(path, o, func(n int64) { told = n })
	if err != nil {
		t.Fatal(err)
	}
	if s.Rows != 3 || s.First != 4 || s.Last != 9 || s.Boards["101"] != 2 || s.Bad != 30 || len(s.Why) != 20 || s.To-s.From != 3*60_000 || told != int64(len(content)) {
		t.Errorf("%+v, told %d", s, told)
	}
	if _, err := vaiven.ParseBoot(string(s.Boot)); err != nil || strings.Join(s.Columns, " ") != "TEMP HUM" {
		t.Errorf("boot %s, columns %v", s.Boot, s.Columns)
	}
	// A file that grows meanwhile is read as far as it was.
	if err := os.WriteFile(path, []byte(content+"10,101,202611220243,24,61\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	n := 0
	err = s.Read(o, func(row Row) error {
		n++
		if row.Reading.Boot != s.Boot || !row.Reading.Uncounted || row.Reading.Synced {
			t.Errorf("%+v", row.Reading)
		}
		return nil
	})
	if err != nil || n != 3 {
		t.Errorf("%d rows, %v", n, err)
	}
	if grown, err := Survey(path, o, nil); err != nil || grown.Boot == s.Boot {
		t.Errorf("another content has the same BOOT: %v", err)
	}
}

// FuzzReader: nothing that is read makes it fail otherwise than by a row, and what it
// takes is what a board could have sent.
func FuzzReader(f *testing.F) {
	f.Add("IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n1,101,202611220242,24.5,61\n")
	f.Add("\ufeffIDdato;IDdevice;TIMEFLAG;TEMP\r\n1;7;202603290230;\"24,5\"\r\n\"\"\"x\";;;")
	o := zone(f, "Europe/Madrid")
	f.Fuzz(func(t *testing.T, content string) {
		d, err := NewReader(strings.NewReader(content), "00112233", o)
		if err != nil {
			return
		}
		for {
			row, err := d.Next()
			var bad *RowError
			if errors.As(err, &bad) {
				continue
			}
			if err != nil {
				return
			}
			if err := o.Rules.Check(row.Reading.Values); err != nil {
				t.Fatalf("%q: %v", content, err)
			}
			if dev, err := vaiven.ParseDevice(string(row.Reading.Device)); err != nil || dev != row.Reading.Device {
				t.Fatalf("%q: device %q", content, row.Reading.Device)
			}
		}
	})
}

// TestALineThatIsNoRow: longer than one can be, and it is said which.
func TestALineThatIsNoRow(t *testing.T) {
	content := "IDdato,IDdevice,TIMEFLAG,TEMP\n1,101,202611220242,24\n" + strings.Repeat("x", maxLine+1) + "\n"
	if got := lines(t, content, zone(t, "UTC")); got != "line 3 is longer than 64 KiB: it is no row" {
		t.Error(got)
	}
	if s := (&LineError{Line: 3}).Text(vaiven.Spanish); !strings.Contains(s, "línea 3") {
		t.Error(s)
	}
}

func TestTheFirstAndTheLastYear(t *testing.T) {
	content := "IDdato,IDdevice,TIMEFLAG,TEMP\n1,101,197101010000,24\n2,101,210012312359,24\n"
	if got := lines(t, content, zone(t, "UTC")); got != "1 101/1 1971-01-01T00:00:00.000Z TEMP=24\n2 101/2 2100-12-31T23:59:00.000Z TEMP=24" {
		t.Error(got)
	}
}
