package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"vaiven"
)

// desk starts sessions as a test says.
type desk struct {
	err   error
	asked []vaiven.Device
}

func (d *desk) NewSession(_ context.Context, id vaiven.Device) error {
	d.asked = append(d.asked, id)
	return d.err
}

func handler(d *desk, why ...string) http.Handler {
	return New(Options{
		Boards:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
		Ready:    func() []string { return why },
		Sessions: d, Page: func() Page { return Page{Devices: 3} },
	})
}

func TestPaths(t *testing.T) {
	for _, c := range []struct {
		method, path, upgrade string
		code                  int
		says                  string
	}{
		{"GET", "/", "", 200, "3 devices"},
		{"GET", "/", "h2c, WebSocket", http.StatusTeapot, ""},
		{"GET", "/ws", "websocket", http.StatusTeapot, ""},
		{"POST", "/", "", 405, "not allowed"},
		{"GET", "/esp", "websocket", 404, `webSocket.begin(host, port, "/")`},
		{"GET", "/esp", "", 404, "not found"},
		{"GET", "/healthz", "", 200, "ok"},
		{"GET", "/ca.crt", "", 404, "no certificate authority"},
		{"GET", "/readyz", "", 503, "disk full"},
		{"POST", "/readyz", "", 404, ""},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		if c.upgrade != "" {
			r.Header.Set("Upgrade", c.upgrade)
		}
		w := httptest.NewRecorder()
		handler(&desk{}, "disk full").ServeHTTP(w, r)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s (%s): %d %q, want %d %q", c.method, c.path, c.upgrade, w.Code, w.Body, c.code, c.says)
		}
	}
}

// TestAStrainedServerIsReady: that it takes no new boards is said, and takes it out of no
// balancer's rotation.
func TestAStrainedServerIsReady(t *testing.T) {
	h := New(Options{
		Boards: http.NotFoundHandler(), Ready: func() []string { return nil }, Page: func() Page { return Page{} }, Sessions: &desk{},
		Strained: func() []string { return []string{"no room, most from 192.0.2.7"} },
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
	if w.Code != 200 || w.Body.String() != "ok\nno room, most from 192.0.2.7\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestWhoMayStartASession(t *testing.T) {
	for _, c := range []struct {
		peer, host, header, value string
		code                      int
	}{
		{"127.0.0.1:1", "127.0.0.1:8080", "", "", 204},
		{"[::1]:1", "[::1]:8080", "", "", 204},
		{"[::ffff:127.0.0.1]:1", "localhost", "", "", 204},
		{"192.0.2.7:1", "127.0.0.1:8080", "", "", 403},
		{"127.0.0.1:1", "evil.example:8080", "", "", 403},
		{"127.0.0.1:1", "", "", "", 403},
		{"127.0.0.1:1", "localhost:8080", "X-Forwarded-For", "", 403},
		{"127.0.0.1:1", "localhost:8080", "X-Real-Ip", "127.0.0.1", 403},
		{"127.0.0.1:1", "localhost:8080", "Forwarded", "for=127.0.0.1", 403},
		{"127.0.0.1:1", "localhost:8080", "Via", "1.1 x", 403},
		{"127.0.0.1:1", "localhost:8080", "Origin", "http://evil.example", 403},
		{"127.0.0.1:1", "localhost:8080", "Sec-Fetch-Site", "cross-site", 403},
	} {
		d := &desk{}
		r := httptest.NewRequest("POST", "/api/v1/devices/101/sessions", nil)
		r.RemoteAddr, r.Host = c.peer, c.host
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		w := httptest.NewRecorder()
		handler(d).ServeHTTP(w, r)
		if w.Code != c.code || (len(d.asked) == 1) != (c.code == 204) {
			t.Errorf("%+v: %d, asked for %v", c, w.Code, d.asked)
		}
	}
}

func TestSessionThatDoesNotStart(t *testing.T) {
	for _, c := range []struct {
		id   string
		err  error
		code int
	}{
		{"101", &vaiven.Error{Code: vaiven.CodeBusy, At: -1}, 503},
		{"101", errors.New("no limits here"), 409},
		{"-x", nil, 400},
	} {
		r := httptest.NewRequest("POST", "http://localhost/api/v1/devices/"+c.id+"/sessions", nil)
		r.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		handler(&desk{err: c.err}).ServeHTTP(w, r)
		if w.Code != c.code || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s, %v: %d %v", c.id, c.err, w.Code, w.Header())
		}
	}
}
