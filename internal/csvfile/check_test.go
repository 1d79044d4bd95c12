package csvfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vaiven"
)

func check(path, log string, list []vaiven.Entry) (uint64, error) {
	c, err := OpenChecker(path, log)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	for _, e := range list {
		if err := c.Apply(e.ID.Record, []vaiven.Entry{e}); err != nil {
			return 0, err
		}
	}
	return c.Finish()
}

func TestCheckerFindsTheFirstDiscrepancy(t *testing.T) {
	path, want := written(t, 10)
	list := entries(10)
	if rows, err := check(path, testLog, list); rows != 10 || err != nil {
		t.Fatalf("%d rows, %v", rows, err)
	}
	for name, c := range map[string]struct {
		content   string
		line      uint64
		got, want string
	}{
		"a value":    {strings.Replace(want, "3,lora.3,202611220243,20.2", "3,lora.3,202611220243,20.3", 1), 4, "3,lora.3,202611220243,20.3,52", "3,lora.3,202611220243,20.2,52"},
		"missing":    {want[:strings.Index(want, "\n10,")+1], 11, "", "10,101,202611220243,20.9,59"},
		"torn":       {want[:len(want)-3], 11, "10,101,202611220243,20.9,…", "10,101,202611220243,20.9,59"},
		"more":       {want + "11,101,202611220243,20.9,59\n", 12, "11,101,202611220243,20.9,59", ""},
		"the header": {strings.Replace(want, "HUM", "hum", 1), 1, "IDdato,IDdevice,TIMEFLAG,TEMP,hum", "IDdato,IDdevice,TIMEFLAG,TEMP,HUM"},
		"empty":      {"", 1, "", "IDdato,IDdevice,TIMEFLAG,TEMP,HUM"},
	} {
		put(t, path, c.content)
		_, err := check(path, testLog, list)
		var d *DiscrepancyError
		if !errors.As(err, &d) || d.Line != c.line || d.Got != c.got || d.Want != c.want {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s := d.Text(vaiven.Spanish); !strings.Contains(s, "línea") {
			t.Error(s)
		}
	}
	put(t, path, want)
	if _, err := check(path, "other", list); err == nil {
		t.Error("another log")
	}
	if err := os.Remove(path + SidecarSuffix); err != nil {
		t.Fatal(err)
	}
	if _, err := check(path, testLog, list); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no sidecar: %v", err)
	}
}

// mixed is entries, with a reading behind each that has none of the columns.
func mixed(n int) (list []vaiven.Entry) {
	for _, e := range entries(n) {
		r := *e.Event.(*vaiven.Reading)
		r.Values = []vaiven.Value{{Name: "TEMPERATURA", Num: 24}, {Name: "HUMEDAD", Num: 61}}
		list = append(list, e, vaiven.Entry{ID: vaiven.ID{Record: e.ID.Record, Index: 1}, Event: &r})
	}
	return list
}

func TestReadingWithoutAnyColumnHasNoRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.csv")
	if err := mustOpen(t, options(path), mixed(5)).Close(); err != nil {
		t.Fatal(err)
	}
	other, content := written(t, 5)
	if got := readFile(t, path); got != content {
		t.Errorf("%s is\n%swant what %s has", path, got, other)
	}
	c, err := OpenChecker(path, testLog)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range mixed(5) {
		if err := c.Apply(e.ID.Record, []vaiven.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	if rows, err := c.Finish(); err != nil || rows != 5 || c.Without() != 5 {
		t.Errorf("%d rows, %d readings without: %v", rows, c.Without(), err)
	}
}

// A file of before has a row for every reading, and goes on so: what is fixed when
// it is created says nothing of rows.
func TestFileOfBeforeKeepsItsEmptyRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.csv")
	put(t, path+SidecarSuffix, `{"version":1,"log":"`+testLog+`","columns":["TEMP","HUM"],"zone":"America/Bogota","created":"2026-01-01T00:00:00Z"}`)
	f := mustOpen(t, options(path), mixed(2))
	if err := f.Close(); err != nil || len(f.notices) != 0 {
		t.Errorf("%v, notices %v", err, f.notices)
	}
	before := readFile(t, path)
	if lines := strings.Split(before, "\n"); len(lines) != 6 || !strings.HasSuffix(lines[2], ",,") {
		t.Errorf("the file is\n%s", before)
	}
	again := mustOpen(t, options(path), mixed(3))
	if err := again.Close(); err != nil || len(again.notices) != 0 || !strings.HasPrefix(readFile(t, path), before) {
		t.Errorf("%v, notices %v, the file is\n%s", err, again.notices, readFile(t, path))
	}
	if rows, err := check(path, testLog, mixed(3)); err != nil || rows != 6 {
		t.Errorf("checked: %d rows, %v", rows, err)
	}
}
