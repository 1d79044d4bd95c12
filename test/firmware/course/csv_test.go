//go:build suites && linux

package course

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

// flagForm is TIMEFLAG's AAAAMMDDHHMM.
const flagForm = "200601021504"

// message finds the numbers of a reading that a sketch printed, in either form.
var message = regexp.MustCompile(`^\{"?IDDEVICE"?: ?(\d+), ?"?TEMP"?: ?(-?[\d.]+), ?"?HUM"?: ?(-?[\d.]+)\}$`)

// printed returns what the board printed as readings to its serial monitor.
func printed(b *boardtest.Board) (lines []string) {
	for _, e := range b.Events("serial") {
		if message.MatchString(e.Text) {
			lines = append(lines, e.Text)
		}
	}
	return lines
}

// taken returns those of the printed readings that a server's file must have: the first
// n of them, or with n 0 all, in turn. A sketch does not know what its connection takes with it, though, nor what
// a server refuses whose disk stands still: where the server says so, on a machine that
// let them wait for minutes, they are those of which the file has the numbers, in the same
// order.
func taken(t *testing.T, s *harness.Server, lines []string, n int) []string {
	t.Helper()
	if said := s.Stdout() + s.Stderr(); strings.Contains(said, "the connection broke") || strings.Contains(said, "rejected busy") {
		lines = inFile(t, s, lines)
	}
	if len(lines) < n {
		t.Fatalf("the practice ended with %d readings of the %d that were asked for:\n%s\n%s", len(lines), n, strings.Join(lines, "\n"), s.Stderr())
	}
	if n > 0 {
		lines = lines[:n]
	}
	return lines
}

// inFile returns the printed readings of which the file has the numbers, in its order.
func inFile(t *testing.T, s *harness.Server, lines []string) []string {
	t.Helper()
	have, err := harness.ReadCSV(s.CSV())
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, l := range lines {
		m := message.FindStringSubmatch(l)
		if i := len(found); i < len(have) && have[i].Temp == shortest(m[2]) && have[i].Hum == shortest(m[3]) {
			found = append(found, l)
		}
	}
	t.Logf("some were lost on their way: %d of %d printed readings are in the file", len(found), len(lines))
	if len(found) != len(have) {
		t.Fatalf("the file has %d rows, and of %d printed readings %d in this order", len(have), len(lines), len(found))
	}
	return found
}

// rows makes the CSV row of each printed line, with %s where TIMEFLAG stands;
// number writes a number as the server does.
func rows(t *testing.T, lines []string, number func(string) string) (rows []string) {
	t.Helper()
	for i, l := range lines {
		m := message.FindStringSubmatch(l)
		rows = append(rows, fmt.Sprintf("%d,%s,%%s,%s,%s", i+1, m[1], number(m[2]), number(m[3])))
	}
	return rows
}

// shortest is the shortest decimal that reads back as the same number.
func shortest(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// asPython is how Python prints what json.loads made of s: a float keeps a
// decimal.
func asPython(s string) string {
	if short := shortest(s); !strings.Contains(s, ".") || strings.Contains(short, ".") {
		return short
	}
	return shortest(s) + ".0"
}

// TestInterval: no sketch asks the sensor as often as its library measures, which would
// answer with the reading before now and then.
func TestInterval(t *testing.T) {
	interval := regexp.MustCompile(`(?i)intervalo = (\d+);`)
	for _, sketch := range sketches {
		text, err := os.ReadFile(filepath.Join(harness.Root(), sketch, filepath.Base(sketch)+".ino"))
		if err != nil {
			t.Fatal(err)
		}
		found := interval.FindAllStringSubmatch(string(text), -1)
		if len(found) != len(practices) {
			t.Errorf("%s: intervals %v", sketch, found)
		}
		for _, m := range found {
			if ms, err := strconv.Atoi(m[1]); err != nil || ms < 2100 {
				t.Errorf("%s: %s ms between readings, the library needs more than 2000", sketch, m[1])
			}
		}
	}
}

// compareCSV compares the file byte for byte with the rows, whose TIMEFLAG must
// be a minute between from and to, none before the one above.
func compareCSV(t *testing.T, path string, rows []string, from, to time.Time) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.NewBufferString(harness.Header + "\n")
	lines := strings.Split(string(got), "\n")
	last, latest := from.UTC().Format(flagForm), to.UTC().Format(flagForm)
	for i, row := range rows {
		if i+1 < len(lines) {
			if f := strings.Split(lines[i+1], ","); len(f) == 5 && f[2] >= last && f[2] <= latest {
				last = f[2]
			}
		}
		fmt.Fprintf(want, row+"\n", last)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s holds\n%s\nwant\n%s", path, got, want)
	}
}
