package web

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// visit asks the handler as a request from peer with the Host and the headers.
func visit(h http.Handler, method, path, peer, host string, headers ...string) *answer {
	r := httptest.NewRequest(method, path, strings.NewReader(body101[method+" "+path]))
	r.RemoteAddr, r.Host = peer, host
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return &answer{w.Code, w.Header(), w.Body.Bytes()}
}

// body101 is what is written in the tests of who may write.
var body101 = map[string]string{
	"PATCH /api/v1/devices/101":             `{"name":"x"}`,
	"PUT /api/v1/devices/101/state":         `{"LED":1}`,
	"POST /api/v1/devices/101/state/toggle": `{"states":["LED"]}`,
	"POST /api/v1/state":                    `{"devices":["101"],"states":{"LED":1}}`,
	"POST /api/v1/readings":                 `{"IDDEVICE":101,"TEMP":24}`,
}

const (
	here   = "127.0.0.1:40000"
	there  = "192.0.2.7:40000"
	self   = "127.0.0.1:8080"
	pihost = "pi.local:8080"
)

func TestWhoMayAskWhat(t *testing.T) {
	token := "s3cret"
	show := []string{"Authorization", "Bearer " + token}
	for _, c := range []struct {
		name, token, peer, host string
		headers                 []string
		read, write             int // status, 0: let through
		code                    string
	}{
		{"at the machine", "", here, self, nil, 0, 0, ""},
		{"at the machine, IPv6", "", "[::1]:1", "[::1]:8080", nil, 0, 0, ""},
		{"from elsewhere", "", there, pihost, nil, 0, 403, codeNotLocal},
		{"a name that was made to point here", "", here, "evil.example:8080", nil, 0, 403, codeNotLocal},
		{"through a proxy", "", here, self, []string{"X-Forwarded-For", "192.0.2.7"}, 0, 403, codeNotLocal},
		{"a token where there is none", "", there, pihost, show, 0, 403, codeNotLocal},
		{"at the machine, with a token to have", token, here, self, nil, 0, 0, ""},
		{"from elsewhere, without the token", token, there, pihost, nil, 401, 401, codeNoToken},
		{"from elsewhere, with it", token, there, pihost, show, 0, 0, ""},
		{"scheme in small letters", token, there, pihost, []string{"Authorization", "bearer " + token}, 0, 0, ""},
		{"from elsewhere, with another", token, there, pihost, []string{"Authorization", "Bearer other"}, 401, 401, codeBadToken},
		{"from elsewhere, with an empty one", token, there, pihost, []string{"Authorization", "Bearer "}, 401, 401, codeBadToken},
		{"from elsewhere, with a password", token, there, pihost, []string{"Authorization", "Basic czNjcmV0"}, 401, 401, codeNoToken},
		{"at the machine, with another", token, here, self, []string{"Authorization", "Bearer other"}, 401, 401, codeBadToken},
		{"a page of another site, at the machine", "", here, self, []string{"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"}, 0, 403, codeCrossOrigin},
		{"a page of another site, with the token", token, there, pihost, append(show[:2:2], "Origin", "http://evil.example"), 0, 403, codeCrossOrigin},
		{"a page of this server", "", here, self, []string{"Origin", "http://" + self, "Sec-Fetch-Site", "same-origin"}, 0, 0, ""},
		{"a rebound name, with a token to have", token, here, "evil.example:8080", nil, 401, 401, codeNoToken},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newWorld(t).options()
			o.Token = c.token
			o.Backup = func(_ context.Context, out io.Writer) error { _, err := out.Write([]byte("backup")); return err }
			h := New(o)
			judge(t, visit(h, "GET", prefix+"/backup", c.peer, c.host, c.headers...), c.write, c.code)
			judge(t, visit(h, "HEAD", prefix+"/backup", c.peer, c.host, c.headers...), c.write, c.code)
			for _, get := range []string{"/devices", "/devices/101/state", "/events", "/readings.csv", "/server", "/docs", "/openapi.json"} {
				judge(t, visit(h, "GET", prefix+get, c.peer, c.host, c.headers...), c.read, c.code)
			}
			judge(t, visit(h, "DELETE", prefix+"/devices/103", c.peer, c.host, c.headers...), c.write, c.code)
			judge(t, visit(h, "POST", prefix+"/devices/101/sessions", c.peer, c.host, c.headers...), c.write, c.code)
			for what := range body101 {
				method, path, _ := strings.Cut(what, " ")
				want := c.write
				if path == prefix+"/readings" && c.code != codeCrossOrigin {
					want = 0 // as open as the boards' WebSocket
				}
				judge(t, visit(h, method, path, c.peer, c.host, c.headers...), want, c.code)
			}
			judge(t, visit(h, "GET", prefix+"/devices/101/desired?rev=6", c.peer, c.host, c.headers...), 0, "")
		})
	}
}

