package promapi

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/annotations"
)

const begin = int64(1_793_527_200_000) // ms; one sample of each series every 10 s from here on

// open makes a TSDB of its own with so many boards, and a label that only Prometheus 3
// can hold.
func open(t testing.TB, boards, samples int) *tsdb.DB {
	t.Helper()
	opts := tsdb.DefaultOptions()
	opts.RetentionDuration = 0
	db, err := tsdb.Open(t.TempDir(), nil, nil, opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	app := db.Appender(context.Background())
	for b := range boards {
		l := labels.FromStrings("__name__", "vaiven_reading", "device", fmt.Sprintf("%03d", b), "measurement", "TEMP", "el año", "sí")
		for i := range samples {
			if _, err := app.Append(0, l, begin+int64(i)*10_000, float64(i)/2); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	return db
}

// get asks the handler, by GET or, with a form, by POST.
func get(t testing.TB, h http.Handler, path, form string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if form != "" {
		r = httptest.NewRequest(http.MethodPost, path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s: %v: %q", path, err, w.Body)
	}
	return w.Code, body
}

// path is one with parameters.
func path(at string, params ...string) string {
	v := url.Values{}
	for i := 0; i < len(params); i += 2 {
		v.Add(params[i], params[i+1])
	}
	return "/api/v1/" + at + "?" + v.Encode()
}

const end = "1793527300"

func TestAnswers(t *testing.T) {
	h := New(Options{Queryable: open(t, 3, 10), Version: "v7", Help: map[string]string{"vaiven_reading": "what"}})
	for _, c := range []struct {
		path, form string
		want       any
	}{
		{path("query", "query", "count(vaiven_reading)", "time", end), "", map[string]any{
			"resultType": "vector", "result": []any{map[string]any{"metric": map[string]any{}, "value": []any{1793527300.0, "3"}}}}},
		{"/api/v1/query", "query=1%2B1&time=" + end, map[string]any{"resultType": "scalar", "result": []any{1793527300.0, "2"}}},
		{"/api/v1/query?time=1", "query=1&time=" + end, map[string]any{"resultType": "scalar", "result": []any{1793527300.0, "1"}}}, // the form's counts
		// What Debian's Prometheus, against which the suite compares, does not have.
		{path("labels", "start", end), "", []any{}},
		{path("labels"), "", []any{"__name__", "device", "el año", "measurement"}},
		{path("label/el%20a%C3%B1o/values"), "", []any{"sí"}},
		{path("label/U__el_20_a_f1_o/values"), "", []any{"sí"}},
		{path("query", "query", `count({"el año"="sí"})`, "time", end), "", map[string]any{
			"resultType": "vector", "result": []any{map[string]any{"metric": map[string]any{}, "value": []any{1793527300.0, "3"}}}}},
		{path("format_query", "query", "sum   by(x)(  y )"), "", "sum by (x) (y)"},
		{path("metadata"), "", map[string]any{"vaiven_reading": []any{map[string]any{"type": "gauge", "unit": "", "help": "what"}}}},
		{path("metadata", "limit", "0"), "", map[string]any{}},
		{path("metadata", "metric", "other"), "", map[string]any{}},
	} {
		code, body := get(t, h, c.path, c.form)
		if d := cmp.Diff(map[string]any{"status": "success", "data": c.want}, body); d != "" || code != 200 {
			t.Errorf("%s: %d\n%s", c.path, code, d)
		}
	}
	if _, body := get(t, h, "/api/v1/status/buildinfo", ""); body["data"].(map[string]any)["revision"] != "v7" {
		t.Errorf("%v", body)
	}
	if n := h.Stats().Requests.Load(); n == 0 || h.Stats().Failed.Load() != 0 {
		t.Errorf("%d requests, %d failed", n, h.Stats().Failed.Load())
	}
}

func TestLimitsAndLookback(t *testing.T) {
	h := New(Options{Queryable: open(t, 3, 10)})
	const m = "match[]"
	for _, c := range []struct {
		path string
		n    int
		cut  bool
	}{
		{path("series", m, "vaiven_reading", "limit", "2"), 2, true},
		{path("series", m, "vaiven_reading", m, `{device="000"}`, "limit", "2"), 2, true},
		{path("series", m, "vaiven_reading", "limit", "3"), 3, false},
		{path("series", m, "vaiven_reading", "limit", "0"), 3, false},
		{path("labels", "limit", "1"), 1, true},
		{path("label/device/values", "limit", "2"), 2, true},
		{path("label/device/values", m, `{device="000"}`, m, `{device="001"}`, "limit", "5"), 2, false},
		{path("query", "query", "vaiven_reading", "time", end, "limit", "1"), 1, true},
		{path("query", "query", "vaiven_reading[1m]", "time", end, "limit", "1"), 1, true},
		{path("query_range", "query", "vaiven_reading", "start", end, "end", end, "step", "1", "limit", "2"), 2, true},
		{path("query", "query", "vaiven_reading", "time", "1793527700", "lookback_delta", "10m"), 3, false},
		{path("query", "query", "vaiven_reading", "time", "1793527700"), 0, false},
	} {
		code, body := get(t, h, c.path, "")
		list, ok := body["data"].([]any)
		if data, isMap := body["data"].(map[string]any); isMap {
			list, ok = data["result"].([]any)
		}
		_, warned := body["warnings"]
		if code != 200 || !ok || len(list) != c.n || warned != c.cut {
			t.Errorf("%s: %d %v", c.path, code, body)
		}
	}
	// Remarks are of what Prometheus 3 has, too.
	_, body := get(t, h, path("query", "query", "rate(vaiven_reading[1m])", "time", end, "stats", "all"), "")
	if body["infos"] == nil || body["data"].(map[string]any)["stats"] == nil {
		t.Errorf("%v", body)
	}
}

func TestRefusals(t *testing.T) {
	h := New(Options{Queryable: open(t, 1, 100), MaxSamples: 50, MaxForm: 4000})
	for _, c := range []struct {
		path, form string
		code       int
		kind, says string
	}{
		{path("query", "query", "1", "limit", "-1"), "", 400, "bad_data", `invalid parameter "limit": limit must be non-negative`},
		{path("labels", "limit", "x"), "", 400, "bad_data", `parameter "limit"`},
		{path("query", "query", "vaiven_reading", "lookback_delta", "far"), "", 400, "bad_data", "lookback delta"},
		{path("query", "query", "vaiven_reading[1h]", "time", "1793530000"), "", 422, "execution", "too many samples"},
		{path("query", "query", "1", "timeout", "0"), "", 503, "timeout", "query timed out"},
		{"/api/v1/query", "query=" + strings.Repeat("1%2B", 2000) + "1", 400, "bad_data", "larger than 4000"},
		{path("query", "query", strings.Repeat("1+", 3000)+"1"), "", 400, "bad_data", "larger than 4000"},
		{"/api/v1/query?query=%zz", "", 400, "bad_data", "form"},
		{path("write"), "", 404, "not_found", "GET /api/v1/write"},
		{path("metadata", "limit_per_metric", "x"), "", 400, "bad_data", "limit_per_metric must be a number"},
	} {
		code, body := get(t, h, c.path, c.form)
		if text, _ := body["error"].(string); code != c.code || body["status"] != "error" || body["errorType"] != c.kind || !strings.Contains(text, c.says) {
			t.Errorf("%.80s: %d %v", c.path, code, body)
		}
	}
}

// TestLargeAnswersAreCompressed reads one that is written in parts.
func TestLargeAnswersAreCompressed(t *testing.T) {
	h := New(Options{Queryable: open(t, 60, 100)})
	r := httptest.NewRequest(http.MethodGet, path("query", "query", "vaiven_reading[1h]", "time", "1793530000"), nil)
	plain := httptest.NewRecorder()
	h.ServeHTTP(plain, r)
	r.Header.Set("Accept-Encoding", "br, gzip")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != plain.Body.String() || len(text) < 3*flushAt || w.Header().Get("Content-Encoding") != "gzip" || !json.Valid(text) {
		t.Errorf("%d bytes, %d without compression", len(text), plain.Body.Len())
	}
}

// nothing stands for what is not asked.
type nothing = storage.LabelQuerier

// slow is a storage whose queries wait.
type slow struct {
	nothing
	entered chan struct{}
	given   chan struct{}
}

func (s slow) Querier(int64, int64) (storage.Querier, error) { return s, nil }
func (s slow) Close() error                                  { return nil }

func (s slow) Select(context.Context, bool, *storage.SelectHints, ...*labels.Matcher) storage.SeriesSet {
	return storage.EmptySeriesSet()
}

func (s slow) LabelNames(ctx context.Context, _ *storage.LabelHints, _ ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	s.entered <- struct{}{}
	select {
	case <-s.given:
		return []string{"late"}, nil, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func TestPlacesAreBounded(t *testing.T) {
	s := slow{entered: make(chan struct{}, 10), given: make(chan struct{})}
	h := New(Options{Queryable: s, Concurrent: 2, Timeout: time.Minute})
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			ask(t, h, "/api/v1/labels", fmt.Sprintf("192.0.2.%d:1", 100+i), false)
		})
		<-s.entered
	}
	if n := h.Stats().Reading.Load(); n != 2 {
		t.Errorf("%d read", n)
	}
	// The third waits until its client goes; it has not entered.
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan int, 1)
	go func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/labels", nil))
		gone <- w.Code
	}()
	cancel()
	if code := <-gone; code != http.StatusServiceUnavailable {
		t.Errorf("%d", code)
	}
	// What reads nothing needs no place.
	if code, _ := get(t, h, "/api/v1/status/buildinfo", ""); code != 200 {
		t.Errorf("buildinfo: %d", code)
	}
	close(s.given)
	wg.Wait()
	if len(s.entered) != 0 || h.Stats().NoPlace.Load() != 1 || h.Stats().Reading.Load() != 0 {
		t.Errorf("%d entered, %d without place, %d read", len(s.entered), h.Stats().NoPlace.Load(), h.Stats().Reading.Load())
	}
	if code, _ := get(t, h, "/api/v1/labels", ""); code != 200 {
		t.Error("the places are not given back")
	}
}

func TestTimeoutOfALook(t *testing.T) {
	s := slow{entered: make(chan struct{}, 10)}
	h := New(Options{Queryable: s, Timeout: time.Millisecond})
	if code, body := get(t, h, "/api/v1/labels", ""); code != 503 || body["errorType"] != "timeout" {
		t.Errorf("%d %v", code, body)
	}
}

// leaving is a storage whose first answer makes the client go.
type leaving struct {
	asked int
	leave context.CancelFunc
}

func (l *leaving) Querier(int64, int64) (storage.Querier, error) { return l, nil }
func (l *leaving) Close() error                                  { return nil }

func (l *leaving) Select(context.Context, bool, *storage.SelectHints, ...*labels.Matcher) storage.SeriesSet {
	l.asked++
	l.leave()
	return storage.EmptySeriesSet()
}

func (l *leaving) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	l.asked++
	l.leave()
	return nil, nil, nil
}

