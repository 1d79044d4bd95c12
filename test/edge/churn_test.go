//go:build suites && linux

package edge

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gobwas/ws"

	"vaiven/test/harness"
)

const (
	churn = 10_000
	waves = 50 // connections at a time
)

// TestChurn connects and disconnects in every way a board knows.
func TestChurn(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	served(t, s, "001")
	before := look(t, s)
	var n atomic.Int64
	var all sync.WaitGroup
	for range waves {
		all.Go(func() {
			for i := n.Add(1); i <= churn; i = n.Add(1) {
				if err := visit(s.Addr, int(i)); err != nil {
					t.Errorf("connection %d: %v", i, err)
					return
				}
			}
		})
	}
	all.Wait()
	back(t, s, before)
	if got := metric(t, s, "vaiven_handshakes_bad_total"); got != 0 {
		t.Errorf("%v handshakes failed", got)
	}
	served(t, s, "002")
	s.Stop()
	harness.Verify(t, s.Data)
}

// visit is one connection, of the i-th kind.
func visit(addr string, i int) error {
	c, err := open(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	switch i % 8 {
	case 0: // a board that restarts
		c.reset()
	case 1: // in the middle of a frame
		_, err = c.Write(text(`{"IDDEVICE":%d,"TEMP":20}`, 100+i%300)[:9])
	case 2: // behind a reading
		_, err = c.Write(text(`{"IDDEVICE":%d,"TEMP":20}`, 100+i%300))
	case 3: // in order
		if _, err = c.Write(frame(ws.OpClose, true, "\x03\xe8")); err == nil {
			_, err = c.closed()
		}
	case 4: // behind something that is refused
		if _, err = c.Write(text("hola")); err == nil {
			_, _, err = c.next()
		}
	}
	return err
}