func judge(t *testing.T, a *answer, want int, code string) {
	t.Helper()
	if want == 0 {
		if a.status >= 300 {
			t.Errorf("%d %s, want it let through", a.status, a.body)
		}
		return
	}
	if p := a.problem(t); p.Status != want || p.Code != code || strings.Contains(p.Error(), "s3cret") {
		t.Errorf("%d %s, want %d %s", a.status, a.body, want, code)
	}
	if challenge := a.header.Get("WWW-Authenticate"); (challenge != "") != (want == 401) || (code == codeBadToken) != strings.Contains(challenge, "invalid_token") {
		t.Errorf("%d with WWW-Authenticate %q", want, challenge)
	}
}

// TestQueriesAreReading: a form that asks the history is as open as the API's GETs, and
// finds its path without the prefix.
func TestQueriesAreReading(t *testing.T) {
	for _, c := range []struct {
		token, peer, host string
		status            int
		code              string
	}{{"", there, pihost, 0, ""}, {"", here, self, 0, ""}, {"s3cret", there, pihost, 401, codeNoToken}, {"s3cret", here, self, 0, ""}} {
		o := newWorld(t).options()
		o.Token = c.token
		asked := ""
		o.Prometheus = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.URL.Path })
		h := New(o)
		for _, method := range []string{"GET", "POST"} {
			asked = ""
			judge(t, visit(h, method, "/prometheus/api/v1/query?query=1", c.peer, c.host), c.status, c.code)
			if (asked == "/api/v1/query") != (c.status == 0) {
				t.Errorf("%s: asked %q", method, asked)
			}
		}
	}
	h := New(newWorld(t).options())
	if a := visit(h, "GET", "/prometheus/api/v1/query", here, self); a.status != 404 {
		t.Errorf("without a history: %d", a.status)
	}
	// The same under the API's own prefix stays a change.
	judge(t, visit(h, "POST", prefix+"/prometheus/", there, pihost), 403, codeNotLocal)
}

// TestCostlyReadsAreNotForOtherSites: a page could put them into a picture's address.
func TestCostlyReadsAreNotForOtherSites(t *testing.T) {
	o := newWorld(t).options()
	asked := 0
	o.Prometheus = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ })
	h := New(o)
	for _, path := range []string{"/prometheus/api/v1/query?query=1", "/prometheus/api/v1/labels", prefix + "/export", prefix + "/history", prefix + "/csv", prefix + "/backup"} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, headers := range [][]string{
				{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"},
				{"Sec-Fetch-Site", "same-site"}, // another port of this machine
				{"Origin", "http://evil.example"},
			} {
				judge(t, visit(h, method, path, here, self, headers...), 403, codeCrossOrigin)
			}
		}
	}
	if asked != 0 {
		t.Errorf("asked %d times", asked)
	}
	for _, headers := range [][]string{nil, {"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "same-origin", "Origin", "http://" + self}} {
		judge(t, visit(h, "GET", "/prometheus/api/v1/query?query=1", here, self, headers...), 0, "")
	}
	// What is cheap stays open.
	judge(t, visit(h, "GET", prefix+"/devices", here, self, "Sec-Fetch-Site", "cross-site"), 0, "")
}

// TestLiveIsBehindTheSameRules also shows that it has no deadline of ours.
func TestLiveIsBehindTheSameRules(t *testing.T) {
	o := newWorld(t).options()
	o.Token = "s3cret"
	o.Live = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(*deadlined); !ok {
			t.Errorf("%T stands between the live feed and its connection", w)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	h := New(o)
	for _, c := range []struct {
		peer, host string
		status     int
	}{{here, self, 418}, {there, pihost, 401}} {
		r := httptest.NewRequest("GET", prefix+"/live/sse", nil)
		r.RemoteAddr, r.Host = c.peer, c.host
		w := &deadlined{httptest.NewRecorder(), t}
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d", c.peer, w.Code, c.status)
		}
	}
}

// deadlined fails the test when anybody sets a deadline.
type deadlined struct {
	*httptest.ResponseRecorder
	t *testing.T
}

func (d *deadlined) fail() error                      { d.t.Helper(); d.t.Error("a deadline was set"); return nil }
func (d *deadlined) SetReadDeadline(time.Time) error  { return d.fail() }
func (d *deadlined) SetWriteDeadline(time.Time) error { return d.fail() }

