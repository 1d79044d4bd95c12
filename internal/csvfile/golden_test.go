package csvfile

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vaiven"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden is a file with everything that a row can hold: missing and other
// measurements, small and large numbers, resent readings, the hour that comes
// twice and the one that is left out.
func TestGolden(t *testing.T) {
	utc := func(s string) int64 {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at.UnixMilli()
	}
	rows := []struct {
		at     string
		dev    vaiven.Device
		values []vaiven.Value
	}{
		{"2026-03-29T00:59:59Z", "101", []vaiven.Value{{Name: "TEMP", Num: 24.5}, {Name: "HUM", Num: 61}}},
		{"2026-03-29T01:00:00Z", "101", []vaiven.Value{{Name: "HUM", Num: 61.25}, {Name: "TEMP", Num: -0.5}}},
		{"2026-10-25T00:30:00Z", "007", []vaiven.Value{{Name: "TEMP", Num: 0}}},
		{"2026-10-25T01:30:00Z", "007", []vaiven.Value{{Name: "HUM", Num: 100}}},
		{"2026-10-25T01:30:59.999Z", "lora-1.a_b", []vaiven.Value{{Name: "CO2", Num: 415}}},
		{"2026-10-25T01:30:59.999Z", "lora-1.a_b", []vaiven.Value{{Name: "CO2", Num: 415}, {Name: "HUM", Num: 55}}},
		{"1970-01-01T00:00:00Z", "101", []vaiven.Value{{Name: "TEMP", Num: 1e-9}, {Name: "HUM", Num: 1e21}}},
		{"2026-12-31T23:59:00Z", "101", []vaiven.Value{{Name: "TEMP", Num: 24.299999237060547}, {Name: "HUM", Num: 0.1}}},
		{"2026-12-31T22:59:59Z", "999", []vaiven.Value{{Name: "TEMP", Num: 123456789012345}}},
	}
	o := options(filepath.Join(t.TempDir(), "r.csv"))
	o.Zone = "Europe/Madrid"
	var list []vaiven.Entry
	for i, r := range rows {
		list = append(list, vaiven.Entry{ID: vaiven.ID{Record: uint64(i) + 2}, Event: &vaiven.Reading{
			Stamp: vaiven.Stamp{At: utc(r.at)}, Device: r.dev, Values: r.values,
		}})
	}
	if err := mustOpen(t, o, list).Close(); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "golden.csv")
	if *update {
		if err := os.WriteFile(golden, []byte(readFile(t, o.Path)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := readFile(t, o.Path), readFile(t, golden); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
