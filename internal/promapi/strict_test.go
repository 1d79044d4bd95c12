package promapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

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

// TestRegularExpressionsAreBounded: a kilobyte could be compiled to gigabytes.
func TestRegularExpressionsAreBounded(t *testing.T) {
	letters := strings.Repeat("abcd.", 40)
	many := strings.TrimSuffix(strings.Repeat(`d=~"a.",`, 101), ",")
	words := strings.TrimSuffix(strings.Repeat("board-101|", 400), "|")
	for name, c := range map[string]struct{ query, says string }{
		"long":                 {`x{d=~"` + strings.Repeat("a.", 513) + `"}`, "longer than 1024 bytes"},
		"repeated":             {`x{d=~"(?:` + letters + `){100}"}`, "larger than 4096 pieces"},
		"not matched":          {`x{d!~"(?:` + letters + `){100}"}`, "larger than 4096 pieces"},
		"repeated in repeated": {`x{d=~"(?:(?:` + letters[:20] + `){20}){20}"}`, "larger than 4096 pieces"},
		"at least":             {`x{d=~"(?:` + letters + `){100,}"}`, "larger than 4096 pieces"},
		"behind a remark":      {"x{d=~# here\n'(?:" + letters + "){100}'}", "larger than 4096 pieces"},
		"a quoted name":        {`{"x", "d"=~"(?:` + letters + `){100}"}`, "larger than 4096 pieces"},
		"together":             {`x{d=~"(?:` + letters + `){10}"} + y{d=~"(?:` + letters + `){10}"} + z{d=~"(?:` + letters + `){10}"}`, "larger than 4096 pieces"},
		"large classes":        {`x{d=~"` + strings.Repeat(`\\pL`, 150) + `"}`, "larger than 4096 pieces"},
		"many":                 {`x{` + many + `}`, "more than 100 regular expressions"},
		"of label_replace":     {`label_replace(x,"a","","b",("(?:` + letters + `){100}"))`, "larger than 4096 pieces"},
	} {
		refused(t, name, c.query, c.says)
		h := New(Options{Queryable: untouched{t}})
		for _, op := range []string{"labels", "series", "label/a/values"} {
			if name == "together" || name == "of label_replace" {
				continue // no selector
			}
			code, body := get(t, h, path(op, "match[]", c.query), "")
			if said, _ := body["error"].(string); code != 400 || !strings.Contains(said, c.says) {
				t.Errorf("%s, %s: %d %.300v", name, op, code, body)
			}
		}
	}
	h := New(Options{Queryable: open(t, 1, 1)})
	selectors := url.Values{"match[]": make([]string, 101)}
	for i := range selectors["match[]"] {
		selectors["match[]"][i] = "x"
	}
	if code, body := get(t, h, "/api/v1/labels", selectors.Encode()); code != 400 || body["error"] != "more than 100 selectors" {
		t.Errorf("%d %v", code, body)
	}
	// A choice of many boards, and what people write.
	for _, pattern := range []string{words, "10[0-9]|sala-.*", `(?i)temp\\d{1,3}`, "[a-z]{1,63}"} {
		if code, body := get(t, h, path("query", "query", `x{d=~"`+pattern+`",e!~"`+pattern+`"}`), ""); code != 200 {
			t.Errorf("%.80s: %d %v", pattern, code, body)
		}
	}
}

// TestExpressionsAreBounded: the time to write one again grows with the cube of its depth.
func TestExpressionsAreBounded(t *testing.T) {
	const deep = "more than 100 brackets in one another, or more than 250 operators"
	for name, c := range map[string]struct{ query, says string }{
		"long":               {"x" + strings.Repeat(" ", 8192), "longer than 8192 bytes"},
		"parentheses":        {nested(101, "(", "x", ")"), deep},
		"calls":              {nested(101, "abs(", "x", ")"), deep},
		"signs":              {strings.Repeat("-", 251) + "x", deep},
		"additions":          {strings.Repeat("x+", 251) + "x", deep},
		"comparisons, words": {strings.Repeat("x!=y or ", 126) + "x", deep},
	} {
		refused(t, name, c.query, c.says)
	}
	h := New(Options{Queryable: open(t, 1, 1)})
	matchers := strings.TrimSuffix(strings.Repeat(`d!="a",`, 300), ",")
	for _, query := range []string{nested(100, "(", "x", ")"), strings.Repeat("x+", 250) + "x", `x{` + matchers + `}`} {
		for _, op := range []string{"query", "format_query"} {
			if code, body := get(t, h, path(op, "query", query), ""); code != 200 {
				t.Errorf("%s %.80s: %d %v", op, query, code, body)
			}
		}
	}
}

// TestWritingAnExpressionNeedsAPlace asks for one while there is none.
func TestWritingAnExpressionNeedsAPlace(t *testing.T) {
	s := slow{entered: make(chan struct{}, 1), given: make(chan struct{})}
	h := New(Options{Queryable: s, Concurrent: 1, Timeout: time.Minute})
	var wg sync.WaitGroup
	wg.Go(func() { get(t, h, "/api/v1/labels", "") })
	<-s.entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path("format_query", "query", "x"), nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	close(s.given)
	wg.Wait()
}

// untouched is a storage that nobody may ask.
type untouched struct{ t *testing.T }

func (u untouched) Querier(int64, int64) (storage.Querier, error) {
	u.t.Error("the storage was asked")
	return nil, errors.New("not for you")
}