func TestPathsOfTheAPI(t *testing.T) {
	s := newWorld(t).serve(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/nothing", 404, ""},
		{"GET", "", 404, ""},
		{"GET", "/live/sse", 404, ""}, // none was mounted
		{"GET", "/devices/101/nothing", 404, ""},
		{"POST", "/devices", 405, "GET, HEAD"},
		{"DELETE", "/devices/101/state", 405, "GET, HEAD, PUT"},
		{"PUT", "/devices/101", 405, "DELETE, GET, HEAD, PATCH"},
		{"GET", "/state", 405, "POST"},
		{"OPTIONS", "/devices", 405, "GET, HEAD"},
		{"GET", "/devices/-x", 400, ""},
		{"GET", "/devices/a..b/values", 400, ""},
		{"GET", "/devices/" + strings.Repeat("x", 65), 422, ""},
		{"GET", "/devices?limit=0", 422, ""},
		{"GET", "/devices?limit=1001", 422, ""},
		{"GET", "/devices?limit=many", 422, ""},
		{"GET", "/devices?sort=color", 422, ""},
		{"GET", "/devices?search=x", 422, ""},
		{"GET", "/devices?cursor=x", 422, ""},
		{"GET", "/events?since=yesterday", 422, ""},
		{"GET", "/events?device=-", 422, ""},
		{"GET", "/events?kind=color", 422, ""},
	} {
		p := send(t, s, c.method, prefix+c.path, "").problem(t)
		if p.Status != c.status {
			t.Errorf("%s %s: %+v, want %d", c.method, c.path, p, c.status)
		}
		if a := send(t, s, c.method, prefix+c.path, ""); a.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: Allow %q, want %q", c.method, c.path, a.header.Get("Allow"), c.allow)
		}
	}
}

func TestBodiesThatAreWrong(t *testing.T) {
	s := newWorld(t).serve(t)
	for _, c := range []struct {
		method, path, body, media string
		status                    int
	}{
		{"PUT", "/devices/101/state", `{"LED":1`, "", 400},
		{"PUT", "/devices/101/state", `{"LED":1,"LED":0}`, "", 400},
		{"PUT", "/devices/101/state", `{"LED":1,"led":0}`, "", 422},
		{"PUT", "/devices/101/state", ``, "", 400},
		{"PUT", "/devices/101/state", `{}`, "", 422},
		{"PUT", "/devices/101/state", `[1]`, "", 422},
		{"PUT", "/devices/101/state", `{"LED":"on"}`, "", 422},
		{"PUT", "/devices/101/state", `{"LED":null}`, "", 422},
		{"PUT", "/devices/101/state", `{"LED":1e999}`, "", 400},
		{"PUT", "/devices/101/state", `{"LED":1}`, "application/x-www-form-urlencoded", 415},
		{"PUT", "/devices/101/state", `{"LED":` + strings.Repeat(" ", 64<<10) + `1}`, "", 413},
		{"PUT", "/devices/101/state?within=tomorrow", `{"LED":1}`, "", 422},
		{"PUT", "/devices/101/state?within=25h", `{"LED":1}`, "", 422},
		{"PUT", "/devices/101/state?wait=-1s", `{"LED":1}`, "", 422},
		{"POST", "/devices/101/state/toggle", `{"states":[]}`, "", 422},
		{"POST", "/devices/101/state/toggle", `{"states":["LED"],"color":1}`, "", 422},
		{"POST", "/state", `{"devices":["101"]}`, "", 422},
		{"POST", "/state", `{"states":{"LED":1}}`, "", 422},
		{"POST", "/state", `{"devices":["-"],"states":{"LED":1}}`, "", 400},
		{"POST", "/state", `{"devices":["101"],"states":{"LED":1},"wait":"2h"}`, "", 422},
		{"PATCH", "/devices/101", `{"name":1}`, "", 422},
		{"PATCH", "/devices/101", `{"title":"x"}`, "", 422},
		{"PATCH", "/devices/101", `{"name":"a\u0007b"}`, "", 422},
		{"PATCH", "/devices/101", `{"groups":[" "]}`, "", 422},
		{"PATCH", "/devices/101", `{"note":"` + strings.Repeat("ñ", 150) + `"}`, "", 422},
		{"POST", "/readings", ``, "", 400},
		{"POST", "/readings", `{"IDDEVICE":`, "", 400},
		{"POST", "/readings", `x`, "image/png", 415},
		{"POST", "/readings", strings.Repeat(" ", 64<<10+1), "", 413},
	} {
		media := c.media
		if media == "" {
			media = "application/json"
		}
		p := send(t, s, c.method, prefix+c.path, c.body, "Content-Type", media).problem(t)
		if p.Status != c.status || p.Detail == "" || len(p.Error()) > 2000 {
			t.Errorf("%s %s %.60s: %+v, want %d", c.method, c.path, c.body, p, c.status)
		}
	}
}
