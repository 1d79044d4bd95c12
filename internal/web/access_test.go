package web

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/access"
	"vaiven/internal/web/api"
)

// chosen is a token that a person put into the configuration.
const chosen = "a word of a person"

// gate is who may do what, with a log of its own.
type gate struct {
	*access.Control
	t testing.TB

	mu     sync.Mutex
	record uint64
	book   *access.Book
	log    []vaiven.Event
}

func newGate(t testing.TB, o access.Options) *gate {
	t.Helper()
	g := &gate{t: t, book: access.NewBook()}
	o.Book, o.Configured = g.book, chosen
	o.Stamp = func() vaiven.Stamp { return vaiven.Stamp{At: time.Now().UnixMilli()} }
	o.Write = func(_ context.Context, events ...vaiven.Event) error {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.record++
		var entries []vaiven.Entry
		for i, ev := range events {
			entries = append(entries, vaiven.Entry{ID: vaiven.ID{Record: g.record, Index: uint32(i)}, Event: ev})
		}
		g.log = append(g.log, events...)
		return g.book.Apply(g.record, entries)
	}
	g.Control = access.NewControl(o)
	return g
}

// token makes one of the API.
func (g *gate) token(can vaiven.Rights, devices ...string) string {
	g.t.Helper()
	text, _, err := g.CreateToken(g.t.Context(), vaiven.TokenRequest{Name: "test", Rights: can, Devices: devices})
	if err != nil {
		g.t.Fatal(err)
	}
	return text
}

// session lets a browser in.
func (g *gate) session() string {
	g.t.Helper()
	secret, _, err := g.LoginLink(g.t.Context(), "test")
	if err != nil {
		g.t.Fatal(err)
	}
	cookie, _, err := g.Login(g.t.Context(), secret, netip.Addr{})
	if err != nil {
		g.t.Fatal(err)
	}
	return cookie
}

