//go:build suites && linux

package edge

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven/test/harness"
)

const (
	sessionBoards = 20
	sessionLength = 40
)

// TestSessionsAreExact runs sessions over boards that lose their connections in
// the middle of windows, and a server that is killed: each has exactly as many
// rows as were asked for.
func TestSessionsAreExact(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir(), "--readings", "40", "--session-rate", "0")
	s.StartReady()
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range sessionBoards {
		all.Go(func() { attend(t, s.Addr, 100+i, stop) })
	}
	for range 3 {
		// Quick boards may have finished before the last kill: then it comes at once.
		enough := min(metric(t, s, "vaiven_readings")+100, sessionBoards*sessionLength)
		harness.Until(t, patience, "readings", func() bool { return metric(t, s, "vaiven_readings") >= enough })
		s.Kill()
		s.StartReady()
	}
	all.Wait()
	close(stop)
	s.Stop()
	rows, err := harness.ReadCSV(s.CSV())
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	seen := map[harness.Row]bool{}
	for _, r := range rows {
		count[r.Device]++
		if r.ID, r.TimeFlag = 0, ""; seen[r] {
			t.Errorf("twice: %+v", r)
		}
		seen[r] = true
	}
	for d, n := range count {
		if n != sessionLength {
			t.Errorf("device %s has %d rows, want %d", d, n, sessionLength)
		}
	}
	if len(count) != sessionBoards {
		t.Errorf("%d devices", len(count))
	}
	harness.Verify(t, s.Data)
}

// attend is one board until it is told that its session is over. It sends
// windows under one of two BOOTs, as a board does that has a backlog from before
// its restart, and hangs up now and then.
func attend(t *testing.T, addr string, device int, stop <-chan struct{}) {
	boots := [2]string{"aaaaaaaa", "bbbbbbbb"}
	var acked [2]int
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); {
		select {
		case <-stop:
			return
		default:
		}
		if over := visitSession(addr, device, boots, &acked); over {
			return
		}
	}
	t.Errorf("board %d was never told that its session is over", device)
}

func visitSession(addr string, device int, boots [2]string, acked *[2]int) (over bool) {
	c, err := open(addr)
	if err != nil {
		time.Sleep(20 * time.Millisecond) // the server is being started again
		return false
	}
	defer c.reset()
	for range 1 + rand.IntN(6) {
		var window []string
		for k := range 8 {
			b := k / 4
			window = append(window, fmt.Sprintf(`{"IDDEVICE":%d,"BOOT":"%s","SEQ":%d,"TEMP":%d.%d}`,
				device, boots[b], acked[b]+1+k%4, acked[b]+1+k%4, b+1))
		}
		if _, err := c.Write(text("[%s]", strings.Join(window, ","))); err != nil {
			return false
		}
		if rand.IntN(3) == 0 {
			return false // what was sent is on its way
		}
		_, p, err := c.next()
		if err != nil {
			return false
		}
		for {
			if strings.Contains(p, `"BYE":"40 `) {
				return true
			}
			for b, boot := range boots {
				if n := number(p, `"ACK":`); strings.Contains(p, boot) && n > acked[b] {
					acked[b] = n
				}
			}
			if c.r.Buffered() == 0 {
				break
			}
			if _, p, err = c.next(); err != nil {
				return false
			}
		}
	}
	return false
}
