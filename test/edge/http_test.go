//go:build suites && linux

package edge

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"vaiven/test/harness"
)

const renew = "POST /api/v1/devices/1/sessions HTTP/1.1\r\n"

// TestRequests sends requests that are not meant well.
func TestRequests(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir(), "--readings", "5")
	s.StartReady()
	here := "Host: " + s.Addr + "\r\n"
	token := "Authorization: Bearer " + harness.Token(s.Addr) + "\r\n"
	for _, c := range []struct {
		name, send string
		want       int
	}{
		{"who shows the token of the machine", renew + here + token + "\r\n", 204},
		{"anybody at the machine", renew + here + "\r\n", 401},
		{"another site's script", renew + here + "Origin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n\r\n", 403},
		{"an old browser", renew + here + "Origin: http://evil.example\r\n\r\n", 403},
		{"a name that was rebound", renew + "Host: evil.example\r\nOrigin: http://evil.example\r\nSec-Fetch-Site: same-origin\r\n\r\n", 421},
		{"through a proxy", renew + here + "X-Forwarded-For: 127.0.0.1\r\n\r\n", 401},
		{"through a proxy that says so otherwise", renew + here + "Forwarded: for=192.0.2.1\r\n\r\n", 401},
		{"PUT", strings.Replace(renew, "POST", "PUT", 1) + here + token + "\r\n", 405},
		{"a device that is a path", strings.Replace(renew, "/1/", "/..%2f..%2f/", 1) + here + token + "\r\n", 400},
		{"out of the folder", "GET /../../etc/passwd HTTP/1.1\r\n" + here + "\r\n", 307},
		{"two lengths", "GET / HTTP/1.1\r\n" + here + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", 400},
		{"a length and chunks", strings.Replace(upgrade, "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", 1), 400},
		{"a handshake with a body", strings.Replace(upgrade, "\r\n\r\n", "\r\nContent-Length: 3\r\n\r\nabc", 1), 400},
		{"two keys", strings.Replace(upgrade, "\r\n\r\n", "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 1), 400},
		{"a header with a line in it", "GET / HTTP/1.1\r\n" + here + "A: b\r\n c\rd: e\r\n\r\n", 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"huge headers", "GET / HTTP/1.1\r\n" + here + "X: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", 431},
		{"HTTP/1.0", strings.Replace(upgrade, "HTTP/1.1", "HTTP/1.0", 1), 505},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, err := connect(s.Addr, c.send)
			if x == nil {
				t.Fatal(err)
			}
			defer x.Close()
			resp, err := http.ReadResponse(x.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.want {
				t.Errorf("%s, want %d", resp.Status, c.want)
			}
		})
	}
	served(t, s, "002")
}

// TestOriginStopsPagesAlone shows that a board may say what its library does (the
// course's says file://), and a page of another site may not connect.
func TestOriginStopsPagesAlone(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	for origin, want := range map[string]int{"file://": 101, "null": 101, "http://" + s.Addr: 101, "http://evil.example": 403} {
		c, err := connect(s.Addr, strings.Replace(strings.Replace(upgrade, "board", s.Addr, 1), "\r\n\r\n", fmt.Sprintf("\r\nOrigin: %s\r\n\r\n", origin), 1))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if resp, err := http.ReadResponse(c.r, nil); err != nil || resp.StatusCode != want {
			t.Errorf("Origin %s: %v %v", origin, resp, err)
		}
	}
}
