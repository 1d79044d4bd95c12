package ws_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"vaiven/internal/ws"
)

// patience bounds every wait of the tests. Nothing takes as long when it works.
const patience = 2 * time.Minute

// mode is a way in which a connection is read.
type mode struct {
	name     string
	buffered bool
	tls      bool
	start    bool // Start, not Serve
}

var modes = []mode{
	{name: "parking"},
	{name: "parking/start", start: true},
	{name: "buffered", buffered: true, start: true},
	{name: "tls", tls: true},
}

// server is a real listener whose connections are served by handle's result.
type server struct {
	*httptest.Server
	t     testing.TB
	o     ws.Options
	wg    sync.WaitGroup
	mu    sync.Mutex
	conns map[*ws.Conn]struct{}
	ended chan error    // what each Serve returned
	live  chan *ws.Conn // accepted connections, when somebody wants them
}

// handler makes the Handler of a connection.
type handler func(*ws.Conn) ws.Handler

type messageFunc func(op ws.Op, p []byte)

func (f messageFunc) Message(op ws.Op, p []byte) { f(op, p) }

// echoing sends everything back.
func echoing(c *ws.Conn) ws.Handler {
	return messageFunc(func(op ws.Op, p []byte) { _ = c.Write(op, p) })
}

// start runs a server until the test ends.
func start(t testing.TB, m mode, o ws.Options, h handler) *server {
	t.Helper()
	o.BufferedRead = m.buffered
	s := &server{t: t, o: o, conns: make(map[*ws.Conn]struct{}), ended: make(chan error, 20000), live: make(chan *ws.Conn, 20000)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Accept(w, r, &s.o)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.live <- c
		s.wg.Add(1)
		over := func(err error) {
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
			s.ended <- err
			s.wg.Done()
		}
		if m.start {
			c.Start(h(c), over)
			return
		}
		go func() { over(c.Serve(h(c))) }()
	}))
	if m.tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.stop)
	return s
}

func (s *server) stop() {
	s.CloseClientConnections()
	s.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Kill()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// end waits for a connection's Serve to return, and says why it did.
func (s *server) end() error {
	s.t.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(patience):
		s.t.Fatal("the connection does not end")
		return nil
	}
}

// client is the other end of a connection: a socket, and nothing that knows
// about WebSockets.
type client struct {
	net.Conn
	t   testing.TB
	br  *bufio.Reader
	res *http.Response
}

const hello = "GET /ws HTTP/1.1\r\nHost: example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// connect opens a socket.
func (s *server) connect() *client {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	if s.TLS != nil {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	s.t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	return &client{Conn: nc, t: s.t, br: bufio.NewReader(nc)}
}

// dial opens a WebSocket.
func (s *server) dial() *client {
	s.t.Helper()
	c := s.connect()
	c.write([]byte(hello))
	c.response()
	if c.res.StatusCode != http.StatusSwitchingProtocols {
		s.t.Fatalf("handshake: %s", c.res.Status)
	}
	return c
}

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.Conn.Write(b); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// bytewise writes every byte in a segment of its own.
func (c *client) bytewise(b []byte) {
	c.t.Helper()
	for i := range b {
		c.write(b[i : i+1])
	}
}

func (c *client) response() {
	c.t.Helper()
	res, err := http.ReadResponse(c.br, nil)
	if err != nil {
		c.t.Fatalf("handshake: %v", err)
	}
	c.res = res
}

// frame reads one frame of the server and describes it: "text hello", "close
// 1002", "EOF". A frame that a server must not send is described as such.
func (c *client) frame() string {
	var h [10]byte
	if _, err := io.ReadFull(c.br, h[:2]); err != nil {
		if errors.Is(err, io.EOF) {
			return "EOF"
		}
		return "error " + err.Error()
	}
	if h[0]&0xF0 != 0x80 || h[1]&0x80 != 0 {
		return fmt.Sprintf("illegal header %x", h[:2])
	}
	n := uint64(h[1])
	switch n {
	case 126:
		_, _ = io.ReadFull(c.br, h[2:4])
		n = uint64(binary.BigEndian.Uint16(h[2:]))
	case 127:
		_, _ = io.ReadFull(c.br, h[2:10])
		n = binary.BigEndian.Uint64(h[2:])
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(c.br, p); err != nil {
		return "cut frame: " + err.Error()
	}
	return describe(h[0]&0x0F, p)
}

func describe(op byte, p []byte) string {
	switch op {
	case opClose:
		if len(p) < 2 {
			return "close"
		}
		return fmt.Sprintf("close %d", binary.BigEndian.Uint16(p))
	case opText, opBinary, opPing, opPong:
		name := map[byte]string{opText: "text", opBinary: "binary", opPing: "ping", opPong: "pong"}[op]
		return brief(fmt.Sprintf("%s %q", name, p))
	}
	return fmt.Sprintf("opcode %d", op)
}

// brief keeps the ends of long lines.
func brief(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%s...%s (%d)", s[:80], s[len(s)-80:], len(s))
	}
	return s
}

// frames reads until the server has ended the stream.
func (c *client) frames() []string {
	var got []string
	for {
		f := c.frame()
		if f == "EOF" {
			return got
		}
		got = append(got, f)
		if len(f) > 5 && f[:5] == "error" {
			return got
		}
	}
}

const (
	opCont   = 0
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
	fin      = 0x80
)

// masked builds a client's frame: b0 is FIN, RSV and opcode.
func masked(b0 byte, payload string) []byte {
	b := []byte{b0}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xFFFF:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	key := [4]byte{0x37, 0xFA, 0x21, 0x3D}
	b = append(b, key[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return b
}

// closing builds a client's close frame.
func closing(code uint16, reason string) []byte {
	return masked(fin|opClose, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// join puts frames into one stream.
func join(frames ...[]byte) []byte {
	var b []byte
	for _, f := range frames {
		b = append(b, f...)
	}
	return b
}
