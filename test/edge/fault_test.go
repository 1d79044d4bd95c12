//go:build suites && linux

package edge

import (
	"io"
	"strings"
	"testing"

	"vaiven/test/harness"
)

// TestFaultsBelowMessagesAreTold: whatever is refused before a board is known is
// told to the person at the terminal, once per kind however often it comes, and
// counted.
func TestFaultsBelowMessagesAreTold(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	edit := func(old, now string) string { return strings.Replace(upgrade, old, now, 1) }
	masked := "\x81\x84\x00\x00\x00\x00"
	for _, c := range []struct{ name, send, code, says string }{
		{"no Upgrade", edit("Upgrade: websocket\r\n", ""), "bad_handshake", "asks for no WebSocket"},
		{"old version", edit("Version: 13", "Version: 8"), "bad_handshake", "Sec-WebSocket-Version: 13"},
		{"short key", edit("dGhlIHNhbXBsZSBub25jZQ==", "abc"), "bad_handshake", "16 bytes in base64"},
		{"POST to /", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "bad_handshake", "a POST came"},
		{"HTTP/1.0", edit("HTTP/1.1", "HTTP/1.0"), "bad_handshake", "HTTP/1.0"},
		{"no Host", edit("Host: board\r\n", ""), "bad_handshake", "no Host header"},
		{"wrong path", edit("GET / ", "GET /data "), "wrong_path", `the path "/data"`},
		{"Socket.IO", "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n", "wrong_path", "this is Socket.IO"},
		{"TLS", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "wrong_protocol", "TLS (wss://"},
		{"MQTT", "\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02ab", "wrong_protocol", "this is MQTT"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "wrong_protocol", "this is HTTP/2"},
		{"frames without mask", upgrade + "\x81\x02{}", "bad_frame", "masked"},
		{"Latin-1", upgrade + masked + "\"\xb0C\"", "not_json", "the message is not UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := func() int { return strings.Count(s.Stdout()+s.Stderr(), c.says) }
			for range 3 {
				x, err := connect(s.Addr, c.send)
				if x == nil {
					t.Fatal(err)
				}
				_ = x.Conn.(interface{ CloseWrite() error }).CloseWrite()
				_, _ = io.Copy(io.Discard, x.r)
				_ = x.Close()
			}
			harness.Until(t, patience, "the person is told", func() bool { return line() > 0 })
			if n := line(); n != 1 {
				t.Errorf("told %d times, want once:\n%s", n, s.Stdout()+s.Stderr())
			}
			if !strings.Contains(s.Stdout()+s.Stderr(), "rejected "+c.code) {
				t.Errorf("no %s in\n%s", c.code, s.Stdout()+s.Stderr())
			}
		})
	}
	served(t, s, "002")
}

// TestNoHandshakeIsRedirected: a board follows no redirect.
func TestNoHandshakeIsRedirected(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	for target, want := range map[string]string{
		"//": "101", "//ws": "101", "/./": "101", "/../ws": "101", "ws://board": "101", "http://board": "101", "ws://board/ws": "101",
		"//data": "404", "/api/../data": "404", "//api/v1/live/ws": "404", "/ws/": "404",
	} {
		x, err := connect(s.Addr, strings.Replace(upgrade, "GET / ", "GET "+target+" ", 1))
		if x == nil {
			t.Fatal(err)
		}
		status, _ := x.r.ReadString('\n')
		_ = x.Close()
		if !strings.HasPrefix(status, "HTTP/1.1 "+want) {
			t.Errorf("%s: %q, want %s", target, status, want)
		}
	}
}

// TestServerEndsWithFIN: a board that never answers the goodbye reads the end of
// the stream, not a reset.
func TestServerEndsWithFIN(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	c := mustOpen(t, s.Addr)
	harness.Until(t, patience, "the server has the board", func() bool { return metric(t, s, "vaiven_connections") == 1 })
	stopped := make(chan struct{})
	go func() { defer close(stopped); s.Stop() }()
	all, err := io.ReadAll(c.r)
	<-stopped
	if err != nil {
		t.Errorf("the end is %v, want EOF", err)
	}
	if !strings.Contains(string(all), `{"BYE"`) {
		t.Errorf("got %q without BYE", all)
	}
}
