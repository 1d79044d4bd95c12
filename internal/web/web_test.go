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
		Sessions: d, Page: func() Page { return Page{Devices: 3} }, Access: whoever{}, Hosts: func() []string { return []string{"example.com"} },
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
		{"GET", "/readyz", "", 503, "disk full"},
		{"POST", "/readyz", "", 404, ""},
		{"GET", "/assets/vaiven.css", "", 200, "font:"},
		{"GET", "/assets/login.js", "", 200, "location.hash"},
		{"GET", "/assets/nothing.js", "", 404, ""},
		{"GET", "/login", "", 200, "vaiven login-link"},
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
