package server

import (
	"bufio"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
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
	if s := r.places.Stats(); s.Evicted < 600 || s.Refused != 0 || s.Taken > 600 { // some of the slow may have been too slow
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

// post sends a message of a board over HTTP, and returns the status.
func (r *running) post(message string) int {
	r.t.Helper()
	resp, err := http.Post("http://"+r.Addresses().Local+"/api/v1/readings", "application/json", strings.NewReader(message))
	if err != nil {
		r.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestMadeUpIDsStayOutOfTheCheckpoint: the table of devices, the log and the checkpoint are
// as they were, whatever ids are made up; who is known goes on, and it is said who it was.
func TestMadeUpIDsStayOutOfTheCheckpoint(t *testing.T) {
	const room, each = 50, 8 // as many as may come in one message
	o := options(t.TempDir())
	o.MaxUnverified = room
	flood := func(r *running, name string, n int) {
		for i := 0; i < n; i += each {
			var m strings.Builder
			for j := i; j < i+each; j++ {
				fmt.Fprintf(&m, `,{"IDDEVICE":"%s%d","TEMP":1}`, name, j)
			}
			r.post("[" + m.String()[1:] + "]")
		}
		r.settle()
	}
	size := func() (n int64) {
		err := filepath.WalkDir(filepath.Join(o.Data, "checkpoint"), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			n += info.Size()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	r := launch(t, o)
	flood(r, "a", 10*each)
	r.end()
	http.DefaultClient.CloseIdleConnections()
	before := size()
	if before == 0 {
		t.Fatal("there is no checkpoint")
	}
	r = launch(t, o)
	flood(r, "b", 600*each)
	if n := r.registry.Unapproved(); n != room {
		t.Errorf("%d devices, want %d", n, room)
	}
	if code := r.post(`{"IDDEVICE":"a1","TEMP":2}`); code != http.StatusOK {
		t.Errorf("who is known is answered %d", code)
	}
	if code := r.post(`{"IDDEVICE":"c1","TEMP":2}`); code != http.StatusForbidden {
		t.Errorf("who is not is answered %d", code)
	}
	until(t, "a word of it", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return strings.Contains(strings.Join(r.told, "\n"), "the server has 50 boards that nobody approved")
	})
	if why := r.strained(); len(why) != 1 || !strings.Contains(why[0], "all of before") || len(r.notReady()) != 0 {
		t.Errorf("strained %q, not ready %q", why, r.notReady())
	}
	r.end()
	http.DefaultClient.CloseIdleConnections()
	if after := size(); after > before+4096 {
		t.Errorf("the checkpoint was %d bytes and is %d", before, after)
	}
}