func (l *leaving) LabelValues(ctx context.Context, _ string, h *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return l.LabelNames(ctx, h, ms...)
}

// TestALookEndsWithItsClient asks with selectors of which only the first is looked up.
func TestALookEndsWithItsClient(t *testing.T) {
	for _, op := range []string{"labels", "series", "label/a/values"} {
		ctx, cancel := context.WithCancel(t.Context())
		s := &leaving{leave: cancel}
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, path(op, "match[]", "x", "match[]", "y", "match[]", "z"), nil)
		New(Options{Queryable: s}).ServeHTTP(w, r)
		if w.Code != clientGone || s.asked != 1 {
			t.Errorf("%s: %d, asked %d times", op, w.Code, s.asked)
		}
	}
}

// timed keeps the deadlines that were set on a connection.
type timed struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (d *timed) SetReadDeadline(t time.Time) error  { d.read = t; return nil }
func (d *timed) SetWriteDeadline(t time.Time) error { d.write = t; return nil }

// TestQueriesHaveTheirTime: an expired read deadline ends a request's context, and an
// expired write deadline its answer.
func TestQueriesHaveTheirTime(t *testing.T) {
	for _, c := range []struct{ path, form string }{
		{path("labels"), ""}, {"/api/v1/labels", "limit=1"}, {path("query", "query", "x"), ""}, {"/api/v1/query", "query=x"},
		{path("query_range", "query", "x", "start", end, "end", end, "step", "1"), ""},
	} {
		begin := time.Now()
		w := &timed{ResponseRecorder: httptest.NewRecorder()}
		w.read, w.write = begin.Add(10*time.Second), begin.Add(30*time.Second) // as the server's, from the beginning
		asked := false
		h := New(Options{Queryable: storage.QueryableFunc(func(int64, int64) (storage.Querier, error) {
			asked = true
			if !w.read.IsZero() || w.write.Before(begin.Add(maxTimeout+writeTimeout)) {
				t.Errorf("%s %s: to be read until %v, to be written until %v", c.path, c.form, w.read, w.write)
			}
			return storage.NoopQuerier(), nil
		})})
		r := httptest.NewRequest(http.MethodGet, c.path, nil)
		if c.form != "" {
			r = httptest.NewRequest(http.MethodPost, c.path, strings.NewReader(c.form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		h.ServeHTTP(w, r)
		if w.Code != 200 || !asked || w.read.IsZero() {
			t.Errorf("%s %s: %d %s, to be read until %v", c.path, c.form, w.Code, w.Body, w.read)
		}
	}
}

// FuzzParameters: whatever a request says, it is answered by JSON of the right shape
// and by a status that the API has, and times survive.
func FuzzParameters(f *testing.F) {
	h := New(Options{Queryable: open(f, 2, 20), Timeout: time.Second, MaxSamples: 10_000})
	for _, s := range []string{
		"query=vaiven_reading&time=1793527300.5", "query=1&start=2026-11-01T10:00:00Z&end=2026-11-01T10:00:01.5-05:00&step=1m&timeout=1e-3",
		"match[]={device=~\"0.*\"}&match[]=x&start=-292273086-05-16T16:47:06Z&end=9e18&limit=1", "query=%zz&step=NaN", "start=Inf&end=-Inf&step=+Inf&query=a",
		"query=rate(x[1h:1ms])&lookback_delta=-1&time=1e400&stats=all", "match[]={\"el año\"!~\"\"}", "limit=99999999999999999999",
	} {
		f.Add("query", s)
		f.Add("query_range", s)
		f.Add("series", s)
		f.Add("label/a/values", s)
	}
	f.Fuzz(func(t *testing.T, op, form string) {
		if strings.ContainsAny(op, "?# \x00%") {
			op = url.PathEscape(op)
		}
		for _, posted := range []string{"", form} {
			r := httptest.NewRequest(http.MethodGet, "/", strings.NewReader(posted))
			r.URL.Path = "/api/v1/" + op
			if r.URL.RawQuery = form; posted != "" {
				r.Method, r.URL.RawQuery = http.MethodPost, ""
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			switch w.Code {
			case 301, 307: // a path that is not clean
				continue
			case 200, 400, 404, 422, 500, 503:
			default:
				t.Fatalf("status %d", w.Code)
			}
			var body struct {
				Status, ErrorType, Error string
				Data                     any
			}
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatalf("%v: %q", err, w.Body)
			}
			if (w.Code == 200) != (body.Status == "success" && body.Data != nil) || (w.Code != 200) != (body.Status == "error" && body.ErrorType != "") {
				t.Fatalf("%d %q", w.Code, w.Body)
			}
		}
		if tm, err := parseTime(form); err == nil && tm.Year() > 0 && tm.Year() < 10000 {
			if again, err := parseTime(tm.Format(time.RFC3339Nano)); err != nil || !again.Equal(tm) {
				t.Fatalf("%q: %v, %v %v", form, tm, again, err)
			}
		}
	})
}

// partly is a history of which something cannot be read: it knows so when samples are
// read, behind the warnings of the series.
type partly struct{ storage.Queryable }

func (p partly) Querier(from, to int64) (storage.Querier, error) {
	q, err := p.Queryable.Querier(from, to)
	return partlyQuerier{q}, err
}

type partlyQuerier struct{ storage.Querier }

func (partlyQuerier) Warnings() annotations.Annotations {
	var notes annotations.Annotations
	return notes.Add(errors.New("block 7 cannot be read"))
}

// TestPartialAnswersSaySo: queries that succeed in part have a warning.
func TestPartialAnswersSaySo(t *testing.T) {
	h := New(Options{Queryable: partly{open(t, 1, 10)}})
	for _, p := range []string{
		path("query", "query", "count(vaiven_reading)", "time", end),
		path("query_range", "query", "vaiven_reading", "start", end, "end", end, "step", "1m"),
	} {
		code, body := get(t, h, p, "")
		if d := cmp.Diff([]any{"block 7 cannot be read"}, body["warnings"]); d != "" || code != http.StatusOK || body["status"] != "success" {
			t.Errorf("%s: %d, %v", p, code, body)
		}
	}
}
