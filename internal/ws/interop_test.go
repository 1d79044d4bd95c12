package ws_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"vaiven/internal/ws"
)

// Another implementation's client: messages of all sizes both ways, written in
// one piece and in fragments, pings, and its closing handshake.
func TestForeignClient(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{MaxMessage: 4 << 20, MaxQueue: 16 << 20, Subprotocols: []string{"arduino"}}, echoing)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			defer tr.CloseIdleConnections()
			c, _, err := websocket.Dial(ctx, strings.Replace(s.URL, "http", "ws", 1), &websocket.DialOptions{
				HTTPClient: &http.Client{Transport: tr}, Subprotocols: []string{"arduino"},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			if c.Subprotocol() != "arduino" {
				t.Errorf("subprotocol %q", c.Subprotocol())
			}
			c.SetReadLimit(-1)
			rnd := rand.NewChaCha8([32]byte{})
			for _, n := range []int{0, 1, 125, 126, 4095, 4096, 65535, 65536, 1 << 20, 4 << 20} {
				p := make([]byte, n)
				_, _ = rnd.Read(p)
				roundTrip(t, ctx, c, p, n)
				roundTrip(t, ctx, c, p, 1+n/7)
			}
			ponged := make(chan error, 1)
			go func() { ponged <- c.Ping(ctx) }()
			read, stop := context.WithCancel(ctx)
			go func() { _, _, _ = c.Read(read) }()
			if err := <-ponged; err != nil {
				t.Errorf("ping: %v", err)
			}
			if err := c.Close(websocket.StatusNormalClosure, "adiós"); err != nil {
				t.Errorf("close: %v", err)
			}
			stop()
			if err := s.end(); err.Error() != "ws: peer closed with 1000: adiós" {
				t.Errorf("Serve returned %v", err)
			}
		})
	}
}

// roundTrip sends p in fragments of size, and wants it back.
func roundTrip(t *testing.T, ctx context.Context, c *websocket.Conn, p []byte, size int) {
	t.Helper()
	w, err := c.Writer(ctx, websocket.MessageBinary)
	if err != nil {
		t.Fatal(err)
	}
	for piece := p; len(piece) > 0; {
		n := min(max(size, 1), len(piece))
		if _, err := w.Write(piece[:n]); err != nil {
			t.Fatal(err)
		}
		piece = piece[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, got, err := c.Read(ctx)
	if err != nil || !bytes.Equal(got, p) {
		t.Fatalf("%d bytes in pieces of %d: %d bytes back, %v", len(p), size, len(got), err)
	}
}
