package console

import (
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven"
)

func stats() []Stats {
	return []Stats{
		{Device: "101", Name: "Ana Gómez", Readings: 50, Asked: 50, Duration: 98*time.Second + 20*time.Millisecond,
			Rejected:     map[vaiven.Code]uint64{vaiven.CodeNotANumber: 2, vaiven.CodeOutOfRange: 1, vaiven.CodeNoValues: 2},
			Values:       []ValueStats{{"TEMP", 50, 24.512345678912, 23.9, 25.1}, {"HUM", 49, 61, 60, 62}},
			IntervalMean: 2003 * time.Millisecond, IntervalP95: 2042 * time.Millisecond, IntervalAsked: 2 * time.Second},
		{Device: "102", Name: `Luis "Lucho", hijo`, Readings: 7, Asked: 50, Gaps: 4, Duration: 14 * time.Second,
			Values:       []ValueStats{{"TEMP", 7, 22, 22, 22}, {"CO2", 7, 0.04567891234, 0.04, 0.05}},
			IntervalMean: 2 * time.Second, IntervalP95: 2 * time.Second, IntervalAsked: 2 * time.Second},
		{Device: "invernadero", Readings: 1, Values: []ValueStats{{"HUM", 1, 40, 40, 40}}},
		{Device: "104", Rejected: map[vaiven.Code]uint64{vaiven.CodeNotJSON: 3}},
	}
}

func TestSummaryGolden(t *testing.T) {
	for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
		var b strings.Builder
		if err := WriteSummary(Terminal{W: &b}, l, stats()); err != nil {
			t.Fatal(err)
		}
		b.WriteString("---\n")
		if err := WriteSummary(Terminal{W: &b}, l, nil); err != nil {
			t.Fatal(err)
		}
		noEscape(t, b.String())
		golden(t, "summary-"+string(l)+".golden", b.String())
	}
	if err := WriteSummary(Terminal{W: broken{}}, vaiven.English, stats()); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	var b strings.Builder
	if err := WriteSummary(Terminal{W: &b, Color: true}, vaiven.English, stats()); err != nil || !strings.Contains(b.String(), "\x1b[") {
		t.Errorf("no colour: %v", err)
	}
}

func TestSummaryFitsATerminal(t *testing.T) {
	var b strings.Builder
	if err := WriteSummary(Terminal{W: &b}, vaiven.Spanish, stats()[:1]); err != nil {
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
	if err := SaveSummaryCSV(path, stats()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "resumen.golden.csv", string(got))
	rows, err := csv.NewReader(strings.NewReader(string(got))).ReadAll() // as many fields in each row
	if err != nil || len(rows) != 5 || rows[2][1] != stats()[1].Name {
		t.Errorf("%v: %q", err, rows)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	if err := SaveSummaryCSV(filepath.Join(filepath.Dir(path), "missing", "resumen.csv"), stats()); err == nil {
		t.Error("saved into a folder that is not there")
	}
	dir := filepath.Join(filepath.Dir(path), "taken.csv")
	if err := os.MkdirAll(filepath.Join(dir, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := SaveSummaryCSV(dir, stats()); err == nil {
		t.Error("replaced a folder")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}
