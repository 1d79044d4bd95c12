package csvfile

import (
	"errors"
	"os"
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
