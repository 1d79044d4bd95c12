package console

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

func TestReadRoster(t *testing.T) {
	two := Roster{"101": "Ana Gómez", "007": "Luis"}
	for name, in := range map[string]string{
		"plain":      "101,Ana Gómez\n7,Luis\n",
		"header":     "id,name\n101,Ana Gómez\n07,Luis",
		"semicolon":  "\ufeffIDDEVICE;Nombre;Grupo\r\n101;Ana Gómez;A\r\n7;Luis;B\r\n",
		"tab":        "101\tAna Gómez\n7\tLuis\n",
		"latin1":     "id;nombre\n101;Ana G\xf3mez\n7;Luis\n",
		"blanks":     "\n 101 , Ana Gómez \n,\n\n\"7\",\"Luis\"\n",
		"quoted sep": "\"101\",\"Ana Gómez\"\n\"7\",Luis\n",
	} {
		got, err := ReadRoster(strings.NewReader(in), vaiven.English)
		if err != nil || !cmp.Equal(got, two) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	got, err := ReadRoster(strings.NewReader("101,\"Gómez, Ana\"\n102,\x1b[31mred\n"), vaiven.English)
	if want := (Roster{"101": "Gómez, Ana", "102": "\ufffd[31mred"}); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := ReadRoster(strings.NewReader(""), vaiven.English); err != nil || len(got) != 0 {
		t.Errorf("empty: %v, %v", got, err)
	}
}

func TestReadRosterErrors(t *testing.T) {
	var b strings.Builder
	for _, in := range []string{
		"id,name\n101,Ana\n1 2,Luis\n",
		"101,Ana\n,Luis\n",
		"101,Ana\n102\n",
		"101,Ana\n102,\n",
		"7,Ana\n102,Luis\n007,Eva\n",
		"101,\"Ana\n",
		strings.Repeat("x", maxRosterBytes+1),
	} {
		for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
			_, err := ReadRoster(strings.NewReader(in), l)
			if err == nil {
				t.Fatalf("%q was read", in)
			}
			b.WriteString(err.Error() + "\n")
		}
	}
	golden(t, "roster-errors.golden", b.String())
}

func TestLoadRoster(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alumnos.csv")
	if _, err := LoadRoster(path, vaiven.English); !os.IsNotExist(err) {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("101,Ana\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := LoadRoster(path, vaiven.English); err != nil || r["101"] != "Ana" {
		t.Errorf("%v, %v", r, err)
	}
	if err := os.WriteFile(path, []byte("101\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadRoster(path, vaiven.English); err == nil || !strings.Contains(err.Error(), "alumnos.csv: line 1") {
		t.Error(err)
	}
}

func FuzzReadRoster(f *testing.F) {
	f.Add("id;name\n101;\"A\nB\"\n")
	f.Add("\ufeff7\tx\n\xff,\"")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ReadRoster(strings.NewReader(s), vaiven.Spanish)
		if err != nil {
			return
		}
		for d, name := range r {
			if got, err := vaiven.ParseDevice(string(d)); err != nil || got != d {
				t.Fatalf("id %q: %v", d, err)
			}
			noEscape(t, name)
			if strings.Contains(name, "\n") || name == "" {
				t.Fatalf("name %q", name)
			}
		}
	})
}
