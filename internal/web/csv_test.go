package web

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven/internal/csvfile"
	"vaiven/internal/web/api"
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

const wholeCSV = "IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n3,101,202611220958,24.4,60\n4,101,202611220959,24.5,61\n"

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
	appendTo(t, w.csv, "11221000,21,\n6,101")
	row := "5,102,202611221000,21,\n"
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
		"IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n3,101,202611221458,24.4,60\n4,101,202611221459,24.5,61\n5,101,202611221500,24.5,61\n",
		"IDdato,IDdevice,TIMEFLAG,TEMP,CO2\n3,101,202611220958,24.4,60\n4,101,202611220959,24.5,61\n5,101,202611221000,24.5,61\n",
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
	for _, more := range []string{"", "11221000,21,\n6,101", ",202611221001,24.6,60\n"} {
		appendTo(t, w.csv, more)
		out, err := exec.CommandContext(t.Context(), "curl", "-sS", "-f", "-C", "-", "-o", to, s.URL+prefix+"/readings.csv").CombinedOutput()
		if err != nil {
			t.Fatalf("curl: %v: %s", err, out)
		}
		switch more {
		case "11221000,21,\n6,101":
			want += "5,102,202611221000,21,\n"
		case ",202611221001,24.6,60\n":
			want += "6,101,202611221001,24.6,60\n"
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
	for _, gone := range []string{w.csv, w.csv + csvfile.SidecarSuffix} { // its folder is away
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
	}
	if p := send(t, w.serve(t), "GET", prefix+"/readings.csv", "").problem(t); p.Status != 500 {
		t.Errorf("gone: %+v", p)
	}
}

// TestAnEndedCSV is downloaded, in one piece and in parts, by its name in the list.
func TestAnEndedCSV(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	c := w.client(t)
	list, err := c.CSVFiles(t.Context(), "")
	if err != nil || len(list.Files) != 2 || !list.Files[0].Growing || list.Files[1].Growing || list.Files[1].Rows != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, f := range list.Files {
		var b bytes.Buffer
		if n, err := c.CSV(t.Context(), f.Name, 0, &b); err != nil || n != f.Bytes || !strings.HasSuffix(b.String(), "\n") {
			t.Errorf("%s: %d bytes of %d, %v: %q", f.Name, n, f.Bytes, err, b.String())
		}
	}
	path := prefix + "/csv/" + list.Files[1].Name
	a := send(t, s, "GET", path, "")
	h := a.header
	if h.Get("Content-Disposition") != `attachment; filename="readings-2026-11-21.csv"` || h.Get("Content-Length") != "84" ||
		h.Get("Last-Modified") != "Sat, 21 Nov 2026 20:00:30 GMT" || h.Get("Accept-Ranges") != "bytes" {
		t.Errorf("%v", h)
	}
	tag := h.Get("ETag")
	for _, c := range []struct {
		headers []string
		status  int
		want    string
	}{
		{[]string{"Range", "bytes=34-59"}, 206, string(a.body[34:60])},
		{[]string{"Range", "bytes=34-", "If-Range", tag}, 206, string(a.body[34:])},
		{[]string{"Range", "bytes=34-", "If-Range", strings.Replace(tag, "-84", "-80", 1)}, 200, string(a.body)},
		{[]string{"If-None-Match", tag}, 304, ""},
		{[]string{"If-Modified-Since", h.Get("Last-Modified")}, 304, ""},
	} {
		if a := send(t, s, "GET", path, "", c.headers...); a.status != c.status || string(a.body) != c.want {
			t.Errorf("%v: %d %q, want %d %q", c.headers, a.status, a.body, c.status, c.want)
		}
	}
	if same := send(t, s, "GET", prefix+"/csv/readings.csv", ""); string(same.body) != wholeCSV || same.header.Get("ETag") != send(t, s, "GET", prefix+"/readings.csv", "").header.Get("ETag") {
		t.Errorf("the file that grows has two names: %q", same.body)
	}
	if a := send(t, s, "HEAD", path, ""); a.status != 200 || a.header.Get("Content-Length") != "84" || len(a.body) != 0 {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
}

// TestNothingElseIsDownloaded, whatever it is called.
func TestNothingElseIsDownloaded(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	for _, name := range []string{
		"readings.csv.vaiven.json", "..%2Freadings.csv", "..%2F..%2Fetc%2Fpasswd", "%2e%2e", ".%2Freadings.csv", url.PathEscape(w.csv), "READINGS.CSV", "readings-2026-11-22.csv", privateCSV,
		"readings.csv%00", strings.Repeat("a", 255),
	} {
		if a := send(t, s, "GET", prefix+"/csv/"+name, ""); a.problem(t).Status != http.StatusNotFound {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := send(t, s, "GET", prefix+"/csv/"+strings.Repeat("a", 256), ""); a.problem(t).Status != http.StatusUnprocessableEntity {
		t.Errorf("a long name: %d", a.status)
	}
	if a := send(t, s, "GET", prefix+"/csv?cursor=nothing.csv", ""); a.problem(t).Status != http.StatusUnprocessableEntity {
		t.Errorf("a cursor of nothing: %d", a.status)
	}
	none := newWorld(t).serve(t, func(o *Options) { o.CSV = nil })
	for _, path := range []string{"/csv", "/csv/readings.csv", "/readings.csv"} {
		if p := send(t, none, "GET", prefix+path, "").problem(t); p.Status != http.StatusNotFound {
			t.Errorf("%s without a CSV: %+v", path, p)
		}
	}
}

// TestAPrivateCSV is for administrators: who only looks does not see it in the list, and
// does not get it.
func TestAPrivateCSV(t *testing.T) {
	w := newWorld(t)
	w.private = true
	for _, c := range []struct {
		access Access
		files  int
		status int
	}{{whoever{}, 3, 200}, {viewers{}, 2, 403}} {
		s := w.serve(t, func(o *Options) { o.Access = c.access })
		var list api.CSVFiles
		send(t, s, "GET", prefix+"/csv", "").into(t, &list)
		a := send(t, s, "GET", prefix+"/csv/"+privateCSV, "")
		if len(list.Files) != c.files || a.status != c.status {
			t.Errorf("%T: %d files, %d", c.access, len(list.Files), a.status)
		}
	}
	if len(newServer(filled(w.options())).downloads.held) != 0 {
		t.Error("turns are held at the beginning")
	}
}

// TestDownloadsAreBounded: an address has so many at once, and gives its turns back
// whatever becomes of them.
func TestDownloadsAreBounded(t *testing.T) {
	s := newServer(filled(newWorld(t).options()))
	q := httptest.NewRequest("GET", prefix+"/csv/readings.csv", nil)
	q.RemoteAddr = "192.0.2.1:1000"
	var releases []func()
	for range maxDownloadingEach {
		release, err := s.downloads.take(t.Context(), s.o.Remote(q))
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, release)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	w := &recorder{header: http.Header{}}
	if s.ServeHTTP(w, q.WithContext(ctx)); w.status != http.StatusServiceUnavailable || w.header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d %v", w.status, w.header)
	}
	other := q.Clone(t.Context())
	other.RemoteAddr = "192.0.2.2:1000"
	w = &recorder{header: http.Header{}}
	if s.ServeHTTP(w, other); w.status != http.StatusOK || w.body.String() != wholeCSV {
		t.Errorf("another address: %d", w.status)
	}
	for _, release := range releases {
		release()
	}
	for _, path := range []string{"readings.csv", "nothing.csv", "readings-2026-11-21.csv"} {
		s.ServeHTTP(&recorder{header: http.Header{}}, httptest.NewRequest("GET", prefix+"/csv/"+path, nil))
	}
	if len(s.downloads.held) != 0 || len(s.downloads.all) != 0 {
		t.Errorf("%d turns were not given back", len(s.downloads.all))
	}
}
