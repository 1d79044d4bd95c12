package console

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/atomicfile"
)

// WriteSummaryCSV writes resumen.csv (RFC 4180, UTF-8, \n): a header and one
// row per device. The columns are the same in every language, so that a
// teacher's spreadsheet reads the files of all groups:
//
//	device, name, readings, asked,
//	rejected            messages refused, all kinds
//	rejected_by         the kinds: "not_a_number=2 out_of_range=1"
//	lost                readings that the board gave up
//	duration_s          from the first reading to the last
//	interval_mean_s, interval_p95_s, interval_asked_s
//	NAME_n, NAME_mean, NAME_min, NAME_max   for each measurement of any device
//
// A number that does not exist (an interval with one reading, a limit that was
// not set) is an empty cell.
func WriteSummaryCSV(w io.Writer, roster Roster, sums []vaiven.Summary) error {
	names := measurements(sums)
	c := csv.NewWriter(w)
	head := []string{"device", "name", "readings", "asked", "rejected", "rejected_by", "lost",
		"duration_s", "interval_mean_s", "interval_p95_s", "interval_asked_s"}
	for _, n := range names {
		head = append(head, n+"_n", n+"_mean", n+"_min", n+"_max")
	}
	rows := [][]string{head}
	for i := range sums {
		rows = append(rows, summaryRow(&sums[i], roster[sums[i].Session.Device], names))
	}
	if err := c.WriteAll(rows); err != nil { // flushes
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

func summaryRow(s *vaiven.Summary, name string, names []string) []string {
	row := []string{
		string(s.Session.Device), name, strconv.FormatUint(s.Session.Count, 10), orEmpty(s.Session.Readings),
		strconv.FormatUint(totalRejected(s), 10), strings.NewReplacer(", ", " ", " ", "=").Replace(rejectedText(s)),
		strconv.FormatUint(s.Gaps, 10), csvSeconds(ms(float64(s.Last-s.First)), true),
		csvSeconds(ms(s.IntervalMean), false), csvSeconds(ms(s.IntervalP95), false), csvSeconds(ms(float64(s.Session.Interval)), false),
	}
	for _, n := range names {
		i := slices.IndexFunc(s.Measurements, func(v vaiven.Measurement) bool { return v.Name == n })
		if i < 0 || s.Measurements[i].N == 0 {
			row = append(row, "0", "", "", "")
			continue
		}
		v := s.Measurements[i]
		row = append(row, strconv.FormatUint(v.N, 10), rounded(v.Mean), vaiven.FormatNumber(v.Min), vaiven.FormatNumber(v.Max))
	}
	return row
}

// measurements are the names that occur, TEMP and HUM first.
func measurements(sums []vaiven.Summary) []string {
	var names []string
	for _, s := range sums {
		for _, v := range s.Measurements {
			if !slices.Contains(names, v.Name) {
				names = append(names, v.Name)
			}
		}
	}
	slices.SortFunc(names, compareNames)
	return names
}

// compareNames orders measurements: TEMP, HUM, then by name.
func compareNames(a, b string) int {
	if r := rank(a) - rank(b); r != 0 {
		return r
	}
	return strings.Compare(a, b)
}

func rank(name string) int {
	switch name {
	case "TEMP":
		return 0
	case "HUM":
		return 1
	}
	return 2
}

func orEmpty(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func csvSeconds(d time.Duration, zero bool) string {
	if d <= 0 && !zero {
		return ""
	}
	return vaiven.FormatNumber(math.Round(d.Seconds()*1000) / 1000)
}

// rounded keeps nine significant digits: more than any sensor has, and none of
// the noise of a sum.
func rounded(f float64) string {
	g, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 9, 64), 64)
	if err != nil {
		return vaiven.FormatNumber(f)
	}
	return vaiven.FormatNumber(g)
}

// SaveSummaryCSV writes the file at path whole or not at all: what stood there
// before is replaced only once the new one is on disk.
func SaveSummaryCSV(path string, roster Roster, sums []vaiven.Summary) error {
	var b bytes.Buffer
	err := WriteSummaryCSV(&b, roster, sums)
	if err == nil {
		err = atomicfile.Write(path, b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("save summary: %w", err)
	}
	return nil
}
