package ws_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven/internal/ws"
)

// legal is section 7.4 and the IANA registry, written down a second time.
func legal(code int) bool {
	return slices.Contains([]int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}, code) ||
		code >= 3000 && code < 5000
}

// codes are all from 0 to 5000 for the first mode, and in the others every
// boundary and a sample.
func codes(m mode) []int {
	var all []int
	for c := range 5001 {
		edge := c != 0 && legal(c) != legal(c-1) || legal(c) != legal(c+1)
		if m == modes[0] || edge || c%97 == 0 {
			all = append(all, c)
		}
	}
	return append(all, 9999, 32767, 32768, 65535)
}

func TestCloseCodes(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{}, echoing)
			todo := make(chan int)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for code := range todo {
						want := "close 1002"
						if legal(code) {
							want = fmt.Sprint("close ", code)
						}
						if got := s.goodbye(uint16(code)); got != want {
							t.Errorf("code %d: got %q, want %q", code, got, want)
						}
					}
				})
			}
			for _, c := range codes(m) {
				todo <- c
			}
			close(todo)
			wg.Wait()
		})
	}
}

// goodbye closes a fresh connection with the code and says what comes back.
func (s *server) goodbye(code uint16) string {
	c := s.dial()
	defer c.Close()
	c.write(closing(code, ""))
	return strings.Join(c.frames(), " ")
}

func TestPeerCloseIsReported(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{}, echoing)
			for _, tc := range []struct {
				in   []byte
				want ws.CloseError
			}{
				{closing(4001, "adiós"), ws.CloseError{Code: 4001, Reason: "adiós"}},
				{masked(fin|opClose, ""), ws.CloseError{Code: ws.StatusNone}},
				{masked(fin|opClose, "x"), ws.CloseError{Code: ws.StatusProtocol, Reason: "close frame with half a code", Local: true}},
			} {
				c := s.dial()
				c.write(tc.in)
				_ = c.frames()
				_ = c.Close()
				var ce *ws.CloseError
				if err := s.end(); !errors.As(err, &ce) || *ce != tc.want {
					t.Errorf("Serve returned %v, want %v", err, &tc.want)
				}
			}
		})
	}
}

// The server begins: its frame comes behind what was written, nothing can be
// written behind it, and messages that still arrive are dropped.
func TestServerCloses(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{}, func(c *ws.Conn) ws.Handler {
				return messageFunc(func(ws.Op, []byte) {
					_ = c.Write(ws.Text, []byte("last"))
					c.Close(1000, "50 readings received")
					c.Close(1001, "the first call counts")
					if err := c.Write(ws.Text, []byte("late")); !errors.Is(err, ws.ErrClosed) {
						t.Errorf("Write after Close: %v", err)
					}
				})
			})
			c := s.dial()
			c.write(join(masked(fin|opText, "1"), masked(fin|opText, "2")))
			if got := []string{c.frame(), c.frame()}; !slices.Equal(got, []string{`text "last"`, "close 1000"}) {
				t.Errorf("got %q", got)
			}
			c.write(join(masked(fin|opPing, ""), masked(fin|opText, "3"), closing(1000, "")))
			if got := c.frames(); len(got) != 0 {
				t.Errorf("after the close frame: %q", got)
			}
			_ = c.Close()
			var ce *ws.CloseError
			if err := s.end(); !errors.As(err, &ce) || *ce != (ws.CloseError{Code: 1000, Reason: "50 readings received", Local: true}) {
				t.Errorf("Serve returned %v", err)
			}
		})
	}
}

// A reason longer than a close frame is cut at a character's edge.
func TestLongReasonIsCut(t *testing.T) {
	s := start(t, modes[0], ws.Options{}, func(c *ws.Conn) ws.Handler {
		c.Close(1008, strings.Repeat("ñ", 100))
		return messageFunc(func(ws.Op, []byte) {})
	})
	c := s.dial()
	h := make([]byte, 2)
	if _, err := c.br.Read(h); err != nil {
		t.Fatal(err)
	}
	if h[0] != fin|opClose || h[1] != 2+122 {
		t.Errorf("header %x, want 122 bytes of reason", h)
	}
}

// A peer that does not answer the close frame is given up.
func TestCloseTimeout(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{CloseTimeout: 50 * time.Millisecond}, echoing)
			c := s.dial()
			(<-s.live).Close(1001, "")
			if got := c.frames(); !slices.Equal(got, []string{"close 1001"}) {
				t.Errorf("got %q", got)
			}
			var ce *ws.CloseError
			if err := s.end(); !errors.As(err, &ce) || ce.Code != 1001 || !ce.Local {
				t.Errorf("Serve returned %v", err)
			}
		})
	}
}

// A peer that goes on sending after an error still gets the close frame, and
// is cut off in the end.
func TestErrorInTheMiddleOfAFlood(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{MaxMessage: limit, CloseTimeout: 200 * time.Millisecond}, echoing)
			c := s.dial()
			stop := make(chan struct{})
			go func() {
				defer close(stop)
				flood := masked(fin|opBinary, strings.Repeat("x", 1<<20))
				for {
					if _, err := c.Conn.Write(flood); err != nil {
						return
					}
				}
			}()
			if got := c.frame(); got != "close 1009" {
				t.Errorf("got %q", got)
			}
			var ce *ws.CloseError
			if err := s.end(); !errors.As(err, &ce) || ce.Code != 1009 {
				t.Errorf("Serve returned %v", err)
			}
			<-stop
		})
	}
}

func TestKill(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{}, echoing)
			c := s.dial()
			conn := <-s.live
			conn.Kill()
			conn.Kill()
			if err := s.end(); !errors.Is(err, ws.ErrKilled) {
				t.Errorf("Serve returned %v", err)
			}
			if got := c.frame(); strings.HasPrefix(got, "close") {
				t.Errorf("got %q", got)
			}
			if err := conn.Write(ws.Text, nil); !errors.Is(err, ws.ErrClosed) {
				t.Errorf("Write: %v", err)
			}
			conn.Close(1000, "")
			conn.Ping()
		})
	}
}

// Kill from inside the handler does not wait for the handler.
func TestKillFromHandler(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{}, func(c *ws.Conn) ws.Handler {
				return messageFunc(func(ws.Op, []byte) { c.Kill() })
			})
			c := s.dial()
			c.write(join(masked(fin|opText, "1"), masked(fin|opText, "2")))
			if err := s.end(); !errors.Is(err, ws.ErrKilled) {
				t.Errorf("Serve returned %v", err)
			}
		})
	}
}
