package load_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"vaiven/bench/internal/board"
	"vaiven/bench/internal/echo"
	"vaiven/bench/internal/load"
)

func serve(t *testing.T, answer []byte) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go echo.Goroutines(ln, len(board.RawRequest()), answer)
	return ln.Addr().String()
}

func connected(t *testing.T, addr string, n int) *load.Fleet {
	t.Helper()
	f, err := load.NewFleet(addr, n, board.NewRaw)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	if _, err := f.Connect(t.Context(), 8); err != nil {
		t.Fatal(err)
	}
	if err := f.Greet(t.Context(), 8); err != nil {
		t.Fatal(err)
	}
	return f
}

// Whatever was sent is acknowledged once, with every kind of load.
func TestFleetCountsWhatWasSent(t *testing.T) {
	for name, l := range map[string]load.Load{
		"one in flight":     {Window: 1},
		"several in flight": {Window: 16},
		"paced":             {Window: 8, Rate: 2000},
	} {
		t.Run(name, func(t *testing.T) {
			f := connected(t, serve(t, board.RawAnswer()), 60)
			if err := f.SetLoad(l); err != nil {
				t.Fatal(err)
			}
			tally, err := f.Run(t.Context(), 100*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Drain(t.Context(), 10*time.Second); err != nil {
				t.Fatal(err)
			}
			if tally.Acked == 0 || tally.Acked != tally.Latency.Count() {
				t.Errorf("%d acknowledged, %d latencies", tally.Acked, tally.Latency.Count())
			}
			if f.Acked() != f.Sent() {
				t.Errorf("%d acknowledged of %d sent", f.Acked(), f.Sent())
			}
		})
	}
}

// A server that acknowledges more than it got must not look fast.
func TestFleetRefusesTooManyAcks(t *testing.T) {
	f := connected(t, serve(t, append(board.RawAnswer(), board.RawAnswer()...)), 1)
	if err := f.SetLoad(load.Load{Window: 1}); err != nil {
		t.Fatal(err)
	}
	_, err := f.Run(t.Context(), 10*time.Second)
	if err == nil || !strings.Contains(err.Error(), "acknowledged reading") {
		t.Errorf("error %v, want one about the acknowledgement", err)
	}
}

func TestFleetReportsClosedConnection(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f := connected(t, ln.Addr().String(), 1)
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := f.Run(t.Context(), 10*time.Second); err == nil {
		t.Error("no error from a connection that the server closed")
	}
}

// A server that accepts and says nothing is given up.
func TestDrainGivesUp(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f := connected(t, ln.Addr().String(), 1)
	if err := f.SetLoad(load.Load{Window: 1}); err != nil {
		t.Fatal(err)
	}
	if err := f.Drain(t.Context(), 50*time.Millisecond); err == nil {
		t.Error("no error although nothing was acknowledged")
	}
}

func TestConnectHonoursContext(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f, err := load.NewFleet(ln.Addr().String(), 1, board.NewWebSocket)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := f.Connect(ctx, 1); err == nil {
		t.Error("no error although the handshake was never answered")
	}
}
