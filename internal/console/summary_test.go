package console

import (
	"bytes"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vaiven"
)

// owners are those of the summaries' boards.
func owners() Roster { return Roster{"101": "Ana Gómez", "102": `Luis "Lucho", hijo`} }

func summaries() []vaiven.Summary {
	return []vaiven.Summary{
		{
			Session: vaiven.Session{Device: "101", Count: 50, Readings: 50, Interval: 2000}, First: start, Last: start + 98_020,
			Rejected:     []vaiven.CodeCount{{Code: vaiven.CodeNotANumber, Count: 2}, {Code: vaiven.CodeOutOfRange, Count: 1}, {Code: vaiven.CodeNoValues, Count: 2}},
			Measurements: []vaiven.Measurement{{Name: "TEMP", N: 50, Mean: 24.512345678912, Min: 23.9, Max: 25.1}, {Name: "HUM", N: 49, Mean: 61, Min: 60, Max: 62}},
			IntervalMean: 2003, IntervalP95: 2042,
		},
		{
			Session: vaiven.Session{Device: "102", Count: 7, Readings: 50, Interval: 2000}, Gaps: 4, First: start, Last: start + 14_000,
			Measurements: []vaiven.Measurement{{Name: "TEMP", N: 7, Mean: 22, Min: 22, Max: 22}, {Name: "CO2", N: 7, Mean: 0.04567891234, Min: 0.04, Max: 0.05}},
			IntervalMean: 2000, IntervalP95: 2000,
		},
		{Session: vaiven.Session{Device: "invernadero", Count: 1}, Measurements: []vaiven.Measurement{{Name: "HUM", N: 1, Mean: 40, Min: 40, Max: 40}}},
		{Session: vaiven.Session{Device: "104"}, Rejected: []vaiven.CodeCount{{Code: vaiven.CodeNotJSON, Count: 3}}},
	}
}

func TestSummaryGolden(t *testing.T) {
	for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
		var b strings.Builder
		if err := WriteSummary(Terminal{W: &b}, l, owners(), summaries()); err != nil {
			t.Fatal(err)
		}
		b.WriteString("---\n")
		if err := WriteSummary(Terminal{W: &b}, l, nil, nil); err != nil {
			t.Fatal(err)
		}
		noEscape(t, b.String())
		golden(t, "summary-"+string(l)+".golden", b.String())
	}
	if err := WriteSummary(Terminal{W: broken{}}, vaiven.English, owners(), summaries()); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	var b strings.Builder
	if err := WriteSummary(Terminal{W: &b, Color: true}, vaiven.English, owners(), summaries()); err != nil || !strings.Contains(b.String(), "\x1b[") {
		t.Errorf("no colour: %v", err)
	}
}

func TestSummaryFitsATerminal(t *testing.T) {
	var b strings.Builder
	if err := WriteSummary(Terminal{W: &b}, vaiven.Spanish, owners(), summaries()[:1]); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if w := width(strings.TrimSuffix(line, "\n")); w > 120 {
			t.Errorf("%d columns: %s", w, line)
		}
	}
}

func TestSaveSummaryCSV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resumen.csv")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := SaveSummaryCSV(path, SummaryForm{}, owners(), summaries()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "resumen.golden.csv", string(got))
	rows, err := csv.NewReader(strings.NewReader(string(got))).ReadAll() // as many fields in each row
	if err != nil || len(rows) != 5 || rows[2][1] != owners()["102"] {
		t.Errorf("%v: %q", err, rows)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
	if err := SaveSummaryCSV(filepath.Join(filepath.Dir(path), "missing", "resumen.csv"), SummaryForm{}, owners(), summaries()); err == nil {
		t.Error("saved into a folder that is not there")
	}
	dir := filepath.Join(filepath.Dir(path), "taken.csv")
	if err := os.MkdirAll(filepath.Join(dir, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := SaveSummaryCSV(dir, SummaryForm{}, owners(), summaries()); err == nil {
		t.Error("replaced a folder")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 2 {
		t.Errorf("left behind: %q", left)
	}
}

// TestSummaryCSVForASpreadsheet: headings in the language, and nothing but numbers in
// the cells of numbers, also of a board whose name has a dot.
func TestSummaryCSVForASpreadsheet(t *testing.T) {
	var b bytes.Buffer
	sums := summaries()
	sums[0].Session.Device = "lora.3"
	form := SummaryForm{Lang: vaiven.Spanish, Mark: "\ufeff", Separator: ';', Decimal: ',', End: "\r\n"}
	if err := WriteSummaryCSV(&b, form, owners(), sums); err != nil {
		t.Fatal(err)
	}
	golden(t, "resumen-excel-es.golden.csv", b.String())
	if !strings.Contains(b.String(), "\r\nlora.3;") {
		t.Error(b.String())
	}
	for _, l := range strings.Split(strings.TrimSpace(b.String()), "\r\n")[1:] {
		for i, cell := range strings.Split(l, ";") {
			if i >= firstNumber && i != rejectedBy && strings.Trim(cell, "0123456789,-e") != "" {
				t.Errorf("%q is no number there", cell)
			}
		}
	}
}
