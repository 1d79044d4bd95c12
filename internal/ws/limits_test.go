package ws_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven/internal/ws"
)

// heap is how much the heap holds, without garbage.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A header that promises much allocates nothing.
func TestPromisesAllocateNothing(t *testing.T) {
	s := start(t, modes[0], ws.Options{MaxMessage: 1 << 30}, echoing)
	before := heap()
	for range 50 {
		c := s.dial()
		conn := <-s.live
		seen := conn.LastSeen()
		c.write([]byte{fin | opBinary, 0xFF, 0, 0, 0, 0, 0x3F, 0, 0, 0, 1, 2, 3, 4, 'x', 'y', 'z'})
		eventually(t, "the bytes are taken", func() bool { return conn.LastSeen().After(seen) })
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("50 promises of 1 GiB hold %d bytes", grown)
	}
}

// Endless fragments end at MaxMessage, empty ones at their number.
func TestEndlessFragments(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{MaxMessage: 64 << 10}, echoing)
			for _, tc := range []struct {
				piece string
				want  string
			}{{strings.Repeat("x", 100), "close 1009"}, {"x", "close 1009"}, {"", "close 1008"}} {
				c := s.dial()
				done := make(chan struct{})
				go func() {
					defer close(done)
					b := masked(opBinary, tc.piece)
					burst := bytes.Repeat(masked(opCont, tc.piece), 500)
					for range 400 {
						if _, err := c.Conn.Write(b); err != nil {
							return
						}
						b = burst
					}
				}()
				if got := c.frame(); got != tc.want {
					t.Errorf("fragments of %d bytes: got %q, want %q", len(tc.piece), got, tc.want)
				}
				_ = c.Close()
				<-done
				_ = s.end()
			}
		})
	}
}

// A client that never reads loses its connection with ErrSlow; the others do
// not notice.
func TestSlowReaderIsDropped(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{MaxQueue: 64 << 10}, echoing)
			slow := s.dial()
			conn := <-s.live
			other := s.dial()
			<-s.live
			payload := bytes.Repeat([]byte("x"), 8<<10)
			var err error
			for i := 0; err == nil && i < 10000; i++ {
				err = conn.Write(ws.Binary, payload)
				if i%100 == 0 {
					echoes(t, other)
				}
			}
			if !errors.Is(err, ws.ErrSlow) {
				t.Fatalf("Write: %v", err)
			}
			if err := s.end(); !errors.Is(err, ws.ErrSlow) {
				t.Errorf("Serve returned %v", err)
			}
			echoes(t, other)
			_, _ = io.Copy(io.Discard, slow) // ends: the socket is gone
		})
	}
}

func echoes(t *testing.T, c *client) {
	t.Helper()
	c.write(masked(fin|opText, "hola"))
	if got := c.frame(); got != `text "hola"` {
		t.Fatalf("got %q", got)
	}
}

// A client that stops reading, with less than MaxQueue waiting for it, is
// dropped after WriteTimeout.
func TestWriteTimeout(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{WriteTimeout: 100 * time.Millisecond, MaxQueue: 1 << 30}, echoing)
			c := s.dial()
			conn := <-s.live
			if err := conn.Write(ws.Binary, make([]byte, 64<<20)); err != nil {
				t.Fatal(err)
			}
			if err := s.end(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Serve returned %v", err)
			}
			_, _ = io.Copy(io.Discard, c)
		})
	}
}

// A client that reads slowly gets everything, in order, from several writers.
func TestSlowButReading(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{MaxQueue: 1 << 30}, echoing)
			c := s.dial()
			conn := <-s.live
			const writers, each = 4, 300
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := range each {
						if err := conn.Write(ws.Text, fmt.Appendf(nil, "%d %d %s", w, i, strings.Repeat("x", 5000))); err != nil {
							t.Errorf("Write: %v", err)
						}
					}
				})
			}
			wg.Wait()
			conn.Close(1000, "")
			var next [writers]int
			for {
				f := c.frame()
				var w, i int
				if n, _ := fmt.Sscanf(f, `text "%d %d `, &w, &i); n != 2 {
					if f != "close 1000" {
						t.Errorf("got %q", f)
					}
					break
				}
				if i != next[w] {
					t.Fatalf("writer %d: message %d, want %d", w, i, next[w])
				}
				next[w]++
			}
			if next != [writers]int{each, each, each, each} {
				t.Errorf("received %v", next)
			}
		})
	}
}

