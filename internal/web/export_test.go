package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vaiven"
	"vaiven/internal/export"
	"vaiven/internal/web/api"
)

// client asks a test's server.
func (w *world) client(t *testing.T, change ...func(*Options)) *api.Client {
	t.Helper()
	c, err := api.New(api.Options{Server: w.serve(t, change...).URL, HTTP: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClientExports(t *testing.T) {
	w := newWorld(t)
	w.entries = append(w.entries[1:], vaiven.Entry{ID: vaiven.ID{Record: 7}, Event: &vaiven.Reading{
		Stamp: vaiven.Stamp{At: noon.UnixMilli()}, Device: "103", Values: []vaiven.Value{{Name: "CO2", Num: 415}, {Name: "PM25", Num: 3}},
	}})
	c := w.client(t)
	var out bytes.Buffer
	done, err := c.Export(t.Context(), url.Values{"devices": {"*2,*3"}}, &out)
	want := &vaiven.Exported{Rows: 1, Without: 1, LeftOut: []string{"CO2", "PM25"}, Begins: w.entries[0].Event.Time().At}
	if d := cmp.Diff(want, done); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	if out.String() != "IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n1,102,202611220500,21,\n" {
		t.Errorf("%q", out.String())
	}
	var refused *api.Problem
	if _, err := c.Export(t.Context(), url.Values{"format": {"pdf"}}, io.Discard); !errors.As(err, &refused) || refused.Errors[0].Location != "query.format" {
		t.Errorf("%v", err)
	}
}

func TestExportSaysWhatItIs(t *testing.T) {
	s := newWorld(t).serve(t)
	for format, want := range map[string][2]string{
		"csv":     {"text/csv; charset=utf-8", "IDdato"},
		"jsonl":   {"application/x-ndjson", `{"id":"2.1"`},
		"xlsx":    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "PK"},
		"parquet": {"application/vnd.apache.parquet", "PAR1"},
	} {
		a := send(t, s, "GET", prefix+"/export?format="+format, "")
		if a.status != 200 || a.header.Get("Content-Type") != want[0] || !strings.HasPrefix(string(a.body), want[1]) {
			t.Errorf("%s: %d %v %.20q", format, a.status, a.header, a.body)
		}
		if got := a.header.Get("Content-Disposition"); got != `attachment; filename="readings.`+format+`"` {
			t.Errorf("%s: %s", format, got)
		}
		head := send(t, s, "HEAD", prefix+"/export?format="+format, "")
		if head.status != 200 || len(head.body) != 0 || head.header.Get("Content-Type") != want[0] {
			t.Errorf("HEAD %s: %d %v", format, head.status, head.header)
		}
	}
	none := newWorld(t).serve(t, func(o *Options) { o.Exports = nil })
	if p := send(t, none, "GET", prefix+"/export", "").problem(t); p.Status != 404 {
		t.Errorf("%+v", p)
	}
}

// brokenLog fails behind so many readings.
type brokenLog struct{ readings int }

func (b brokenLog) Bounds() (first, last vaiven.ID) {
	return vaiven.ID{Record: 1}, vaiven.ID{Record: 1 << 30}
}

func (b brokenLog) History(_ context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error {
	for i := range b.readings {
		r := &vaiven.Reading{Device: "101", Values: []vaiven.Value{{Name: "TEMP", Num: float64(i)}}}
		if err := fn(vaiven.Entry{ID: vaiven.ID{Record: uint64(i + 1)}, Event: r}); err != nil {
			return err
		}
	}
	return errBroken
}

// TestAnExportThatBreaksOff is never taken for a whole one: before its first bytes it
// is a problem, later the transfer has no end.
func TestAnExportThatBreaksOff(t *testing.T) {
	w := newWorld(t)
	for readings, whole := range map[int]bool{0: true, 2: true, 50_000: false} {
		x := export.New(export.Options{Log: brokenLog{readings}, Columns: []string{"TEMP"}, Zone: "UTC"})
		c := w.client(t, func(o *Options) { o.Exports = worldExports{x} })
		var out bytes.Buffer
		done, err := c.Export(t.Context(), nil, &out)
		var p *api.Problem
		if isProblem := errors.As(err, &p); err == nil || done != nil || isProblem != whole || whole && (out.Len() > 0 || p.Status != 500) {
			t.Errorf("broken behind %d readings: %d bytes, %+v, %v", readings, out.Len(), done, err)
		}
		if !whole && (out.Len() == 0 || !errors.Is(err, io.ErrUnexpectedEOF)) {
			t.Errorf("%d bytes came, then %v", out.Len(), err)
		}
	}
}

// TestExportsAreFewAtOnce lets one more wait for its turn, in vain, and gives the turns
// back.
func TestExportsAreFewAtOnce(t *testing.T) {
	s := newServer(filled(newWorld(t).options()))
	for range maxExporting {
		s.exports.all <- struct{}{}
	}
	q, err := http.NewRequest("GET", prefix+"/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	w := &recorder{header: http.Header{}}
	s.ServeHTTP(w, q.WithContext(ctx))
	if w.status != http.StatusServiceUnavailable || len(s.exports.held) != 0 || w.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", w.status, w.header)
	}
	for range maxExporting {
		<-s.exports.all
	}
	for range 2 * maxExporting {
		w := &recorder{header: http.Header{}}
		if s.ServeHTTP(w, q.WithContext(t.Context())); w.status != 0 && w.status != 200 {
			t.Errorf("%d", w.status)
		}
	}
	if len(s.exports.all) != 0 || len(s.exports.held) != 0 {
		t.Errorf("%d turns were not given back", len(s.exports.all))
	}
}

// recorder keeps the status of an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
func (r *recorder) WriteHeader(status int)      { r.status = status }

// TestAnAddressHasOneExport keeps one that is not read: its address's next gets no turn
// and is told why, another address's gets one.
func TestAnAddressHasOneExport(t *testing.T) {
	s := newServer(filled(newWorld(t).options()))
	q := httptest.NewRequest("GET", prefix+"/export", nil)
	q.RemoteAddr = "192.0.2.1:1000"
	release, err := s.exports.take(t.Context(), s.o.Remote(q))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	w := &recorder{header: http.Header{}}
	if s.ServeHTTP(w, q.WithContext(ctx)); w.status != http.StatusServiceUnavailable || w.header.Get("Retry-After") != "10" || !strings.Contains(w.body.String(), "exports are being written") {
		t.Errorf("the same address: %d %v %s", w.status, w.header, w.body.String())
	}
	other := &recorder{header: http.Header{}}
	q.RemoteAddr = "192.0.2.2:1000"
	if s.ServeHTTP(other, q); other.status != 0 && other.status != 200 {
		t.Errorf("another address: %d", other.status)
	}
}

// TestASlowReaderMayBeSlow counts by the clock of the pieces, not of the test's: a phone
// that takes 20 KiB a second has more than an hour, and who takes nothing a minute.
func TestASlowReaderMayBeSlow(t *testing.T) {
	d := &timed{ResponseRecorder: httptest.NewRecorder()}
	p := newPatientWriter(d, readerStall, exportRate)
	for range 100 {
		p.count(500*time.Millisecond, exportRate) // twice as fast as it need be
	}
	if p.slow != 0 {
		t.Errorf("a quick reader is late by %v", p.slow)
	}
	left := func() time.Duration {
		t.Helper()
		before := time.Now()
		if _, err := p.Write([]byte("x")); err != nil || !d.read.IsZero() {
			t.Fatalf("%v, read deadline %v", err, d.read)
		}
		return d.write.Sub(before)
	}
	for range 4500 {
		p.count(time.Second, 20<<10)
	}
	if got := left(); p.slow >= maxSlow || got < readerStall {
		t.Errorf("a phone after 75 minutes: late by %v, %v left", p.slow, got)
	}
	for range 1000 {
		p.count(time.Second, 20<<10)
	}
	if got := left(); p.slow <= maxSlow || got > 0 {
		t.Errorf("later: late by %v", p.slow)
	}
}

// TestEachPieceHasItsTime: what a format writes at once is waited for by the piece.
func TestEachPieceHasItsTime(t *testing.T) {
	d := &timed{ResponseRecorder: httptest.NewRecorder()}
	p := newPatientWriter(d, readerStall, exportRate)
	if n, err := p.Write(make([]byte, 64*pieceBytes+1)); n != 64*pieceBytes+1 || err != nil || d.set != 65 || d.Body.Len() != n {
		t.Errorf("%d bytes, %v, in %d pieces", n, err, d.set)
	}
}

// TestWhoTakesNothingIsCutOff has a reader that does not read, on a real connection; the
// next one gets the turn.
func TestWhoTakesNothingIsCutOff(t *testing.T) {
	failed := make(chan error, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p := newPatientWriter(w, 50*time.Millisecond, exportRate)
		for {
			if _, err := p.Write(make([]byte, 1<<20)); err != nil {
				failed <- err
				return
			}
		}
	}))
	defer s.Close()
	resp, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}
