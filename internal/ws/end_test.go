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
			closing := make(chan *ws.Conn, 1)
			s := start(t, m, ws.Options{CloseTimeout: 2 * time.Second}, func(c *ws.Conn) ws.Handler {
				closing <- c
				return discard{}
			})
			c := s.dial()
			defer c.Close()
			(<-closing).Close(ws.StatusGoingAway, "")
			c.write(text("still talking"))
			if _, err := io.ReadAll(c); err != nil {
				t.Errorf("the end is %v, want EOF", err)
			}
		})
	}
}

type discard struct{}

func (discard) Message(ws.Op, []byte) {}
