//go:build suites && linux

package access

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.MainWithoutRace(m)) }

const patience = 2 * time.Minute

// person asks the server one way or another.
type person struct {
	name    string
	headers map[string]string
	rights  string // words; "page": none, whatever is asked
	only    string // device, or pattern; "": all
}

// answered is what came of one request.
type answered struct {
	status int
	code   string
}

func ask(t *testing.T, method, url string, headers map[string]string, body string) answered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var p struct{ Code string }
	if strings.HasSuffix(resp.Header.Get("Content-Type"), "problem+json") {
		text, _ := io.ReadAll(resp.Body)
		_ = json.Unmarshal(text, &p)
	}
	return answered{resp.StatusCode, p.Code}
}

// operation is one of the document.
type operation struct{ method, path, needs string }

// needed is what the document says of who may ask.
var needed = regexp.MustCompile(`Needs the right ([a-z]+)(, for this device|, and a token for all devices)?`)

// operations reads the server's document.
func operations(t *testing.T, addr string) (all []operation) {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/api/v1/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc struct {
		Paths map[string]map[string]struct{ Description string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for method, op := range doc.Paths[path] {
			o := operation{strings.ToUpper(method), "/api/v1" + strings.NewReplacer("{id}", "101", "{name}", "readings.csv", "{token}", "00c0ffee00c0").Replace(path), ""}
			switch m := needed.FindStringSubmatch(op.Description); {
			case m != nil && m[2] == ", for this device":
				o.needs = m[1] + " 101"
			case m != nil && m[2] != "":
				o.needs = m[1] + " all"
			case m != nil:
				o.needs = m[1]
			case strings.Contains(op.Description, "Anybody may ask."):
				o.needs = "nothing"
			case strings.Contains(op.Description, "For boards:"):
				o.needs = "board"
			default:
				t.Fatalf("%s %s: the document does not say who may ask: %s", method, path, op.Description)
			}
			all = append(all, o)
		}
	}
	for _, path := range []string{"/metrics", "/metrics/devices", "/prometheus/api/v1/query?query=1"} {
		all = append(all, operation{"GET", path, "read all"})
	}
	for _, path := range []string{"/", "/healthz", "/readyz", "/login", "/assets/vaiven.css", "/api/v1/docs"} {
		all = append(all, operation{"GET", path, "nothing"})
	}
	return all
}

// allowed says whether the person may ask for it, and with which code it is refused.
func (p *person) allowed(o operation) (bool, string) {
	right, about, _ := strings.Cut(o.needs, " ")
	has := slices.Contains(strings.Fields(p.rights), right)
	switch {
	case p.rights == "page":
		return false, "cross_origin"
	case p.rights == "wrong":
		return false, "bad_token"
	case o.needs == "nothing":
		return true, ""
	case o.needs == "board" && p.rights != "" && !slices.Contains(strings.Fields(p.rights), "send"):
		return false, "no_right"
	case o.needs == "board" && p.only != "" && p.only != "101" && strings.Contains(o.path, "101"):
		return false, "other_devices"
	case o.needs == "board":
		return true, ""
	case !has && p.rights == "":
		return false, "no_token"
	case !has:
		return false, "no_right"
	case p.only != "" && (about == "all" || about == "101" && p.only != "101"):
		return false, "other_devices"
	}
	return true, ""
}

// guarding are the codes of the guard: whoever hears none of them was let in.
var guarding = []string{"no_token", "bad_token", "bad_ticket", "no_right", "other_devices", "cross_origin", "wrong_host", "too_many_tries"}

// TestMatrix: what one may do does not depend on the way by which one comes.
func TestMatrix(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir(), "--open=false")
	s.StartReady()
	bearer := func(token string) map[string]string { return map[string]string{"Authorization": "Bearer " + token} }
	token := func(body string) map[string]string { return bearer(made(t, s, "/tokens", body)) }
	people := []person{
		{"nobody", nil, "", ""},
		{"a page of another site", map[string]string{"Origin": "http://evil.example"}, "page", ""},
		{"a page of another site with a token", map[string]string{"Origin": "http://evil.example", "Authorization": "Bearer " + harness.Token(s.Addr)}, "page", ""},
		{"forged headers", map[string]string{"X-Real-Ip": "127.0.0.1", "Forwarded": "for=127.0.0.1", "Via": "1.1 x"}, "", ""},
		{"a wrong token", bearer("vvn_" + strings.Repeat("A", 43)), "wrong", ""},
		{"the board's token", bearer(made(t, s, "/devices/101/token", `{}`)), "send", "101"},
		{"another board's token", bearer(made(t, s, "/devices/202/token", `{}`)), "send", "202"},
		{"may read", token(`{"can":["read"]}`), "read", ""},
		{"may set", token(`{"can":["set"]}`), "set", ""},
		{"may send", token(`{"can":["send"]}`), "send", ""},
		{"may all but administer, 2*", token(`{"can":["read","set","send"],"devices":["2*"]}`), "read set send", "2*"},
		{"administers", token(`{"can":["admin"]}`), "read set send admin", ""},
		{"the machine's token", bearer(harness.Token(s.Addr)), "read set send admin", ""},
	}
	ways := map[string]string{"directly": s.Addr, "through a plain proxy_pass": harness.Nginx(t, s.Addr, false), "through nginx with headers": harness.Nginx(t, s.Addr, true)}
	cells := 0
	for _, o := range operations(t, s.Addr) {
		if changes(o) {
			o.path = strings.Replace(o.path, "101", "999", 1) // a device that is not there
		}
		for _, way := range slices.Sorted(maps.Keys(ways)) {
			for i := range people {
				p := &people[i]
				if p.rights == "wrong" && cells > 0 && o.path != "/metrics" {
					continue // ten of these, and the address must wait
				}
				about := o
				if strings.HasSuffix(o.needs, "101") && strings.Contains(o.path, "999") && p.only == "101" {
					about.needs = strings.Replace(o.needs, "101", "999", 1)
				}
				ok, code := p.allowed(about)
				if ok && strings.HasPrefix(o.path, "/api/v1/live/") && o.method == "GET" {
					continue // it would go on for ever; below
				}
				got := ask(t, o.method, "http://"+ways[way]+o.path, p.headers, "")
				cells++
				if ok && slices.Contains(guarding, got.code) || !ok && got.code != code {
					t.Errorf("%s %s, %s %s: %d %s; allowed: %t %s", p.name, way, o.method, o.path, got.status, got.code, ok, code)
				}
			}
		}
	}
	if cells < 1000 {
		t.Errorf("only %d cells", cells)
	}
	sockets(t, s, ways)
}

