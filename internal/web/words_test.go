package web

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vaiven"
	"vaiven/internal/web/api"
	"vaiven/internal/web/live"
	"vaiven/wire"
)

// attempt is a request that is wrong in some way.
type attempt struct{ method, path, body string }

// attempts are wrong requests to an operation of the document: an id that is none,
// every parameter with a wrong value, one that does not exist, and every kind of
// body that it does not take.
func attempts(op map[string]any) (list []attempt) {
	method, path := op["method"].(string), prefix+strings.TrimPrefix(op["path"].(string), prefix)
	right := strings.ReplaceAll(path, "{id}", "101")
	body := ""
	if op["requestBody"] != nil {
		body = `{}`
		for _, wrong := range []string{"", "{", "nope", `[1]`, `"x"`, `{"nothing":{"of":"this"}}`, `{"LED":"ON"}`, `{"LED":"1"}`,
			`{"states":7}`, `{"states":{"LED":"ON"}}`, `{"devices":"101","states":{"LED":1}}`, `{"devices":["a..b"],"states":{"LED":1}}`,
			`{"name":1}`, `{"note":[]}`, `{"groups":[1]}`, strings.Repeat(" ", 70<<10)} {
			list = append(list, attempt{method, right, wrong})
		}
	}
	if strings.Contains(path, "{id}") {
		list = append(list, attempt{method, strings.ReplaceAll(path, "{id}", "a..b"), body})
	}
	parameters, _ := op["parameters"].([]any)
	for _, p := range parameters {
		p := p.(map[string]any)
		if p["in"] == "query" {
			list = append(list, attempt{method, right + "?" + p["name"].(string) + "=" + url.QueryEscape("no way \x01"), body})
		}
	}
	return append(list, attempt{method, right + "?moonrise=1", body}, attempt{"BREW", right, body})
}

// english are words that no Spanish text of ours has.
var english = regexp.MustCompile(`(?i)\b(the|want|expected|unexpected|invalid|unknown|required|missing|body is|value|must|cannot|not found|failed|string|integer|too many)\b`)

// internals are what only a Go programmer reads.
var internals = regexp.MustCompile(`strconv\.|json:|jsontext|time: |parsing|unmarshal|0x[0-9a-f]{6}|%!|not_a_number \(|IDDEVICE "`)

// TestWrongRequestsAreAnsweredInTheServersLanguage sends every operation of the
// document what is wrong, in both languages: whatever is refused has a code for
// machines and words for people.
func TestWrongRequestsAreAnsweredInTheServersLanguage(t *testing.T) {
	_, operations := document(t)
	for _, lang := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
		w := newWorld(t)
		feed, err := live.New(live.Options{History: w, Lang: lang})
		if err != nil {
			t.Fatal(err)
		}
		s := w.serve(t, func(o *Options) {
			o.Live, o.Lang = feed.Handler(), lang
			o.Explain = func(e *vaiven.Error) string { return wire.Explain(e, lang) }
		})
		refused := map[string]int{}
		for _, op := range operations {
			for _, a := range attempts(op) {
				if strings.HasPrefix(a.path, live.Prefix) && !strings.Contains(a.path, "=no+way") && a.method == "GET" {
					continue // right, and followed for ever
				}
				got := send(t, s, a.method, a.path, a.body, "Content-Type", "application/json", "Last-Event-ID", "")
				if got.status < 400 {
					continue
				}
				refused[op["operationId"].(string)]++
				judgeWords(t, lang, a, got)
			}
		}
		for _, op := range operations {
			if id := op["operationId"].(string); refused[id] == 0 {
				t.Errorf("%s: nothing wrong was found for %s", lang, id)
			}
		}
		if len(refused) != len(operations) {
			t.Errorf("%d of %d operations refused something: %v", len(refused), len(operations), slices.Sorted(maps.Keys(refused)))
		}
	}
}

