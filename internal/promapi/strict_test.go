package promapi

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/storage"
)

// refused asks all the operations that take an expression, by a form, and wants each to
// say what it does not take, before it reads anything.
func refused(t *testing.T, name, query, says string) {
	t.Helper()
	h := New(Options{Queryable: untouched{t}})
	for _, op := range []string{"query", "query_range", "format_query"} {
		form := url.Values{"query": {query}, "start": {end}, "end": {end}, "step": {"1"}}.Encode()
		code, body := get(t, h, "/api/v1/"+op, form)
		if said, _ := body["error"].(string); code != 400 || body["errorType"] != "bad_data" || !strings.Contains(said, says) {
			t.Errorf("%s, %s: %d %.300v, want %q", name, op, code, body, says)
		}
	}
}

// nested writes one call in another, n times.
func nested(n int, before, inner, after string) string {
	return strings.Repeat(before, n) + inner + strings.Repeat(after, n)
}

// TestLabelsDoNotMultiply: a query of a few letters could make labels of gigabytes.
func TestLabelsDoNotMultiply(t *testing.T) {
	const says = "label_replace, label_join and count_values make could be longer than 2048 bytes"
	for name, query := range map[string]string{
		"a template of many copies": `label_replace(x,"a","` + strings.Repeat("$1", 100) + `","device","(.*)")`,
		"doubled ten times":         nested(10, "label_replace(", "x", `,"a","$1$1","a","(.*)")`),
		"named groups":              nested(10, "label_replace(", "x", `,"a","${all}${all}","a","(?P<all>.*)")`),
		"in parentheses":            nested(10, "(label_replace((", "x", `),("a"),(("$1$1")),"a","(.*)"))`),
		"joined":                    nested(10, "label_join(", "x", `,"a","","a","a")`),
		"a long separator":          `label_join(x,"a","` + strings.Repeat("-", 300) + `","a","b","c","d","e","f","g")`,
		"many labels":               nested(40, "label_replace(", "x", `,"a","$1","device","(.*)")`),
		"a long name":               `count_values("` + strings.Repeat("a", 2048) + `",x)`,
		"below an aggregation":      `sum by (a) (rate(` + nested(10, "label_replace(", "x", `,"a","$1$1","a","(.*)")`) + `[1h:1m]))`,
		"the right side":            `x * on (device) group_left (a) ` + nested(10, "label_replace(", "x", `,"a","$1$1","a","(.*)")`),
	} {
		refused(t, name, query, says)
	}
	h := New(Options{Queryable: open(t, 1, 1)})
	for _, query := range []string{
		`label_replace(vaiven_reading,"room","$1-$2","device","(.)(.*)")`,
		`label_join(label_replace(vaiven_reading,"a","$1","device","(.*)"),"b","/","a","measurement")`,
	} {
		if code, body := get(t, h, path("query", "query", query, "time", "1793527200"), ""); code != 200 || len(body["data"].(map[string]any)["result"].([]any)) != 1 {
			t.Errorf("%s: %d %v", query, code, body)
		}
	}
}

// untouched is a storage that nobody may ask.
type untouched struct{ t *testing.T }

func (u untouched) Querier(int64, int64) (storage.Querier, error) {
	u.t.Error("the storage was asked")
	return nil, errors.New("not for you")
}