// changes reports whether asking for it would spoil what the others ask.
func changes(o operation) bool {
	return o.method != "GET" && strings.Contains(o.path, "/devices/101")
}

// made makes a token over the API.
func made(t *testing.T, s *harness.Server, path, body string) string {
	t.Helper()
	resp, err := harness.Send(t.Context(), http.MethodPost, "http://"+s.Addr+"/api/v1"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var made struct{ Token string }
	text, _ := io.ReadAll(resp.Body)
	if err := json.Unmarshal(text, &made); err != nil || made.Token == "" {
		t.Fatalf("%s: %d %s", path, resp.StatusCode, text)
	}
	return made.Token
}

// sockets are the WebSockets' cells: of boards, and of who follows.
func sockets(t *testing.T, s *harness.Server, ways map[string]string) {
	delete(ways, "through a plain proxy_pass") // hands on none
	for way, addr := range ways {
		for origin, ok := range map[string]bool{
			"": true, "file://": true, "null": true, "http://" + addr: true, "https://github.com/gilmaimon/TinyWebsockets": true,
			"http://evil.example": false, "http://127.0.0.1:1": false, "http://" + addr + ".evil.example": false,
		} {
			for _, path := range []string{"/", "/ws"} {
				if got := dial(t, "ws://"+addr+path, http.Header{"Origin": {origin}}); (got == http.StatusSwitchingProtocols) != ok || !ok && got != http.StatusForbidden {
					t.Errorf("a board %s, %s from %q: %d", way, path, origin, got)
				}
			}
		}
		live := "ws://" + addr + "/api/v1/live/ws"
		for name, c := range map[string]struct {
			header http.Header
			want   int
		}{
			"nobody":                    {http.Header{}, 401},
			"who may read":              {http.Header{"Authorization": {"Bearer " + made(t, s, "/tokens", `{"can":["read"]}`)}}, 101},
			"who may send":              {http.Header{"Authorization": {"Bearer " + made(t, s, "/tokens", `{"can":["send"]}`)}}, 403},
			"the board":                 {http.Header{"Authorization": {"Bearer " + made(t, s, "/devices/101/token", `{}`)}}, 403},
			"a page with a good token":  {http.Header{"Authorization": {"Bearer " + harness.Token(s.Addr)}, "Origin": {"http://evil.example"}}, 403},
			"a page that names no site": {http.Header{"Authorization": {"Bearer " + harness.Token(s.Addr)}, "Origin": {"null"}}, 403},
		} {
			if got := dial(t, live, c.header); got != c.want {
				t.Errorf("%s follows %s: %d, want %d", name, way, got, c.want)
			}
		}
	}
}

// dial opens a WebSocket, and says with which status it was answered.
func dial(t *testing.T, url string, h http.Header) int {
	t.Helper()
	if h.Get("Origin") == "" {
		h.Del("Origin")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: h})
	if err == nil {
		_ = c.CloseNow()
		return http.StatusSwitchingProtocols
	}
	if resp == nil {
		t.Fatalf("%s: %v", url, err)
	}
	return resp.StatusCode
}

// TestGuesses: an address that guesses is slowed down, is a few lines in the log, and
// locks out nobody who has a token of the server.
func TestGuesses(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir(), "--open=false")
	s.Env = append(s.Env, "VAIVEN_API_TOKEN=a word of a person")
	s.StartReady()
	counts := map[int]int{}
	for i := range 10_000 {
		counts[ask(t, "GET", "http://"+s.Addr+"/api/v1/devices", map[string]string{"Authorization": fmt.Sprintf("Bearer guess %d", i)}, "").status]++
	}
	if counts[401] == 0 || counts[401]+counts[429] != 10_000 || counts[429] < 5000 {
		t.Errorf("answers %v", counts)
	}
	if a := ask(t, "GET", "http://"+s.Addr+"/api/v1/devices", map[string]string{"Authorization": "Bearer " + harness.Token(s.Addr)}, ""); a.status != 200 {
		t.Errorf("the machine's own token: %d %s", a.status, a.code)
	}
	s.Stop()
	if n := strings.Count(s.Stderr()+s.Stdout(), "guess "); n != 0 {
		t.Errorf("what was guessed is told %d times", n)
	}
	if n := strings.Count(s.Stderr()+s.Stdout(), "\n"); n > 100 {
		t.Errorf("%d lines", n)
	}
}