func (g *gate) board(d vaiven.Device) string {
	g.t.Helper()
	text, err := g.AddDevice(g.t.Context(), d, false, "test")
	if err != nil {
		g.t.Fatal(err)
	}
	return text
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

func cookieOf(session string) []string { return []string{"Cookie", sessionCookie + "=" + session} }

// visit asks the handler as a request from peer with the Host and the headers.
func visit(h http.Handler, method, path, peer, host string, headers ...string) *answer {
	content := body101[method+" "+strings.Split(path, "?")[0]]
	r := httptest.NewRequest(method, path, strings.NewReader(content))
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
	"POST /api/v1/login":                    `{"secret":"x"}`,
}

const (
	here   = "127.0.0.1:40000"
	there  = "192.0.2.7:40000"
	self   = "127.0.0.1:8080"
	pihost = "pi.local:8080"
	evil   = "http://evil.example"
)

// needs is what each route takes, written down once more: a route that is not here fails
// the test, and so does one whose rule says something else.
var needs = map[string]string{
	"/{$}": "nothing", "/": "nothing", "GET /healthz": "nothing", "GET /readyz": "nothing", "GET /ca.crt": "nothing", "GET /login": "nothing", "POST /login": "nothing", "GET /assets/{file}": "nothing",
	"/api/v1/": "nothing", "GET /api/v1/docs": "nothing", "GET /api/v1/openapi.json": "nothing", "GET /api/v1/openapi.yaml": "nothing",
	"POST /api/v1/login": "nothing", "POST /api/v1/logout": "nothing", "GET /api/v1/me": "nothing",
	"/ws": "a board", "POST /api/v1/readings": "a board", "GET /api/v1/devices/{id}/desired": "this board",

	"GET /api/v1/devices": "read", "GET /api/v1/sessions": "read", "GET /api/v1/events": "read", "GET /api/v1/history": "read", "GET /api/v1/export": "read", "GET /api/v1/server": "read",
	"/api/v1/live/": "read", "GET /api/v1/live/poll": "read", "GET /api/v1/live/sse": "read", "GET /api/v1/live/ndjson": "read", "GET /api/v1/live/ws": "read", "POST /api/v1/live/tickets": "read",
	"GET /api/v1/devices/{id}": "read 101", "GET /api/v1/devices/{id}/values": "read 101", "GET /api/v1/devices/{id}/state": "read 101", "GET /api/v1/devices/{id}/sessions": "read 101",
	"GET /metrics": "read all", "GET /metrics/devices": "read all", "/prometheus/": "read all",
	"GET /api/v1/csv": "read all", "GET /api/v1/csv/{name}": "read all", "GET /api/v1/readings.csv": "read all",

	"PUT /api/v1/devices/{id}/state": "set 101", "POST /api/v1/devices/{id}/state/toggle": "set 101", "POST /api/v1/state": "set",
	"PATCH /api/v1/devices/{id}": "admin 101", "DELETE /api/v1/devices/{id}": "admin 101", "POST /api/v1/devices/{id}/sessions": "admin 101",
	"POST /api/v1/devices/{id}/approve": "admin 101", "POST /api/v1/devices/{id}/token": "admin 101", "POST /api/v1/devices/{id}/revoke": "admin 101", "POST /api/v1/devices/{id}/free": "admin 101",
	"GET /api/v1/backup": "admin all", "GET /api/v1/waiting": "admin all", "GET /api/v1/door": "admin all", "POST /api/v1/door": "admin all",
	"GET /api/v1/tokens": "admin all", "POST /api/v1/tokens": "admin all", "DELETE /api/v1/tokens/{token}": "admin all", "POST /api/v1/login-links": "admin all",
}

// asker is somebody of the matrix.
type asker struct {
	name    string
	headers func(*gate) []string
	viewer  bool   // of a server where reading is open
	shows   bool   // something that says who it is
	can     string // words of rights
	only    string // patterns of devices, "": all
	page    bool   // of another site: nothing at all
}

var askers = []asker{
	{name: "nobody", headers: func(*gate) []string { return nil }},
	{name: "viewer", headers: func(*gate) []string { return nil }, viewer: true, can: "read"},
	{name: "a page of another site with the administrator's session", page: true, headers: func(g *gate) []string { return append(cookieOf(g.session()), "Origin", evil) }},
	{name: "a page of another site", page: true, viewer: true, headers: func(*gate) []string { return []string{"Origin", evil} }},
	{name: "a page without a name", page: true, headers: func(g *gate) []string { return append(cookieOf(g.session()), "Origin", "null") }},
	{name: "a picture in a page of another site", page: true, viewer: true, headers: func(*gate) []string {
		return []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}
	}},
	{name: "a board without a token", headers: func(*gate) []string { return []string{"User-Agent", "ESP32HTTPClient"} }},
	{name: "the board's token", headers: func(g *gate) []string { return bearer(g.board("101")) }, shows: true, can: "send", only: "101"},
	{name: "another board's token", headers: func(g *gate) []string { return bearer(g.board("202")) }, shows: true, can: "send", only: "202"},
	{name: "may read", headers: func(g *gate) []string { return bearer(g.token(vaiven.MayRead)) }, shows: true, can: "read"},
	{name: "may set", headers: func(g *gate) []string { return bearer(g.token(vaiven.MaySet)) }, shows: true, can: "set"},
	{name: "may send", headers: func(g *gate) []string { return bearer(g.token(vaiven.MaySend)) }, shows: true, can: "send"},
	{name: "may read 1*", headers: func(g *gate) []string { return bearer(g.token(vaiven.MayRead, "1*")) }, shows: true, can: "read", only: "1*"},
	{name: "may all but administer, 2*", headers: func(g *gate) []string { return bearer(g.token(vaiven.MayRead|vaiven.MaySet|vaiven.MaySend, "2*")) }, shows: true, can: "read set send", only: "2*"},
	{name: "administers 2*", headers: func(g *gate) []string { return bearer(g.token(vaiven.MayAdmin, "2*")) }, shows: true, can: "read set send admin", only: "2*"},
	{name: "administers", headers: func(g *gate) []string { return bearer(g.token(vaiven.MayAdmin)) }, shows: true, can: "read set send admin"},
	{name: "has the server's own token", headers: func(*gate) []string { return bearer(chosen) }, shows: true, can: "read set send admin"},
	{name: "the administrator's browser", headers: func(g *gate) []string {
		return append(cookieOf(g.session()), "Origin", "http://"+self, "Sec-Fetch-Site", "same-origin")
	}, shows: true, can: "read set send admin"},
	{name: "a wrong token", headers: func(*gate) []string { return bearer("vvn_" + strings.Repeat("A", 43)) }, can: "wrong"},
}

