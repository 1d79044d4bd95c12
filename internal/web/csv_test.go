package web

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

const wholeCSV = "IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n1,101,202611220958,24.4,60\n2,101,202611220959,24.5,61\n"

func TestCSV(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	path := prefix + "/readings.csv"
	a := send(t, s, "GET", path, "")
	if a.status != 200 || string(a.body) != wholeCSV {
		t.Fatalf("%d %q: the row that is being written does not count", a.status, a.body)
	}
	h := a.header
	if !strings.HasPrefix(h.Get("Content-Type"), "text/csv") || h.Get("Content-Disposition") != `attachment; filename="readings.csv"` || h.Get("Accept-Ranges") != "bytes" {
		t.Errorf("%v", h)
	}
	old := h.Get("ETag")
	if a := send(t, s, "GET", path, "", "If-None-Match", old); a.status != http.StatusNotModified {
		t.Errorf("nothing new: %d", a.status)
	}
	appendTo(t, w.csv, "11221000,21,\n4,101")
	row := "3,102,202611221000,21,\n"
	for _, c := range []struct {
		headers []string
		status  int
		want    string
	}{
		{[]string{"If-None-Match", old}, 200, wholeCSV + row},
		{[]string{"Range", "bytes=88-"}, 206, row},
		{[]string{"Range", "bytes=88-", "If-Range", old}, 206, row},
		{[]string{"Range", "bytes=88-", "If-Range", `"another-88"`}, 200, wholeCSV + row},
		{[]string{"Range", "bytes=88-", "If-Range", strings.Replace(old, "-88", "-9000", 1)}, 200, wholeCSV + row},
		{[]string{"Range", "bytes=-23"}, 206, row},
		{[]string{"Range", "bytes=0-5"}, 206, "IDdato"},
	} {
		if a := send(t, s, "GET", path, "", c.headers...); a.status != c.status || string(a.body) != c.want {
			t.Errorf("%v: %d %q, want %d %q", c.headers, a.status, a.body, c.status, c.want)
		}
	}
	other := w.serve(t, func(o *Options) { o.CSV.Of = "another log" })
	if a := send(t, other, "GET", path, "", "Range", "bytes=88-", "If-Range", old); a.status != 200 {
		t.Errorf("another log's file goes on: %d", a.status)
	}
	a = send(t, s, "GET", path, "", "Range", "bytes=111-")
	if p := a.problem(t); p.Status != 416 || a.header.Get("Content-Range") != "bytes */111" {
		t.Errorf("beyond: %+v %v", p, a.header)
	}
	if a := send(t, s, "HEAD", path, ""); a.status != 200 || a.header.Get("Content-Length") != "111" {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
}

// TestAnotherShapeOfTheFile is not resumed, though it is of the same log.
func TestAnotherShapeOfTheFile(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	old := send(t, s, "GET", prefix+"/readings.csv", "").header.Get("ETag")
	for _, text := range []string{
		"IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n1,101,202611221458,24.4,60\n2,101,202611221459,24.5,61\n3,101,202611221500,24.5,61\n",
		"IDdato,IDdevice,TIMEFLAG,TEMP,CO2\n1,101,202611220958,24.4,60\n2,101,202611220959,24.5,61\n3,101,202611221000,24.5,61\n",
	} {
		if err := os.WriteFile(w.csv, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if a := send(t, s, "GET", prefix+"/readings.csv", "", "Range", "bytes=88-", "If-Range", old); a.status != 200 || string(a.body) != text {
			t.Errorf("%d %q", a.status, a.body)
		}
	}
}

// TestCurlResumes downloads the file with curl, twice while it grows.
func TestCurlResumes(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	to := filepath.Join(t.TempDir(), "copy.csv")
	want := wholeCSV
	for _, more := range []string{"", "11221000,21,\n4,101", ",202611221001,24.6,60\n"} {
		appendTo(t, w.csv, more)
		out, err := exec.CommandContext(t.Context(), "curl", "-sS", "-f", "-C", "-", "-o", to, s.URL+prefix+"/readings.csv").CombinedOutput()
		if err != nil {
			t.Fatalf("curl: %v: %s", err, out)
		}
		switch more {
		case "11221000,21,\n4,101":
			want += "3,102,202611221000,21,\n"
		case ",202611221001,24.6,60\n":
			want += "4,101,202611221001,24.6,60\n"
		}
		if got, err := os.ReadFile(to); err != nil || string(got) != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

func TestCSVOfManyKinds(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ content, want string }{
		{"", ""}, {"IDdato", ""}, {"a\n", "a\n"}, {"a\n" + strings.Repeat("x", 10_000), "a\n"}, {strings.Repeat("x\n", 5000) + "y", strings.Repeat("x\n", 5000)},
	} {
		if err := os.WriteFile(w.csv, []byte(c.content), 0o644); err != nil {
			t.Fatal(err)
		}
		if a := send(t, w.serve(t), "GET", prefix+"/readings.csv", ""); a.status != 200 || string(a.body) != c.want {
			t.Errorf("%.20q: %d %.40q", c.content, a.status, a.body)
		}
	}
	if err := os.Remove(w.csv); err != nil {
		t.Fatal(err)
	}
	if p := send(t, w.serve(t), "GET", prefix+"/readings.csv", "").problem(t); p.Status != 500 {
		t.Errorf("gone: %+v", p)
	}
}
