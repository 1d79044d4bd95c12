//go:build suites && linux

package edge

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"vaiven/test/harness"
)

// TestClientThatNeverReads lets answers pile up on connections whose clients read
// nothing: they are dropped, and a fleet beside them is served.
func TestClientThatNeverReads(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	f := harness.NewFleet(t, s.Addr, 5)
	f.Start(t)
	before := look(t, s)
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() { neverRead(t, s.Addr, i) })
	}
	harness.Until(t, patience, "the fleet is served meanwhile", func() bool { return f.Ledger.Acked() > 2000 })
	all.Wait()
	acked := f.Ledger.Acked()
	harness.Until(t, patience, "the fleet is served afterwards", func() bool { return f.Ledger.Acked() > acked+1000 })
	if now := look(t, s); now.memory > before.memory+memory {
		t.Errorf("resident memory grew from %.0f to %.0f MiB", before.memory/(1<<20), now.memory/(1<<20))
	}
	harness.Until(t, patience, "all are dropped", func() bool { return metric(t, s, "vaiven_connections") <= 5 })
	f.Stop()
	s.Stop()
}

// neverRead sends pings, readings and their repeats until the server has had
// enough of the answers that are not read.
func neverRead(t *testing.T, addr string, i int) {
	c, err := open(addr, smallBuffer)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	again := text(`{"IDDEVICE":"deaf-%d","BOOT":"9f3c02aa","SEQ":1,"TEMP":20}`, i)
	flood := append(bytes.Repeat(frame(ws.OpPing, true, strings.Repeat("p", 125)), 200), bytes.Repeat(again, 50)...)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		if _, err := c.Write(flood); err != nil {
			return
		}
	}
	t.Errorf("client %d reads nothing and is still connected", i)
}

// TestHalfOpenSockets leaves boards behind whose power was cut: whoever comes
// under their number takes over, and the sockets do not stay.
func TestHalfOpenSockets(t *testing.T) {
	const boards = 100
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	served(t, s, "999")
	before := look(t, s)
	for i := range boards {
		c := mustOpen(t, s.Addr) // pings are not answered: nobody reads
		if _, err := c.Write(text(`{"IDDEVICE":%d,"TEMP":20}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	harness.Until(t, patience, "all have sent", func() bool { return metric(t, s, "vaiven_readings") == boards+1 })
	var all sync.WaitGroup
	for i := range boards {
		all.Go(func() {
			c, err := open(s.Addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = c.Write(text(`{"IDDEVICE":%d,"BOOT":"9f3c02aa","SEQ":1,"TEMP":21}`, i))
			if _, p, err := c.next(); err != nil || !strings.Contains(p, `"ACK":1`) {
				t.Errorf("board %d: %q, %v", i, p, err)
			}
		})
	}
	all.Wait()
	back(t, s, before)
	if got := metric(t, s, "vaiven_takeovers_total"); got != boards {
		t.Errorf("%v takeovers, want %d", got, boards)
	}
}

// TestSlowloris opens connections that never finish what they began to say.
func TestSlowloris(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	served(t, s, "001")
	before := look(t, s)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() { slow(t, s.Addr, i) })
	}
	served(t, s, "002")
	all.Wait()
	back(t, s, before)
}

// slow sends a piece of a request and then a byte now and then; the server hangs
// up in the end.
func slow(t *testing.T, addr string, i int) {
	begin := []string{"", "GET / HTTP/1.1\r\nHost: x\r\nX: ", strings.TrimSuffix(upgrade, "\r\n"),
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
		"POST /api/v1/devices/1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"}[i%5]
	c, err := connect(addr, begin)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, _ = c.Write([]byte("a"))
			case <-stop:
				return
			}
		}
	}()
	if _, err := io.Copy(io.Discard, c.r); isTimeout(err) {
		t.Errorf("still connected after %q: %v", begin, err)
	}
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}