// ways are how a request comes in: what changes must not be what one may do.
var ways = []struct {
	name, peer string
	headers    []string
}{
	{"from elsewhere", there, nil},
	{"from this machine", here, nil},
	{"through a plain proxy_pass", here, []string{"Connection", "close"}}, // which is what nginx adds
	{"through nginx with headers", here, []string{"X-Forwarded-For", "192.0.2.7", "X-Real-Ip", "192.0.2.7", "Via", "1.1 nginx"}},
	{"with forged headers", there, []string{"X-Forwarded-For", "127.0.0.1", "X-Real-Ip", "127.0.0.1", "Forwarded", "for=127.0.0.1"}},
}

// verdict is what the asker is to hear about something that takes need: a status and its
// code, 0 to be let through.
func (a *asker) verdict(need string) (int, string) {
	can := func(right string) bool { return slices.Contains(strings.Fields(a.can), right) }
	right, about, _ := strings.Cut(need, " ")
	sees101 := a.only == "" || a.only == "101" || a.only == "1*"
	switch {
	case a.page:
		return 403, codeCrossOrigin
	case a.can == "wrong":
		return 401, codeBadToken
	case need == "nothing", need == "a board" && (!a.shows || can("send")), need == "this board" && (!a.shows || can("send") && sees101):
		return 0, ""
	case need == "a board", need == "this board" && !can("send"):
		return 403, codeNoRight
	case need == "this board":
		return 403, codeOtherDevices
	case !can(right) && !a.shows:
		return 401, codeNoToken
	case !can(right):
		return 403, codeNoRight
	case about == "101" && !sees101, about == "all" && a.only != "":
		return 403, codeOtherDevices
	}
	return 0, ""
}

// TestMatrix holds everybody against every route, in every way in which a request may
// come in.
func TestMatrix(t *testing.T) {
	_, routes := matrixHandler(t, newGate(t, access.Options{}))
	for pattern := range needs {
		if _, there := routes[pattern]; !there {
			t.Errorf("there is no route %q any more", pattern)
		}
	}
	cells := 0
	for _, pattern := range slices.Sorted(maps.Keys(routes)) {
		need, said := needs[pattern]
		if !said {
			t.Errorf("who may ask for %q? Say it in the test as well", pattern)
			continue
		}
		method, path := requestOf(pattern)
		// Of each route anew: what is tried in vain is counted.
		g, open := newGate(t, access.Options{}), newGate(t, access.Options{PublicView: true})
		shut, _ := matrixHandler(t, g)
		public, _ := matrixHandler(t, open)
		guessed, _ := matrixHandler(t, newGate(t, access.Options{}))
		for i := range askers {
			a := &askers[i]
			for _, way := range ways {
				h, gate := shut, g
				if a.viewer {
					h, gate = public, open
				}
				status, code := a.verdict(need)
				if a.can == "wrong" {
					h = guessed
				}
				got := visit(h, method, path, way.peer, self, append(slices.Clone(way.headers), a.headers(gate)...)...)
				cells++
				heard := codeOf(got)
				if (a.can == "wrong" || strings.HasSuffix(pattern, "/login")) && got.status == 429 && heard == codeTooManyTries {
					continue // an address has guessed too often
				}
				if status == 0 && isAccessCode(heard) || status != 0 && (got.status != status || heard != code) {
					t.Errorf("%s, %s: %s %s: %d %q, want %d %q", a.name, way.name, method, path, got.status, heard, status, code)
				}
				if got.header.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(got.header.Get("Content-Security-Policy"), "unsafe") || !strings.Contains(got.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
					t.Errorf("%s %s: headers %v", method, path, got.header)
				}
			}
		}
	}
	if cells < 3000 {
		t.Errorf("only %d cells", cells)
	}
}

// matrixHandler serves a world to whom the gate lets in, and has the table of its routes.
func matrixHandler(t *testing.T, g *gate) (http.Handler, table) {
	o := filled(newWorld(t).options())
	o.Access = g.Control
	o.Live = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	s := newServer(o)
	return o.handler(newGuard(&o), s), s.routes.table
}

// requestOf is a request for a pattern.
func requestOf(pattern string) (method, path string) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		method, path = "GET", pattern
	}
	path = strings.NewReplacer("{$}", "", "{id}", "101", "{file}", "vaiven.css", "{name}", "readings-2026-11-21.csv", "{token}", "00c0ffee").Replace(path)
	switch path {
	case "/":
		if pattern == "/" {
			path = "/nothing"
		}
	case "/api/v1/live/":
		path = "/api/v1/live/nothing"
	case "/api/v1/devices/101/desired":
		path += "?wait=1ms"
	}
	return method, path
}

