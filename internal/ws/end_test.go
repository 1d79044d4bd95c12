package ws_test

import (
	"io"
	"testing"
	"time"

	"vaiven/internal/ws"
)

// TestOrderlyEndIsFIN: a peer that never answers the close frame, and goes on
// sending, reads the end of the stream behind it and no reset.
func TestOrderlyEndIsFIN(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			closing := make(chan *ws.Conn, 1)
			s := start(t, m, ws.Options{CloseTimeout: 6 * time.Second}, func(c *ws.Conn) ws.Handler {
				closing <- c
				return discard{}
			})
			c := s.dial()
			defer c.Close()
			(<-closing).Close(ws.StatusGoingAway, "")
			if _, err := io.ReadAll(c.br); err != nil {
				t.Fatalf("the end is %v, want EOF", err)
			}
			for range 3 { // half of the end is left, in which it is listened to
				c.write(masked(0x81, "still talking"))
			}
		})
	}
}

type discard struct{}

func (discard) Message(ws.Op, []byte) {}
