//go:build suites && linux

package prometheus

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/tsdb"

	"vaiven/internal/promapi"
)

// request is one of testdata/grafana.json.
type request struct {
	What   string              `json:"what"`
	Method string              `json:"method"` // GET by default
	Path   string              `json:"path"`
	Params map[string][]string `json:"params"`
	// Except are fields that differ, each with the reason.
	Except map[string]string `json:"except"`
}

// reply is what a request was answered.
type reply struct {
	Code int
	Type string
	Body any
}

func (q request) ask(t *testing.T, base string) reply {
	t.Helper()
	form := url.Values(q.Params).Encode()
	method, target, body := cmp.Or(q.Method, http.MethodGet), base+q.Path, ""
	if method == http.MethodPost {
		body = form
	} else if form != "" {
		target += "?" + form
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := reply{Code: resp.StatusCode, Type: resp.Header.Get("Content-Type")}
	if err := json.Unmarshal(data, &out.Body); err != nil {
		t.Fatalf("%s: %v: %q", target, err, data)
	}
	sortVector(out.Body, q.Params["query"])
	reword(out.Body)
	out.Body = parsePoints(out.Body)
	return out
}

// number is the value of a point.
type number float64

// parsePoints makes numbers of the values in points: [time, "1.5"].
func parsePoints(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			v[k] = parsePoints(inner)
		}
	case []any:
		if len(v) == 2 {
			text, isText := v[1].(string)
			if f, err := strconv.ParseFloat(text, 64); isText && err == nil {
				return []any{v[0], number(f), strings.TrimLeft(text, "-0123456789.")} // NaN, +Inf, e-07
			}
		}
		for i, inner := range v {
			v[i] = parsePoints(inner)
		}
	}
	return v
}

// sameNumber allows for the last digits: since 3.0 Prometheus adds up with the errors
// of the additions compensated.
func sameNumber(a, b number) bool {
	x, y := float64(a), float64(b)
	return math.IsNaN(x) && math.IsNaN(y) || x == y || math.Abs(x-y) <= 1e-12*math.Max(math.Abs(x), math.Abs(y))
}

// sortVector puts the series of an instant query into an order, where the query asks
// for none.
func sortVector(body any, query []string) {
	data, _ := body.(map[string]any)["data"].(map[string]any)
	list, ok := data["result"].([]any)
	if !ok || data["resultType"] != "vector" || strings.Contains(strings.Join(query, ""), "sort") {
		return
	}
	slices.SortFunc(list, func(a, b any) int {
		return cmp.Compare(fmt.Sprint(a.(map[string]any)["metric"]), fmt.Sprint(b.(map[string]any)["metric"]))
	})
}

// wordings are errors that 2.42 writes otherwise than Prometheus 3, with the reason.
var wordings = []struct{ older, newer, why string }{
	{"Invalid time value", "invalid time value", "errors begin with a small letter"},
	{"1:1: parse error: no expression", "unknown position: parse error: no expression", "nothing has no position"},
	{"^(?:()$", "(", "an expression is quoted as it was written"},
	{`invalid parameter "query": `, "", "the parameter is named in query only; since 3.0 in query_range too"},
}

// reword makes an error what all versions write.
func reword(body any) {
	m := body.(map[string]any)
	text, ok := m["error"].(string)
	if !ok {
		return
	}
	for _, w := range wordings {
		text = strings.Replace(text, w.older, w.newer, 1)
	}
	m["error"] = text
}

// without removes a field, named as data.version; it reports whether it was there.
func without(body any, field string) bool {
	m, ok := body.(map[string]any)
	first, rest, deeper := strings.Cut(field, ".")
	if _, there := m[first]; !ok || !there {
		return false
	}
	if deeper {
		return without(m[first], rest)
	}
	delete(m, first)
	return true
}

// TestAnswersAreThoseOfPrometheus asks both what Grafana's data source asks.
func TestAnswersAreThoseOfPrometheus(t *testing.T) {
	dir, copied := blocks(t)
	p := newPeer(t, copied)
	p.start()
	opts := tsdb.DefaultOptions()
	opts.RetentionDuration = 0 // without end
	db, err := tsdb.Open(dir, nil, nil, opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ours := httptest.NewServer(promapi.New(promapi.Options{Queryable: db, Version: "v1"}))
	defer ours.Close()
	compare(t, "testdata/grafana.json", ours.URL, p.URL)
	askPromtool(t, ours.URL, p.URL)
}

func compare(t *testing.T, file, ours, theirs string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var session []request
	if err := json.Unmarshal(data, &session); err != nil {
		t.Fatal(err)
	}
	for _, q := range session {
		t.Run(strings.ReplaceAll(q.What, " ", "_"), func(t *testing.T) {
			us, them := q.ask(t, ours), q.ask(t, theirs)
			for field := range q.Except {
				if a, b := without(us.Body, field), without(them.Body, field); !a && !b {
					t.Errorf("%s is excepted, and none of the two has it", field)
				}
			}
			if d := gocmp.Diff(them, us, gocmp.Comparer(sameNumber)); d != "" {
				t.Errorf("%s %s %v\nPrometheus (-), vaiven (+):\n%s", q.Method, q.Path, q.Params, d)
			}
		})
	}
}

// askPromtool has promtool ask both; it prints the same.
func askPromtool(t *testing.T, ours, theirs string) {
	from, to := fmt.Sprint(dataBegin), fmt.Sprint(dataEnd)
	for _, args := range [][]string{
		{"instant", "--time", to, "", "avg by (device) (vaiven_reading{measurement=\"TEMP\"})"},
		{"instant", "--time", to, "", "sort(odd)"},
		{"instant", "--time", to, "", "scalar(vaiven_state)"},
		{"range", "--start", from, "--end", to, "--step", "10m", "", "rate(pulses_total[5m])"},
		{"series", "--start", from, "--end", to, "--match", "vaiven_reading", "--match", "vaiven_state", ""},
		{"labels", "--start", from, "--end", to, "", "device"},
		{"labels", "--match", `vaiven_reading{device="101"}`, "", "measurement"},
	} {
		t.Run("promtool_"+args[0], func(t *testing.T) {
			of := func(server string) string {
				asked := slices.Clone(args)
				asked[slices.Index(asked, "")] = server
				return promtool(t, append([]string{"query"}, asked...)...)
			}
			if us, them := of(ours), of(theirs); us != them || us == "" {
				t.Errorf("Prometheus:\n%svaiven:\n%s", them, us)
			}
		})
	}
}
