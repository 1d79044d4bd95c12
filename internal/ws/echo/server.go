package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"vaiven/internal/ws"
)

// server accepts WebSockets on every path, and sends back what they send.
type server struct {
	options ws.Options

	wg    sync.WaitGroup // the connections
	mu    sync.Mutex
	conns map[*ws.Conn]struct{}
	over  bool // whoever comes now is sent away
}

// serve runs until ctx is over; then it says goodbye to every connection, and
// waits for them.
func (s *server) serve(ctx context.Context, ln net.Listener, report time.Duration) error {
	s.conns = make(map[*ws.Conn]struct{})
	hs := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- hs.Serve(ln) }()
	var tick <-chan time.Time
	if report > 0 {
		t := time.NewTicker(report)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case err := <-failed:
			return err
		case <-tick:
			fmt.Fprintf(os.Stderr, "echo: %d connections, %s resident\n", s.count(), resident())
		case <-ctx.Done():
			err := hs.Close()
			if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
				err = errors.Join(err, e)
			}
			s.goodbye()
			s.wg.Wait()
			return err
		}
	}
}

// ServeHTTP accepts a connection and lets it go on by itself, so that
// net/http's goroutine is freed.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := ws.Accept(w, r, &s.options)
	if err != nil {
		return // answered already
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		c.Kill()
		return
	}
	s.conns[c] = struct{}{}
	s.wg.Add(1)
	c.Start(echo{c}, func(error) { // how it ends is the peer's affair
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		s.wg.Done()
	})
}

func (s *server) goodbye() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for c := range s.conns {
		c.Close(ws.StatusGoingAway, "server shutting down")
	}
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

type echo struct{ c *ws.Conn }

// Message sends the message back. A peer that does not read loses its
// connection; the read loop sees that.
func (e echo) Message(op ws.Op, p []byte) { _ = e.c.Write(op, p) }

// resident is the process's resident memory, as the kernel words it.
func resident() string {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	for line := range bytes.Lines(b) {
		if v, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			return string(bytes.TrimSpace(v))
		}
	}
	return "unknown"
}
