package csvfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vaiven"
)

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
			want := time.UnixMilli(at).In(z.loc).Format(timeLayout)
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
			want := time.Unix(0, (at+int64(offset)*1000)*1e6).UTC().Format(timeLayout)
			if got := string(z.appendTime(nil, &vaiven.Stamp{At: at, Offset: offset})); got != want {
				t.Fatalf("at %d, offset %d: %s, want %s", at, offset, got, want)
			}
		}
	})
}

func TestLocalZoneIsFoundByName(t *testing.T) {
	link := func(t *testing.T, target string) string {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		zi := filepath.Join(root, "usr/share/zoneinfo", target)
		if err := os.MkdirAll(filepath.Dir(zi), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(zi, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(zi, filepath.Join(root, "etc/localtime")); err != nil {
			t.Fatal(err)
		}
		return root
	}
	plain := func(t *testing.T, file, content string) string {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, f := range []string{"localtime", file} {
			if err := os.WriteFile(filepath.Join(root, "etc", f), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return root
	}
	tz := func(s string) func(string) (string, bool) {
		return func(string) (string, bool) { return s, true }
	}
	none := func(string) (string, bool) { return "", false }
	for name, c := range map[string]struct {
		env  func(string) (string, bool)
		root string
		want string
	}{
		"TZ":                       {tz("America/Bogota"), "", "America/Bogota"},
		"TZ with a colon":          {tz(":Europe/Madrid"), "", "Europe/Madrid"},
		"TZ as a path":             {tz("/usr/share/zoneinfo/Asia/Tokyo"), "", "Asia/Tokyo"},
		"TZ empty":                 {tz(""), "", "UTC"},
		"TZ as a rule":             {tz("<-05>5"), "", Recorded},
		"the link":                 {none, link(t, "America/Lima"), "America/Lima"},
		"the link to posix":        {none, link(t, "posix/America/Lima"), "America/Lima"},
		"the name in a file":       {none, plain(t, "timezone", "Europe/Paris\n"), "Europe/Paris"},
		"neither":                  {none, plain(t, "x", ""), Recorded},
		"nothing, which means UTC": {none, t.TempDir(), "UTC"},
	} {
		if got := localZone(c.env, c.root); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := LocalZone(); got == "" || got == "Local" {
		t.Errorf("here: %q", got)
	}
}

func TestWhatIsWrittenIsCanonical(t *testing.T) {
	z, err := openZone("America/Bogota")
	if err != nil {
		t.Fatal(err)
	}
	f := format{columns: []string{"TEMP", "HUM"}, zone: z, dialect: dialects[""]}
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
		row := string(f.appendRow(nil, id, r))
		if !f.canonical(row[:len(row)-1], id) || f.canonical(row, id) || f.canonical(row[:len(row)-1], id+1) {
			t.Fatalf("%q", row)
		}
	})
}

func TestFieldsAreQuotedWhenTheyMust(t *testing.T) {
	for in, want := range map[string]string{"TEMP": "TEMP", "a,b": `"a,b"`, `a"b`: `"a""b"`, "a\nb": "\"a\nb\"", "": ""} {
		if got := string((&format{dialect: dialects[""]}).appendField(nil, in)); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
}
