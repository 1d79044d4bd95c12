package web

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/access"
	"vaiven/internal/web/api"
	"vaiven/internal/web/live"
)

// knock is a board's or a page's handshake of a WebSocket.
func knock(h http.Handler, path, host string, origins ...string) int {
	r := httptest.NewRequest("GET", path, nil)
	r.Host, r.RemoteAddr = host, there
	r.Header.Set("Upgrade", "websocket")
	if len(origins) > 0 {
		r.Header["Origin"] = origins
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

// TestOriginsOfBoards: what boards' libraries and local files send is let through, what a
// page of another site sends is not, and is counted.
func TestOriginsOfBoards(t *testing.T) {
	g := newGate(t, access.Options{Open: true})
	o := newWorld(t).options()
	o.Access, o.CORS, o.Hosts = g.Control, []string{"http://mine.example:3000"}, func() []string { return []string{"pi.local"} }
	h := New(o)
	for _, c := range []struct {
		host    string
		origins []string
	}{
		{self, nil}, {pihost, nil}, {"any.name", nil}, {"evil.example:8080", nil}, // a board has no browser that could be misled
		{self, []string{"file://"}}, {self, []string{"null"}}, {self, []string{"https://github.com/gilmaimon/TinyWebsockets"}},
		{self, []string{"http://" + self}}, {pihost, []string{"http://" + pihost}}, {"192.168.1.20", []string{"http://192.168.1.20"}}, {"[fe80::1]:8080", []string{"http://[fe80::1]:8080"}},
		{self, []string{"http://mine.example:3000"}},
	} {
		for _, path := range []string{"/", "/ws"} {
			if got := knock(h, path, c.host, c.origins...); got != http.StatusTeapot {
				t.Errorf("%s at %s from %q: %d", path, c.host, c.origins, got)
			}
		}
	}
	hostile := 0
	for _, c := range []struct {
		host    string
		origins []string
	}{
		{self, []string{evil}}, {self, []string{"https://evil.example"}}, {self, []string{"http://127.0.0.1"}}, {self, []string{"http://127.0.0.1:8081"}},
		{self, []string{"http://127.0.0.1:8080.evil.example"}}, {self, []string{"http://127.0.0.1:8080@evil.example"}}, {self, []string{"http://evil.example#127.0.0.1:8080"}},
		{self, []string{"http://evil.example/"}}, {self, []string{"http://" + self + "/"}}, {self, []string{"ws://" + self}}, {self, []string{"HTTP://EVIL.EXAMPLE"}},
		{self, []string{"http://localhost:8080"}}, {self, []string{"http://[::1]:8080"}}, {self, []string{"http://2130706433:8080"}}, {self, []string{"http://0x7f.1:8080"}},
		{self, []string{""}}, {self, []string{" "}}, {self, []string{"http://"}}, {self, []string{"javascript:alert(1)"}}, {self, []string{"about:blank"}},
		{self, []string{"chrome-extension://abcdefgh"}}, {self, []string{"null null"}}, {self, []string{"http://" + self, evil}}, {self, []string{evil, "http://" + self}}, {self, []string{"null", "null"}},
		{self, []string{"http://mine.example"}}, {self, []string{"https://mine.example:3000"}}, {self, []string{"http://mine.example:3000.evil.example"}}, {self, []string{"http://sub.mine.example:3000"}},
		{"evil.example:8080", []string{"http://evil.example:8080"}}, {"pi.local.evil.example", []string{"http://pi.local.evil.example"}}, {"evil-pi.local:8080", []string{"http://evil-pi.local:8080"}},
	} {
		hostile++
		if got := knock(h, "/ws", c.host, c.origins...); got != http.StatusForbidden {
			t.Errorf("at %s from %q: %d", c.host, c.origins, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = g.Run(ctx)
	counted := uint64(0)
	for _, ev := range g.log {
		if d, ok := ev.(*vaiven.Denied); ok && d.Reason == vaiven.DeniedOrigin {
			counted += d.Count
		}
	}
	if hostile < 30 || counted != uint64(hostile) {
		t.Errorf("%d of %d were counted", counted, hostile)
	}
}

// TestHosts: a name that is not the server's is refused, whoever made it point here.
func TestHosts(t *testing.T) {
	g := newGate(t, access.Options{PublicView: true})
	o := newWorld(t).options()
	o.Access, o.Hosts = g.Control, func() []string { return []string{"pi", "Pi.Local", "vaiven.local", "*.school.example"} }
	h := New(o)
	for _, host := range []string{
		self, "127.0.0.1", "192.168.1.20:8080", "[::1]:8080", "[fe80::1%25eth0]:8080", "localhost", "LOCALHOST:8080", "pi", "pi.local:8080", "PI.LOCAL", "pi.local.", "vaiven.local:80", "lab.school.example", "",
	} {
		if a := visit(h, "GET", prefix+"/devices", there, host); a.status != 200 {
			t.Errorf("%q: %d %s", host, a.status, a.body)
		}
	}
	for _, host := range []string{
		"evil.example", "evil.example:8080", "127.0.0.1.evil.example", "127.0.0.1.nip.io", "localhost.evil.example", "pi.local.evil.example", "xpi.local", "pi.locale", "pi..local",
		"school.example", "a.b.school.example", ".school.example", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1:8080:8080", "127.0.0.1, evil.example", "127.0.0.1 evil.example",
		"[::1", "::1]:8080x", "a@127.0.0.1", "127.0.0.1#", "127.0.0.1/", "127.0.0.1?x", "\\127.0.0.1", "%31%32%37.0.0.1", "localhost\x00", "ｌocalhost", "local host",
	} {
		for _, c := range [][2]string{{"GET", prefix + "/devices"}, {"GET", "/"}, {"GET", "/metrics"}, {"GET", prefix + "/live/sse"}, {"POST", "/login"}, {"GET", prefix + "/nothing"}, {"GET", prefix + "/devices/101/desired"}} {
			headers := cookieOf(g.session())
			if c[0] == "POST" {
				headers = append(headers, "Origin", "http://"+host)
			}
			if a := visit(h, c[0], c[1], there, host, headers...); a.status != http.StatusMisdirectedRequest {
				t.Errorf("%s %s at %q: %d %s", c[0], c[1], host, a.status, a.body)
			}
		}
	}
	const other = "gateway.example"
	if a := visit(h, "GET", prefix+"/devices", there, other, bearer(g.token(vaiven.MayRead))...); a.status != 200 {
		t.Errorf("with a token: %d", a.status) // no page can send one
	}
	if a := visit(h, "GET", prefix+"/devices", there, other, bearer("made up")...); a.status != 401 {
		t.Errorf("with a word in place of one: %d", a.status)
	}
	if a := visit(h, "POST", prefix+"/readings", there, other); a.status != 200 {
		t.Errorf("a board by HTTP: %d", a.status)
	}
	if a := visit(h, "POST", prefix+"/readings", there, other, "Origin", "http://"+other); a.status != http.StatusMisdirectedRequest {
		t.Errorf("a page that sends readings: %d", a.status)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if a := visit(h, "GET", path, there, other); a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// TestLogin follows a link into a browser and out again.
func TestLogin(t *testing.T) {
	g := newGate(t, access.Options{})
	h, _ := matrixHandler(t, g)
	link := func() string {
		secret, _, err := g.LoginLink(t.Context(), "test")
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	page := []string{"Origin", "http://" + self}
	if a := visit(h, "GET", "/", there, self); a.status != 200 || !strings.Contains(string(a.body), "vaiven login-link") || strings.Contains(string(a.body), "ws://") {
		t.Errorf("somebody who may not look: %d %s", a.status, a.body)
	}
	secret := link()
	post := func(path, media, content string, headers ...string) *answer {
		r := httptest.NewRequest("POST", path, strings.NewReader(content))
		r.Host, r.RemoteAddr = self, there
		r.Header.Set("Content-Type", media)
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return &answer{w.Code, w.Header(), w.Body.Bytes()}
	}
	const form = "application/x-www-form-urlencoded"
	if a := post("/login", form, url.Values{"secret": {secret}}.Encode(), "Origin", evil); a.status != 403 {
		t.Errorf("a page of another site logs in: %d", a.status)
	}
	a := post("/login", form, url.Values{"secret": {"http://pi.local:8080/login#" + secret + " "}}.Encode(), page...)
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/?in" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	c, err := http.ParseSetCookie(a.header.Get("Set-Cookie"))
	if err != nil || c.Name != sessionCookie || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure || c.MaxAge < 3600 || c.Domain != "" {
		t.Fatalf("%v %v", c, err)
	}
	if a := visit(h, "GET", "/?in", there, self); a.status != 200 || !strings.Contains(string(a.body), "keeps no cookie") {
		t.Errorf("a browser that keeps no cookie: %d %s", a.status, a.body)
	}
	session := cookieOf(c.Value)
	for path, want := range map[string]int{"/": 200, prefix + "/devices": 200, prefix + "/backup": 404} {
		if a := visit(h, "GET", path, there, self, session...); a.status != want || strings.Contains(string(a.body), "login-link") {
			t.Errorf("%s with the session: %d %s", path, a.status, a.body)
		}
	}
	put := prefix + "/devices/101/state"
	if a := visit(h, "PUT", put, there, self, session...); a.status != 401 {
		t.Errorf("a change that no page says it is of: %d", a.status)
	}
	if a := visit(h, "PUT", put, there, self, append(session, page...)...); a.status != 200 || !strings.Contains(string(a.body), `"by":"browser 192.0.2.7"`) {
		t.Errorf("a change: %d %s", a.status, a.body)
	}
	for _, used := range []string{secret, "", "x", c.Value} {
		if a := post("/login", form, url.Values{"secret": {used}}.Encode(), page...); a.status != 401 || a.header.Get("Set-Cookie") != "" || used != "" && strings.Contains(string(a.body), used) && len(used) > 1 {
			t.Errorf("again with %q: %d %s", used, a.status, a.body)
		}
	}
	if a := post(prefix+"/login", "application/json", `{"secret":"`+link()+`"}`, page...); a.status != 200 || !strings.Contains(string(a.body), `"rights":["admin"]`) || a.header.Get("Set-Cookie") == "" {
		t.Errorf("by the API: %d %s", a.status, a.body)
	}
	if a := visit(h, "POST", prefix+"/logout", there, self, append(session, page...)...); a.status != 204 || !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("out: %d %v", a.status, a.header)
	}
	if a := visit(h, "GET", prefix+"/devices", there, self, session...); a.status != 401 {
		t.Errorf("a session that is over: %d", a.status)
	}
}

// TestCookieOverTLS: a cookie that came over TLS stays there, and is in no other's way: a
// browser takes none over plain HTTP that is called like one that it has from TLS.
func TestCookieOverTLS(t *testing.T) {
	g := newGate(t, access.Options{})
	o := newWorld(t).options()
	o.Access, o.Secure = g.Control, func(*http.Request) bool { return true }
	secret, _, err := g.LoginLink(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/login", strings.NewReader("secret="+secret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h := New(o)
	h.ServeHTTP(w, r)
	got := w.Header().Get("Set-Cookie")
	if !strings.Contains(got, "; Secure") || !strings.HasPrefix(got, secureCookie+"=") || !strings.Contains(got, "; Path=/;") || strings.Contains(got, "Domain") {
		t.Errorf("%d %q", w.Code, got)
	}
	pair, _, _ := strings.Cut(got, ";")
	for _, cookies := range []string{pair, sessionCookie + "=over; " + pair} {
		if a := visit(h, "GET", prefix+"/devices", there, self, "Cookie", cookies); a.status != 200 {
			t.Errorf("%q: %d %s", cookies, a.status, a.body)
		}
	}
}

// TestCORS: the pages that are named may read, with a session or a token; no others.
func TestCORS(t *testing.T) {
	g := newGate(t, access.Options{})
	o := newWorld(t).options()
	const mine = "http://mine.example:3000"
	o.Access, o.CORS = g.Control, []string{mine}
	h := New(o)
	ask := append(bearer(g.token(vaiven.MayRead)), "Origin", mine)
	a := visit(h, "GET", prefix+"/devices", there, self, ask...)
	if a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != mine || a.header.Get("Access-Control-Allow-Credentials") != "true" || a.header.Get("Vary") != "Origin" {
		t.Errorf("%d %v", a.status, a.header)
	}
	pre := []string{"Origin", mine, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization"}
	if a := visit(h, "OPTIONS", prefix+"/devices/101/state", there, self, pre...); a.status != 204 || !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") || !strings.Contains(a.header.Get("Access-Control-Allow-Methods"), "PUT") {
		t.Errorf("before: %d %v", a.status, a.header)
	}
	for _, origin := range []string{evil, "null", "http://mine.example", "https://mine.example:3000", mine + "/", "http://mine.example:30000", "*"} {
		for _, method := range []string{"OPTIONS", "GET"} {
			a := visit(h, method, prefix+"/devices", there, self, "Origin", origin, "Access-Control-Request-Method", "GET")
			if a.header.Get("Access-Control-Allow-Origin") != "" || a.status < 400 {
				t.Errorf("%s from %s: %d %v", method, origin, a.status, a.header)
			}
		}
	}
}

// seen is a world with what is not for everybody's eyes.
func seen(t *testing.T) *world {
	w := newWorld(t)
	st := vaiven.Stamp{At: noon.UnixMilli(), Synced: true}
	add := func(events ...vaiven.Event) {
		record := w.entries[len(w.entries)-1].ID.Record + 1
		for i, ev := range events {
			w.entries = append(w.entries, vaiven.Entry{ID: vaiven.ID{Record: record, Index: uint32(i)}, Event: ev})
		}
	}
	const boot = "9f3c02aa"
	add(&vaiven.Hello{Stamp: st, Device: "101", Boot: boot, Up: 1}, &vaiven.Reading{Stamp: st, Device: "101", Boot: boot, Seq: 7, Values: []vaiven.Value{{Name: "TEMP", Num: 1}}},
		&vaiven.Gap{Stamp: st, Device: "101", Boot: boot, From: 8, To: 9}, &vaiven.Report{Stamp: st, Device: "101", Boot: boot}, &vaiven.Refusal{Stamp: st, Device: "101", Boot: boot, Seq: 10, Code: "x"})
	add(&vaiven.Admitted{Stamp: st, Device: "101", By: "somebody"}, &vaiven.Denied{Stamp: st, Reason: vaiven.DeniedToken, Count: 3, Remote: "192.0.2.9"})
	add(&vaiven.Reading{Stamp: st, Device: "102", Values: []vaiven.Value{{Name: "TEMP", Num: 2}}})
	return w
}

// TestWhatIsShownToWhom: BOOT and who may do what are for administrators, and a token for
// some devices is told of these alone, wherever something is told.
func TestWhatIsShownToWhom(t *testing.T) {
	w := seen(t)
	feed, err := live.New(live.Options{History: w})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = feed.Close() })
	g := newGate(t, access.Options{PublicView: true})
	s := w.serve(t, func(o *Options) { o.Access, o.Live = g.Control, feed.Handler() })
	paths := []string{
		"/devices", "/devices/102", "/sessions", "/events?limit=1000", "/events?order=desc&limit=1000", "/export?format=jsonl", "/export", "/history?last=1m", "/live/poll?after=0&limit=1000", "/server",
	}
	says := func(headers []string, path string) string {
		a := send(t, s, "GET", prefix+path, "", headers...)
		if a.status != 200 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		return string(a.body)
	}
	admin, one := bearer(g.token(vaiven.MayAdmin)), bearer(g.token(vaiven.MayRead, "102"))
	told := map[string]bool{}
	for _, path := range paths {
		all, public, some := says(admin, path), says(nil, path), says(one, path)
		for _, secret := range []string{"9f3c02aa", "somebody", "192.0.2.9"} {
			told[secret] = told[secret] || strings.Contains(all, secret)
			if strings.Contains(public, secret) || strings.Contains(some, secret) {
				t.Errorf("%s tells of %s", path, secret)
			}
		}
		if strings.HasPrefix(path, "/history") {
			if q := w.curves[len(w.curves)-1]; len(q.Devices) != 1 || q.Devices[0] != "102" {
				t.Errorf("%s asks for %v", path, q.Devices)
			}
			continue
		}
		if strings.Contains(some, "101") || strings.Contains(some, "103") || strings.Contains(some, strings.Repeat("0f", 16)) {
			t.Errorf("%s tells of other devices: %s", path, some)
		}
		if strings.Contains(path, "events") || strings.Contains(path, "live") {
			if n := strings.Count(all, `"id":"7.`); n != 5 || strings.Count(public, `"id":"7.`) != 5 {
				t.Errorf("%s: %d events with BOOT: %s", path, n, public)
			}
		}
	}
	for secret, ok := range map[string]bool{"9f3c02aa": true, "somebody": true, "192.0.2.9": true} {
		if told[secret] != ok {
			t.Errorf("an administrator is not told of %s", secret)
		}
	}
	for _, path := range []string{"/history?device=101&last=1m", "/devices/101", "/readings.csv", "/csv"} {
		if a := send(t, s, "GET", prefix+path, "", one...); a.status != 403 || codeOf(a) != codeOtherDevices {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	var list api.Devices
	send(t, s, "GET", prefix+"/devices", "", one...).into(t, &list)
	if list.Total != 1 || len(list.Devices) != 1 || list.Devices[0].ID != "102" {
		t.Errorf("%+v", list)
	}
	both := bearer(g.token(vaiven.MaySet, "102"))
	var out api.Outcomes
	send(t, s, "POST", prefix+"/state", `{"devices":["101","102"],"groups":["lab"],"states":{"LED":1}}`, both...).into(t, &out)
	if len(out.Outcomes) != 2 || out.Outcomes[0].Status != 403 || out.Outcomes[0].Error.Code != codeOtherDevices || out.Outcomes[1].Status >= 300 {
		t.Errorf("%+v", out)
	}
}

// TestFeedsEndWithTheirToken follows with a ticket and with a token that is taken back.
func TestFeedsEndWithTheirToken(t *testing.T) {
	w := seen(t)
	g := newGate(t, access.Options{})
	feed, err := live.New(live.Options{History: w, IsGood: g.IsGood})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = feed.Close() })
	g.Watch(func(vaiven.Device) { feed.Recheck() })
	s := w.serve(t, func(o *Options) { o.Access, o.Live = g.Control, feed.Handler() })
	text, granted, err := g.CreateToken(t.Context(), vaiven.TokenRequest{Name: "garden", Rights: vaiven.MayRead})
	if err != nil {
		t.Fatal(err)
	}
	var ticket api.Ticket
	send(t, s, "POST", prefix+"/live/tickets", "", bearer(text)...).into(t, &ticket)
	if a := send(t, s, "GET", prefix+"/live/poll?after=0&ticket="+url.QueryEscape(ticket.Ticket)+"x", ""); a.status != 401 || codeOf(a) != codeBadTicket {
		t.Errorf("a ticket that was changed: %d %s", a.status, a.body)
	}
	if a := send(t, s, "POST", prefix+"/live/tickets?ticket="+url.QueryEscape(ticket.Ticket), ""); a.status != 401 {
		t.Errorf("a ticket for a ticket: %d %s", a.status, a.body)
	}
	if a := send(t, s, "GET", prefix+"/devices?ticket="+url.QueryEscape(ticket.Ticket), ""); a.status != 401 {
		t.Errorf("a ticket elsewhere: %d %s", a.status, a.body)
	}
	var ends []*bufio.Scanner
	for _, c := range [][]string{{"?ticket=" + url.QueryEscape(ticket.Ticket)}, append([]string{""}, bearer(text)...)} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, _ := http.NewRequestWithContext(ctx, "GET", s.URL+prefix+"/live/ndjson"+c[0], nil)
		if len(c) > 1 {
			r.Header.Set(c[1], c[2])
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		if !lines.Scan() || !strings.Contains(lines.Text(), "position") {
			t.Fatalf("%d %s", resp.StatusCode, lines.Text())
		}
		ends = append(ends, lines)
	}
	if ok, err := g.RevokeToken(t.Context(), granted.Token, "test"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for _, lines := range ends {
		last := ""
		for lines.Scan() {
			last = lines.Text()
		}
		if !strings.Contains(last, `"reason":"revoked"`) {
			t.Errorf("the last line is %s", last)
		}
	}
	if a := send(t, s, "GET", prefix+"/live/poll?after=0&ticket="+url.QueryEscape(ticket.Ticket), ""); a.status != 401 {
		t.Errorf("a ticket of a token that was taken back: %d", a.status)
	}
	if got := g.Ticket(g.Nobody()); got != "" {
		t.Error("nobody got a ticket")
	}
	if _, _, err := g.Login(t.Context(), ticket.Ticket, netip.Addr{}); err == nil {
		t.Error("a ticket is a login link")
	}
}