func codeOf(a *answer) string {
	var p api.Problem
	if a.header.Get("Content-Type") != api.ProblemType || json.Unmarshal(a.body, &p) != nil {
		return ""
	}
	return p.Code
}

func isAccessCode(code string) bool {
	return slices.Contains([]string{codeNoToken, codeBadToken, codeBadTicket, codeTooManyTries, codeNoRight, codeOtherDevices, codeCrossOrigin, codeWrongHost}, code)
}

// TestARouteWithoutARuleIsRefused: forgetting one is found when the program starts.
func TestARouteWithoutARuleIsRefused(t *testing.T) {
	for name, add := range map[string]func(*server){
		"an operation": func(s *server) {
			register(s, operation{method: "GET", path: "/new", id: "new", tag: "server", summary: "New"}, s.getServer)
		},
		"a path": func(s *server) { s.routes.HandleFunc("GET /new", func(http.ResponseWriter, *http.Request) {}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s without a rule is served", name)
				}
			}()
			add(newServer(filled(newWorld(t).options())))
		}()
	}
}

// TestNobodyIsLetInWithoutAnAccess: a server that was given none is closed.
func TestNobodyIsLetInWithoutAnAccess(t *testing.T) {
	o := newWorld(t).options()
	o.Access = nil
	h := New(o)
	if a := visit(h, "GET", prefix+"/devices", here, self); a.status != 401 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := visit(h, "GET", prefix+"/devices", here, self, bearer("x")...); a.status != 401 || codeOf(a) != codeBadToken {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestGuessingATokenIsSlow: 10,000 guesses of a token that a person chose end in 429,
// and a few records; nobody else is locked out.
func TestGuessingATokenIsSlow(t *testing.T) {
	g := newGate(t, access.Options{})
	h, _ := matrixHandler(t, g)
	counts := map[int]int{}
	for i := range 10_000 {
		a := visit(h, "GET", prefix+"/devices", there, self, bearer(fmt.Sprintf("guess number %d", i))...)
		counts[a.status]++
		if strings.Contains(string(a.body), "guess number") {
			t.Fatalf("the answer repeats what was shown: %s", a.body)
		}
		if a.status == 429 && (a.header.Get("Retry-After") == "" || codeOf(a) != codeTooManyTries) {
			t.Fatalf("%v %s", a.header, a.body)
		}
	}
	if counts[401] == 0 || counts[401] > 100 || counts[401]+counts[429] != 10_000 {
		t.Errorf("answers %v", counts)
	}
	if a := visit(h, "GET", prefix+"/devices", there, self, bearer(chosen)...); a.status != 429 {
		t.Errorf("the right one in the middle of guessing: %d", a.status)
	}
	for name, c := range map[string][]string{"another address": {"192.0.2.8:1", chosen}, "another token at the same address": {there, g.token(vaiven.MayRead)}} {
		if a := visit(h, "GET", prefix+"/devices", c[0], self, bearer(c[1])...); a.status != 200 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // what there is to say is said at the end
	if err := g.Run(ctx); err != nil {
		t.Fatal(err)
	}
	lines, tries := 0, uint64(0)
	for _, ev := range g.log {
		if d, ok := ev.(*vaiven.Denied); ok && d.Reason == vaiven.DeniedToken && d.Remote == "192.0.2.7" {
			lines, tries = lines+1, tries+d.Count
		}
	}
	if lines == 0 || lines > 3 || tries < 10_000 {
		t.Errorf("%d records of %d tries", lines, tries)
	}
}

// TestBasicIsATokenOnlyIfItIsOne: a proxy may ask for a password of its own.
func TestBasicIsATokenOnlyIfItIsOne(t *testing.T) {
	g := newGate(t, access.Options{PublicView: true})
	h, _ := matrixHandler(t, g)
	basic := func(password string) []string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth("101", password)
		return []string{"Authorization", r.Header.Get("Authorization")}
	}
	if a := visit(h, "GET", prefix+"/devices", there, self, basic("secret")...); a.status != 200 {
		t.Errorf("a proxy's password: %d %s", a.status, a.body)
	}
	if a := visit(h, "POST", prefix+"/readings", there, self, basic(g.board("101"))...); a.status != 200 {
		t.Errorf("a board's token: %d %s", a.status, a.body)
	}
	if a := visit(h, "GET", prefix+"/devices", there, self, basic(g.board("101"))...); a.status != 403 || codeOf(a) != codeNoRight {
		t.Errorf("a board that reads: %d %s", a.status, a.body)
	}
}
