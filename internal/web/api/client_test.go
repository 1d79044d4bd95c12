package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

// serve answers like a server, and returns its client.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(Options{Server: s.URL, HTTP: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"http://127.0.0.1:8080": "http://127.0.0.1:8080/api/v1", "pi.local:8080/": "http://pi.local:8080/api/v1",
		"https://u:p@host/base/?q#f": "https://host/base/api/v1", "": "", "ws://x": "", "http://": "", "http://a b": "",
	} {
		c, err := New(Options{Server: in})
		if (err == nil) != (want != "") || err == nil && c.base.String() != want {
			t.Errorf("%q: %v %v", in, c, err)
		}
	}
}

// TestOtherServers shows that whatever answers, an error is told.
func TestOtherServers(t *testing.T) {
	for _, c := range []struct {
		status            int
		media, body, want string
	}{
		{200, "text/html", "<html>", "invalid character"},
		{200, "application/json", "", "unexpected end"},
		{502, "text/html", "<html>", "502 Bad Gateway"},
		{404, ProblemType, `{"title":1`, "404 Not Found"},
		{404, ProblemType, `{"title":"x","status":200,"detail":"no such","hint":"look"}`, "no such (look)"},
		{422, ProblemType, `{"detail":"wrong","errors":[{"location":"body","message":"m"}]}`, "wrong; body: m"},
	} {
		cl := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.media)
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		_, err := cl.Server(t.Context())
		var p *Problem
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &p) != (c.status >= 300) || p != nil && p.Status != c.status {
			t.Errorf("%d %q: %v", c.status, c.body, err)
		}
	}
}

func TestTheTokenIsShown(t *testing.T) {
	shown := ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusNoContent)
	}))
	defer s.Close()
	c, err := New(Options{Server: s.URL, Token: "s3cret", HTTP: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Forget(t.Context(), "101"); err != nil || shown != "Bearer s3cret" {
		t.Errorf("%q %v", shown, err)
	}
}

func TestNumbers(t *testing.T) {
	var s States
	if err := json.Unmarshal([]byte(`{"A":true,"B":false,"C":0.5}`), &s); err != nil || s["A"] != 1 || s["B"] != 0 || s["C"] != 0.5 {
		t.Errorf("%v %v", s, err)
	}
	for _, bad := range []string{`{"A":null}`, `{"A":"1"}`, `{"A":[]}`} {
		if err := json.Unmarshal([]byte(bad), &s); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestEventsKeepWhatTheyAre(t *testing.T) {
	raw := `{"id":"1.0","kind":"gap","at":"2026-11-22T10:00:00.000-05:00","synced":true,"from":3,"to":4}`
	var e Event
	if err := json.Unmarshal([]byte(raw), &e); err != nil || e.Kind != "gap" || e.At.UTC().Hour() != 15 {
		t.Fatalf("%+v %v", e, err)
	}
	if b, err := json.Marshal(e); err != nil || string(b) != raw {
		t.Errorf("%s %v", b, err)
	}
	if b, err := json.Marshal(Event{ID: "2.0", Kind: "hello"}); err != nil || !strings.Contains(string(b), `"id":"2.0"`) {
		t.Errorf("%s %v", b, err)
	}
}

// script is a live feed that says one part of its script per connection.
type script struct {
	parts []string
	asked []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, r.URL.Query().Get("after"))
	if len(s.parts) == 0 {
		return nil, errors.New("refused")
	}
	part := s.parts[0]
	s.parts = s.parts[1:]
	rec := httptest.NewRecorder()
	if status, problem, ok := strings.Cut(part, "!"); ok {
		rec.Header().Set("Content-Type", ProblemType)
		fmt.Sscan(status, &rec.Code)
		rec.Body.WriteString(problem)
		return rec.Result(), nil
	}
	rec.Body.WriteString(part)
	resp := rec.Result()
	if strings.HasSuffix(part, "hangs\n") {
		rec.Body.Truncate(0)
		resp.Body = &hanging{r.Context()}
	}
	return resp, nil
}

// hanging is a body on which nothing comes.
type hanging struct{ ctx context.Context }

func (h *hanging) Read([]byte) (int, error) { <-h.ctx.Done(); return 0, h.ctx.Err() }
func (h *hanging) Close() error             { return nil }

// TestWatchComesBack follows a feed that breaks off in every way.
func TestWatchComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{parts: []string{
			`{"kind":"position","id":"4.0"}` + "\n",
			`{"id":"5.0","kind":"reading","at":"2026-11-22T10:00:00Z","synced":true}` + "\n\n" + `{"id":"5.1","kind":"gap","at":"2026-11-22T10:00:00Z","synced":true}` + "\n",
			"502!no", "429!{}", "503!{\"retry_ms\":3000}", "no JSON\n", `{"kind":"gap","id":"6.0","at":"yesterday"}` + "\n", "hangs\n",
			`{"kind":"bye","reason":"too slow","id":"7.3"}` + "\n",
			`{"id":"8.0","kind":"gap","at":"2026-11-22T10:00:00Z","synced":true}` + "\n",
			`410!{"detail":"another log"}`,
		}}
		c, err := New(Options{Server: "pi.local", HTTP: &http.Client{Transport: s}})
		if err != nil {
			t.Fatal(err)
		}
		var got, lost []string
		begin := time.Now()
		err = c.Watch(t.Context(), Filter{}, "", func(e Event) error { got = append(got, e.ID); return nil }, func(err error) { lost = append(lost, err.Error()) })
		var p *Problem
		if !errors.As(err, &p) || p.Status != 410 || p.Detail != "another log" {
			t.Errorf("ended with %v", err)
		}
		if strings.Join(got, " ") != "5.0 5.1 8.0" {
			t.Errorf("events %v", got)
		}
		if want := ",4.0,5.1,5.1,5.1,5.1,5.1,5.1,5.1,7.3,8.0"; strings.Join(s.asked, ",") != want {
			t.Errorf("asked behind %v\nwant        %s", s.asked, want)
		}
		if len(lost) != 10 || lost[7] != errSilent.Error() || !strings.Contains(lost[8], "too slow") {
			t.Errorf("lost %q", lost)
		}
		if d := time.Since(begin); d < maxSilence || d > maxSilence+10*maxPause {
			t.Errorf("took %v", d)
		}
	})
}

func TestWatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Options{Server: "pi.local", HTTP: &http.Client{Transport: &script{}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		n := 0
		if err := c.Watch(ctx, Filter{}, "", nil, func(error) { n++ }); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if n < 200 || n > 1000 {
			t.Errorf("%d attempts in an hour", n)
		}
	})
	enough := errors.New("enough")
	c, err := New(Options{Server: "pi.local", HTTP: &http.Client{Transport: &script{parts: []string{`{"id":"8.0","kind":"gap","at":"2026-11-22T10:00:00Z"}` + "\n"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Watch(t.Context(), Filter{}, "", func(Event) error { return enough }, nil); err != enough {
		t.Error(err)
	}
}
