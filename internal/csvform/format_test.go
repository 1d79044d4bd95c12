package csvform

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vaiven"
)

func TestThreeFigures(t *testing.T) {
	f, err := New(Options{Columns: []string{"TEMP", "HUM", "CO2"}, Zone: Recorded, Digits: ThreeFigures})
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[float64]string{
		24: "024", 24.5: "025", 24.49: "024", 61: "061", 100: "100", 99.5: "100", 5: "005", 0: "000", -0.4: "000",
		-0.5: "-001", -5: "-005", -40: "-040", 999.4: "999", 1000: "1000", 12345.6: "12346", 1e20: "100000000000000000000",
	} {
		for _, name := range []string{"TEMP", "HUM"} {
			if got := string(f.AppendNumber(nil, name, in)); got != want {
				t.Errorf("%s %v: %s, want %s", name, in, got, want)
			}
		}
	}
	if got := string(f.AppendNumber(nil, "CO2", 412.5)); got != "412.5" {
		t.Errorf("CO2: %s", got)
	}
	r := &vaiven.Reading{Device: "101", Values: []vaiven.Value{{Name: "TEMP", Num: 20.4}, {Name: "HUM", Num: 50}}}
	row := strings.TrimSuffix(string(f.AppendRow(nil, 7, r)), "\n")
	if !f.Canonical(row, 7) {
		t.Errorf("%s is not canonical", row)
	}
	for _, other := range []string{strings.Replace(row, ",020,", ",20,", 1), strings.Replace(row, ",020,", ",20.4,", 1)} {
		if other == row || f.Canonical(other, 7) {
			t.Errorf("%s is canonical", other)
		}
	}
}

func TestTimeflagIsTheZonesMinute(t *testing.T) {
	names := []string{"UTC", "America/Bogota", "Europe/Madrid", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Monrovia", "America/Caracas", "Pacific/Apia"}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "zone")
		z, err := openZone(name)
		if err != nil {
			t.Fatal(err)
		}
		at := rapid.Int64Range(-60_000, 4_000_000_000_000).Draw(t, "at")
		for range rapid.IntRange(1, 30).Draw(t, "n") {
			// Also around the changes between summer and winter time.
			if _, end := time.UnixMilli(at).In(z.loc).ZoneBounds(); !end.IsZero() && rapid.Bool().Draw(t, "change") {
				at = end.UnixMilli()
			}
			at += rapid.Int64Range(-90_000, 90_000).Draw(t, "step")
			want := time.UnixMilli(at).In(z.loc).Format(TimeLayout)
			if got := string(z.appendTime(nil, &vaiven.Stamp{At: at, Offset: 3600})); got != want {
				t.Fatalf("%s at %d: %s, want %s", name, at, got, want)
			}
		}
	})
}

func TestRecordedZoneIsEachReadings(t *testing.T) {
	z, err := openZone(Recorded)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(0, 4_000_000_000_000).Draw(t, "at")
		for range 10 {
			at += rapid.Int64Range(-90_000, 90_000).Draw(t, "step")
			offset := rapid.SampledFrom([]int32{0, 3600, 7200, -18000, 20700, -2670}).Draw(t, "offset")
			want := time.Unix(0, (at+int64(offset)*1000)*1e6).UTC().Format(TimeLayout)
			if got := string(z.appendTime(nil, &vaiven.Stamp{At: at, Offset: offset})); got != want {
				t.Fatalf("at %d, offset %d: %s, want %s", at, offset, got, want)
			}
		}
	})
}

func TestWhatIsWrittenIsCanonical(t *testing.T) {
	f, err := New(Options{Columns: []string{"TEMP", "HUM"}, Zone: "America/Bogota"})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		dev, err := vaiven.ParseDevice(rapid.SampledFrom([]string{"1", "101", "a.b-c_d", "1234"}).Draw(t, "device"))
		if err != nil {
			t.Fatal(err)
		}
		r := &vaiven.Reading{Device: dev}
		r.At = rapid.Int64Range(0, 253_000_000_000_000).Draw(t, "at")
		for _, name := range []string{"HUM", "X", "TEMP"} {
			if rapid.Bool().Draw(t, name) {
				r.Values = append(r.Values, vaiven.Value{Name: name, Num: rapid.Float64().Draw(t, "value")})
			}
		}
		id := rapid.Uint64().Draw(t, "id")
		row := string(f.AppendRow(nil, id, r))
		if !f.Canonical(row[:len(row)-1], id) || f.Canonical(row, id) || f.Canonical(row[:len(row)-1], id+1) {
			t.Fatalf("%q", row)
		}
	})
}

func TestFieldsAreQuotedWhenTheyMust(t *testing.T) {
	for in, want := range map[string]string{"TEMP": "TEMP", "a,b": `"a,b"`, `a"b`: `"a""b"`, "a\nb": "\"a\nb\"", "": ""} {
		if got := string((&Format{dialect: dialects[""]}).appendField(nil, in)); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
}
