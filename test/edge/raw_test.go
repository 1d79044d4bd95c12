//go:build suites && linux

package edge

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"vaiven/test/harness"
)

// patience bounds each wait; it is no measure of speed.
const patience = 2 * time.Minute

const upgrade = "GET / HTTP/1.1\r\nHost: board\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// raw is a socket that says what a test wants, byte by byte. While it listens it does
// what every board does: it answers pings, and repeats what a log that does not move
// could not take.
type raw struct {
	net.Conn
	r *bufio.Reader

	mu   sync.Mutex
	last []byte // written last
}

// Write says p.
func (c *raw) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.last = p
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// repeat says again what was said last, after a while.
func (c *raw) repeat() error {
	time.Sleep(500 * time.Millisecond)
	c.mu.Lock()
	p := c.last
	c.mu.Unlock()
	_, err := c.Conn.Write(p)
	return err
}

// smallBuffer makes the kernel keep little for a client that does not read.
func smallBuffer(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
	})
}

// connect opens a socket and sends text.
func connect(addr, text string, control ...func(string, string, syscall.RawConn) error) (*raw, error) {
	d := net.Dialer{Timeout: patience}
	if len(control) > 0 {
		d.Control = control[0]
	}
	nc, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &raw{Conn: nc, r: bufio.NewReaderSize(nc, 512)}
	_ = nc.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(nc, text)
	return c, err
}

// open makes a WebSocket.
func open(addr string, control ...func(string, string, syscall.RawConn) error) (*raw, error) {
	c, err := connect(addr, upgrade, control...)
	if err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("handshake: %s", resp.Status)
	}
	if err != nil {
		_ = c.Close()
	}
	return c, err
}

func mustOpen(t *testing.T, addr string) *raw {
	t.Helper()
	c, err := open(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// frame is one masked frame.
func frame(op ws.OpCode, fin bool, payload string) []byte {
	return ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(op, fin, []byte(payload))))
}

func text(format string, args ...any) []byte {
	return frame(ws.OpText, true, fmt.Sprintf(format, args...))
}

// next returns the next frame that the server sends, but for pings and busy.
func (c *raw) next() (ws.OpCode, string, error) {
	_ = c.SetDeadline(time.Now().Add(patience))
	for {
		h, err := ws.ReadHeader(c.r)
		if err != nil {
			return 0, "", err
		}
		if h.Length > 1024 {
			return 0, "", fmt.Errorf("the server sends %d bytes at once", h.Length)
		}
		p := make([]byte, h.Length)
		_, err = io.ReadFull(c.r, p)
		switch {
		case err == nil && h.OpCode == ws.OpPing:
			_, err = c.Conn.Write(frame(ws.OpPong, true, string(p)))
		case err == nil && strings.Contains(string(p), `"CODE":"busy"`):
			err = c.repeat()
		default:
			return h.OpCode, string(p), err
		}
		if err != nil {
			return 0, "", err
		}
	}
}

// say waits for a message that holds every part.
func (c *raw) say(t *testing.T, parts ...string) string {
	t.Helper()
next:
	for {
		op, p, err := c.next()
		if err != nil {
			t.Fatalf("waiting for %q: %v", parts, err)
		}
		for _, part := range parts {
			if op != ws.OpText || !strings.Contains(p, part) {
				continue next
			}
		}
		return p
	}
}

// closed waits for the close frame and returns its code; what comes before is
// ignored.
func (c *raw) closed() (int, error) {
	for {
		op, p, err := c.next()
		if err != nil {
			return 0, err
		}
		if op == ws.OpClose && len(p) >= 2 {
			return int(binary.BigEndian.Uint16([]byte(p))), nil
		}
	}
}

// reset ends the connection without a word, as a board does that is restarted.
func (c *raw) reset() {
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// metric reads one number of /metrics.
func metric(t *testing.T, s *harness.Server, name string) float64 {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	var resp *http.Response
	harness.Until(t, patience, "the server's numbers", func() (ok bool) {
		// A server closes on whoever takes too long to ask, as a busy machine may make us.
		req, err := http.NewRequest(http.MethodGet, "http://"+s.Addr+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		harness.Authorize(req)
		resp, err = client.Do(req)
		return err == nil
	})
	defer resp.Body.Close()
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		if v, ok := strings.CutPrefix(in.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(v, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// state is what a server holds.
type state struct{ goroutines, fds, memory float64 }

func look(t *testing.T, s *harness.Server) state {
	return state{metric(t, s, "go_goroutines"), metric(t, s, "process_open_fds"), metric(t, s, "process_resident_memory_bytes")}
}

// back waits until the server holds no more than before.
func back(t *testing.T, s *harness.Server, before state) {
	t.Helper()
	var now state
	deadline := time.Now().Add(patience)
	for {
		now = look(t, s)
		// A few come and go by themselves: the log's, and this question's own.
		if metric(t, s, "vaiven_connections") == 0 && now.goroutines <= before.goroutines+8 && now.fds <= before.fds+4 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("held before: %+v, afterwards: %+v", before, now)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// served shows that an ordinary board is served.
func served(t *testing.T, s *harness.Server, device string) {
	t.Helper()
	c := mustOpen(t, s.Addr)
	if _, err := c.Write(text(`{"IDDEVICE":%q,"BOOT":"9f3c02aa","SEQ":1,"TEMP":20}`, device)); err != nil {
		t.Fatal(err)
	}
	c.say(t, `"ACK":1`)
	_ = c.Close()
}

// number reads the integer behind key, 0 if it is not there.
func number(p, key string) (n int) {
	if _, rest, ok := strings.Cut(p, key); ok {
		_, _ = fmt.Sscanf(rest, "%d", &n)
	}
	return n
}
