package main

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven/internal/ws"
	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

// The server echoes, and on an interrupt says goodbye before it ends.
func TestEchoAndInterrupt(t *testing.T) {
	for _, buffered := range []bool{false, true} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
		defer stop()
		interrupt, cancel := context.WithCancel(ctx)
		defer cancel()
		s := &server{options: ws.Options{BufferedRead: buffered}}
		ended := make(chan error, 1)
		go func() { ended <- s.serve(interrupt, ln, time.Millisecond) }()
		c, _, err := websocket.Dial(ctx, "ws://"+ln.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Write(ctx, websocket.MessageText, []byte("hola")); err != nil {
			t.Fatal(err)
		}
		if _, p, err := c.Read(ctx); err != nil || string(p) != "hola" {
			t.Errorf("got %q, %v", p, err)
		}
		cancel()
		if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("got %v, want 1001", err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// A busy address is an error, not a server that nobody reaches.
func TestBusyAddress(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := run(t.Context(), []string{"-listen", ln.Addr().String()}); err == nil {
		t.Error("no error")
	}
}
