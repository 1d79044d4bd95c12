package server

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// slowKinds are what a stranger may send to hold a connection: nothing, a request that
// never ends, a request and then nothing, a WebSocket that never says a word, and a body
// that never comes.
var slowKinds = []string{
	"",
	"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
	"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
	"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
	"POST /api/v1/readings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{",
}

// slowSockets opens so many connections of all kinds, and holds them until release.
func (r *running) slowSockets(n int) (release func()) {
	var all []net.Conn
	release = func() {
		for _, c := range all {
			_ = c.Close()
		}
	}
	for i := range n {
		c, err := net.Dial("tcp", r.Addresses().Local)
		if err != nil {
			r.t.Error(err)
			break
		}
		all = append(all, c)
		kind := slowKinds[i%len(slowKinds)]
		if _, err := c.Write([]byte(kind)); err != nil {
			continue // it gave way already
		}
		if strings.HasSuffix(kind, "\r\n\r\n") { // what follows an answer is another state
			if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
				_ = resp.Body.Close()
			}
		}
	}
	return release
}

// TestSlowSocketsKeepNoBoardOut has eight times as many slow sockets as there are places:
// the boards that are there go on, none is cut, and another one comes in.
func TestSlowSocketsKeepNoBoardOut(t *testing.T) {
	o := options(t.TempDir())
	o.MaxConnections, o.NoHistory = 600, true
	r := launch(t, o)
	boards := make([]*board, 50)
	for i := range boards {
		boards[i] = r.connect(100+i, 1)
	}
	over := make(chan struct{})
	var wg sync.WaitGroup
	for i, b := range boards {
		wg.Go(func() {
			for seq := 1; ; seq++ {
				b.say(`{"IDDEVICE":%d,"BOOT":"9f3c02aa","SEQ":%d,"TEMP":20}`, 100+i, seq)
				b.hears(fmt.Sprintf(`"ACK":%d}`, seq))
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	release := r.slowSockets(5000)
	defer release()
	newcomer := r.connect(900, 1)
	newcomer.say(`{"IDDEVICE":900,"BOOT":"9f3c02aa","SEQ":1,"TEMP":20}`)
	newcomer.hears(`"ACK":1}`)
	close(over)
	wg.Wait()
	if s := r.places.Stats(); s.Evicted < 4000 || s.Refused != 0 || s.Taken > 600 {
		t.Errorf("%+v", s)
	}
	until(t, "a word of who takes all places", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return strings.Contains(strings.Join(r.told, "\n"), "all places for connections are taken, 600 by 127.0.0.1")
	})
	release()
	r.end(append(boards, newcomer)...)
}
