package ws_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"vaiven/internal/ws"
)

// edit replaces a line of the handshake.
func edit(old, new string) string {
	if !strings.Contains(hello, old) {
		panic("no such line: " + old)
	}
	return strings.Replace(hello, old, new, 1)
}

func TestHandshake(t *testing.T) {
	const (
		upgrade = "Upgrade: websocket\r\n"
		conn    = "Connection: Upgrade\r\n"
		key     = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		version = "Sec-WebSocket-Version: 13\r\n"
	)
	for _, tc := range []struct {
		name, in string
		status   int
	}{
		{"plain", hello, 101},
		{"any case", edit(upgrade, "UPGRADE: WebSocket\r\n"), 101},
		{"several tokens", edit(conn, "Connection: keep-alive, upgrade\r\n"), 101},
		{"several headers", edit(conn, "Connection: keep-alive\r\nConnection: Upgrade\r\n"), 101},
		{"upgrade among others", edit(upgrade, "Upgrade: h2c, websocket\r\n"), 101},
		{"extensions are ignored", edit(version, version+"Sec-WebSocket-Extensions: permessage-deflate\r\n"), 101},
		{"arduino", edit(version, version+"Origin: file://\r\nSec-WebSocket-Protocol: arduino\r\nUser-Agent: arduino-WebSocket-Client\r\n"), 101},
		{"POST", edit("GET /ws", "POST /ws"), 405},
		{"HTTP/1.0", edit("HTTP/1.1", "HTTP/1.0"), 505},
		{"no upgrade", edit(upgrade, ""), 426},
		{"other upgrade", edit(upgrade, "Upgrade: h2c\r\n"), 426},
		{"no connection", edit(conn, ""), 426},
		{"connection without upgrade", edit(conn, "Connection: keep-alive\r\n"), 426},
		{"token is a part of a word", edit(upgrade, "Upgrade: websockets\r\n"), 426},
		{"no version", edit(version, ""), 426},
		{"version 8", edit(version, "Sec-WebSocket-Version: 8\r\n"), 426},
		{"version 13 and 8", edit(version, "Sec-WebSocket-Version: 13, 8\r\n"), 426},
		{"version twice", edit(version, version+version), 426},
		{"no key", edit(key, ""), 400},
		{"empty key", edit(key, "Sec-WebSocket-Key: \r\n"), 400},
		{"key of 15 bytes", edit(key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n"), 400},
		{"key of 17 bytes", edit(key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZVo=\r\n"), 400},
		{"key is not base64", edit(key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ!!\r\n"), 400},
		{"two keys", edit(key, key+key), 400},
		{"body", edit(version, version+"Content-Length: 3\r\n") + "abc", 400},
	} {
		for _, m := range modes {
			t.Run(tc.name+"/"+m.name, func(t *testing.T) { handshake(t, m, tc.in, tc.status) })
		}
	}
}

// handshake sends in and holds the answer against the status and what section
// 4.2.2 demands with it.
func handshake(t *testing.T, m mode, in string, status int) {
	s := start(t, m, ws.Options{Subprotocols: []string{"arduino"}}, echoing)
	c := s.connect()
	c.write([]byte(in))
	c.response()
	h := c.res.Header
	if c.res.StatusCode != status {
		t.Fatalf("status %d, want %d", c.res.StatusCode, status)
	}
	switch status {
	case http.StatusSwitchingProtocols:
		if got := h.Get("Sec-WebSocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
			t.Errorf("accept %q", got)
		}
		if h.Get("Upgrade") != "websocket" || h.Get("Connection") != "Upgrade" || h.Get("Sec-WebSocket-Extensions") != "" {
			t.Errorf("headers %v", h)
		}
		want := ""
		if strings.Contains(in, "arduino\r\n") {
			want = "arduino"
		}
		if got := strings.Join(h["Sec-Websocket-Protocol"], ","); got != want {
			t.Errorf("subprotocol %q, want %q", got, want)
		}
		c.write(masked(fin|opText, "hola"))
		if got := c.frame(); got != `text "hola"` {
			t.Errorf("got %q", got)
		}
	case http.StatusUpgradeRequired:
		if h.Get("Upgrade") != "websocket" {
			t.Errorf("headers %v", h)
		}
		if strings.Contains(in, upgradeBoth) && h.Get("Sec-WebSocket-Version") != "13" {
			t.Errorf("version %q", h.Get("Sec-WebSocket-Version"))
		}
	case http.StatusMethodNotAllowed:
		if h.Get("Allow") != "GET" {
			t.Errorf("headers %v", h)
		}
	}
}

const upgradeBoth = "Upgrade: websocket\r\nConnection: Upgrade\r\n"

func TestSubprotocols(t *testing.T) {
	for _, tc := range []struct {
		offered   string
		supported []string
		want      string
	}{
		{"", []string{"arduino"}, ""},
		{"arduino", nil, ""},
		{"arduino", []string{"vaiven", "arduino"}, "arduino"},
		{"mqtt, vaiven , arduino", []string{"arduino", "vaiven"}, "vaiven"},
		{"Arduino", []string{"arduino"}, ""},
		{"mqtt", []string{"arduino"}, ""},
	} {
		s := start(t, modes[0], ws.Options{Subprotocols: tc.supported}, echoing)
		c := s.connect()
		in := hello
		if tc.offered != "" {
			in = edit("Sec-WebSocket-Version: 13\r\n", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: "+tc.offered+"\r\n")
		}
		c.write([]byte(in))
		c.response()
		if got := c.res.Header.Get("Sec-WebSocket-Protocol"); got != tc.want || c.res.StatusCode != 101 {
			t.Errorf("offered %q, supported %q: got %q", tc.offered, tc.supported, got)
		}
	}
}

// A response writer that cannot be hijacked is answered, not left open.
func TestNoHijack(t *testing.T) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(hello)))
	if err != nil {
		t.Fatal(err)
	}
	w := &recorder{header: make(http.Header)}
	if _, err := ws.Accept(w, r, nil); err == nil || w.status != http.StatusInternalServerError {
		t.Errorf("err %v, status %d", err, w.status)
	}
}

type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *recorder) WriteHeader(status int)      { r.status = status }