func judgeWords(t *testing.T, lang vaiven.Lang, a attempt, got *answer) {
	t.Helper()
	var p api.Problem
	where := a.method + " " + a.path + " " + vaiven.Shorten(a.body)
	if err := json.Unmarshal(got.body, &p); err != nil {
		t.Errorf("%s: %d %v: %s", where, got.status, err, got.body)
		return
	}
	if p.Status != got.status || p.Code == "" || p.Detail == "" {
		t.Errorf("%s: %d %+v", where, got.status, p)
	}
	texts := []string{p.Detail, p.Hint}
	for _, f := range p.Errors {
		if f.Message == "" {
			t.Errorf("%s: nothing is said of %s", where, f.Location)
		}
		texts = append(texts, f.Message)
	}
	for _, text := range texts {
		if lang == vaiven.Spanish && english.MatchString(text) {
			t.Errorf("%s: English in %q", where, text)
		}
		if internals.MatchString(text) {
			t.Errorf("%s: a programmer's text: %q", where, text)
		}
	}
}

// TestBodyLimitIsTheOneThatIsSaid: whatever the operation, a body of just as many
// bytes as are allowed is read, one more is refused, and the number in the words is
// that.
func TestBodyLimitIsTheOneThatIsSaid(t *testing.T) {
	_, operations := document(t)
	s, bodies := newWorld(t).serve(t), 0
	for _, op := range operations {
		if op["requestBody"] == nil {
			continue
		}
		bodies++
		method := op["method"].(string)
		path := strings.ReplaceAll(prefix+strings.TrimPrefix(op["path"].(string), prefix), "{id}", "101")
		ask := func(n int) *answer { return send(t, s, method, path, strings.Repeat(" ", n)) }
		if p := ask(64 << 10).problem(t); p.Status == 413 {
			t.Errorf("%s %s, 65536 bytes: %+v", method, path, p)
		}
		if p := ask(64<<10 + 1).problem(t); p.Status != 413 || p.Code != string(vaiven.CodeTooLarge) || !strings.Contains(p.Detail, "65536 bytes") {
			t.Errorf("%s %s, one more: %+v", method, path, p)
		}
	}
	if bodies < 5 {
		t.Errorf("%d operations with a body", bodies)
	}
}

// TestARefusalWithoutMessagesHasWordsToo: beyond the errors that a board is told
// one by one, the answer still says what was wrong, in words.
func TestARefusalWithoutMessagesHasWordsToo(t *testing.T) {
	w := newWorld(t)
	w.err = &vaiven.Error{Code: vaiven.CodeNotANumber, Reason: "text", Key: "TEMP", Got: "x", At: -1}
	s := w.serve(t, func(o *Options) {
		o.Lang = vaiven.Spanish
		o.Explain = func(e *vaiven.Error) string { return wire.Explain(e, vaiven.Spanish) }
	})
	p := send(t, s, "POST", prefix+"/readings", `{"IDDEVICE":7,"TEMP":"x"}`).problem(t)
	if p.Code != "not_a_number" || !strings.Contains(p.Detail, "sin comillas") {
		t.Errorf("%+v", p)
	}
}

// TestBodyThatCannotBeReadSaysWhere: what stands twice, is no UTF-8 or is too large a
// number is told apart from what is no JSON, and each says where it is.
func TestBodyThatCannotBeReadSaysWhere(t *testing.T) {
	s := newWorld(t).serve(t, func(o *Options) { o.Lang = vaiven.Spanish })
	for _, c := range []struct{ body, code, location, says string }{
		{`{`, "not_json", "body", "byte 1"},
		{`{"LED":1]`, "not_json", "body", "byte 8"},
		{`{"LED":1,"LED":0}`, "not_json", "body.LED", "dos veces"},
		{"{\"L\xff\":1}", "not_json", "body", "UTF-8"},
		{`{"LED":1e999}`, "out_of_range", "body.LED", "demasiado grande"},
	} {
		p := send(t, s, "PUT", prefix+"/devices/101/state", c.body).problem(t)
		if p.Status != 400 || p.Code != c.code || len(p.Errors) != 1 || p.Errors[0].Location != c.location || !strings.Contains(p.Errors[0].Message, c.says) {
			t.Errorf("%q: %+v", c.body, p)
		}
	}
}