// A client that floods a full socket with pings, and reads no pong, costs
// bounded memory, and is dropped.
func TestPingFlood(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{WriteTimeout: time.Second}, echoing)
			c := s.dial()
			if err := (<-s.live).Write(ws.Binary, make([]byte, 32<<20)); err != nil {
				t.Fatal(err)
			}
			burst := bytes.Repeat(masked(fin|opPing, strings.Repeat("p", 125)), 500)
			before := heap()
			var err error
			for i := 0; err == nil; i++ {
				_, err = c.Conn.Write(burst)
				if i == 100 {
					if grown := heap() - before; grown > 8<<20 {
						t.Errorf("holds %d bytes", grown)
					}
				}
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("a client that reads no pong is still connected")
			}
			if err := s.end(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Serve returned %v", err)
			}
		})
	}
}

// Pings are answered in order; some may be passed over for later ones, but
// never the last.
func TestLatestPingIsAnswered(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{}, echoing)
			c := s.dial()
			const n = 20000
			go func() {
				var b []byte
				for i := range n {
					b = append(b, masked(fin|opPing, fmt.Sprint(i+1))...)
				}
				_, _ = c.Conn.Write(b)
			}()
			last, want := 0, fmt.Sprintf("pong %q", fmt.Sprint(n))
			for f := ""; f != want; {
				f = c.frame()
				var i int
				if _, err := fmt.Sscanf(f, `pong "%d"`, &i); err != nil || i <= last {
					t.Fatalf("got %s after %d", f, last)
				}
				last = i
			}
		})
	}
}

// A silent peer is pinged; one that answers stays, one that does not is
// dropped. (Half-open: its machine is gone, nothing ever arrives.)
func TestSilence(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{PingAfter: 30 * time.Millisecond, IdleTimeout: 300 * time.Millisecond}, echoing)
			gone := s.dial()
			<-s.live
			alive := s.dial()
			conn := <-s.live
			seen := conn.LastSeen()
			for range 15 {
				if got := alive.frame(); got != `ping ""` {
					t.Fatalf("got %q", got)
				}
				alive.write(masked(fin|opPong, ""))
			}
			if err := s.end(); !errors.Is(err, ws.ErrIdle) {
				t.Errorf("Serve returned %v", err)
			}
			if got := gone.frame(); got != `ping ""` {
				t.Errorf("got %q", got)
			}
			if got := gone.frame(); strings.HasPrefix(got, "ping") {
				t.Errorf("got %q: pinged twice in one silence", got)
			}
			if !conn.LastSeen().After(seen) {
				t.Error("a pong is no sign of life")
			}
			if got := alive.frame(); got != `ping ""` {
				t.Fatalf("got %q", got)
			}
			alive.write(masked(fin|opPong, ""))
			echoes(t, alive)
		})
	}
}

func TestPing(t *testing.T) {
	s := start(t, modes[0], ws.Options{}, echoing)
	c := s.dial()
	conn := <-s.live
	seen := conn.LastSeen()
	conn.Ping()
	if got := c.frame(); got != `ping ""` {
		t.Fatalf("got %q", got)
	}
	c.write(masked(fin|opPong, ""))
	eventually(t, "the pong is seen", func() bool { return conn.LastSeen().After(seen) })
}

// A handler that blocks longer than IdleTimeout does not make its peer look
// dead: what the peer sent meanwhile was just not read.
func TestBlockedHandlerIsNotSilence(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			release := make(chan struct{})
			s := start(t, m, ws.Options{PingAfter: -1, IdleTimeout: 100 * time.Millisecond}, func(c *ws.Conn) ws.Handler {
				first := true
				return messageFunc(func(op ws.Op, p []byte) {
					if first {
						first = false
						<-release
					}
					_ = c.Write(op, p)
				})
			})
			c := s.dial()
			conn := <-s.live
			c.write(masked(fin|opText, "1"))
			eventually(t, "the handler blocks past the deadline", func() bool {
				return time.Since(conn.LastSeen()) > 150*time.Millisecond
			})
			c.write(masked(fin|opText, "2"))
			close(release)
			if got := []string{c.frame(), c.frame()}; !slices.Equal(got, []string{`text "1"`, `text "2"`}) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// What a peer sent before it broke off is delivered, even when answers to it
// can no longer be written.
func TestLastWordsAreDelivered(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			var mu sync.Mutex
			got := 0
			gate := make(chan struct{})
			s := start(t, m, ws.Options{}, func(c *ws.Conn) ws.Handler {
				return messageFunc(func(op ws.Op, p []byte) {
					<-gate
					mu.Lock()
					got++
					mu.Unlock()
					_ = c.Write(op, p)
				})
			})
			c := s.dial()
			c.write(bytes.Repeat(masked(fin|opText, strings.Repeat("x", 90)), 500))
			_ = c.Close()
			close(gate)
			_ = s.end()
			if got != 500 {
				t.Errorf("%d of 500 messages delivered", got)
			}
		})
	}
}
