//go:build suites && linux

package host

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"vaiven/test/firmware/boardtest"
)

// patience is for what takes milliseconds when nothing hangs.
const patience = 2 * time.Minute

func TestMain(m *testing.M) { os.Exit(boardtest.Main(m)) }

// probe starts the probe sketch and waits until it has Wi-Fi.
func probe(t *testing.T, addr string, env ...string) *boardtest.Board {
	t.Helper()
	program := boardtest.Build(t, "test/firmware/host/testdata/probe")
	b := boardtest.New(t, program, addr, append([]string{"BOARD_SPEED=50"}, env...)...)
	b.Start()
	prints(t, b, "ready", 1)
	return b
}

// prints waits until the sketch has printed n lines that begin so.
func prints(t *testing.T, b *boardtest.Board, line string, n int) []boardtest.Event {
	t.Helper()
	return b.Wait(patience, n, "serial", func(e boardtest.Event) bool { return strings.HasPrefix(e.Text, line) })
}

// peer is one connection of a board's, read on the server's side byte by byte.
type peer struct {
	t       *testing.T
	conn    net.Conn
	in      *bufio.Reader
	request []string // lines of the request's head
	key     string   // its Sec-WebSocket-Key
}

// listen opens a port; accept takes the board's next connection there.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(2 * patience)) // a board that never dials
	return l
}

// accept reads the request and answers with 101.
func accept(t *testing.T, l net.Listener) *peer {
	t.Helper()
	p := request(t, l)
	p.write(upgraded(p.key))
	return p
}

// request reads the request alone.
func request(t *testing.T, l net.Listener) *peer {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	p := &peer{t: t, conn: conn, in: bufio.NewReader(conn)}
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line = strings.TrimSuffix(line, "\r\n"); line == "" {
			break
		}
		p.request = append(p.request, line)
		if k, ok := strings.CutPrefix(line, "Sec-WebSocket-Key: "); ok {
			p.key = k
		}
	}
	return p
}

// upgraded is the answer to a request with this key.
func upgraded(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
}

func (p *peer) write(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, s); err != nil {
		p.t.Fatal(err)
	}
}

// frame is one masked frame of the board's.
type frame struct {
	first   byte
	mask    [4]byte
	payload string
}

// read returns the board's next frame.
func (p *peer) read() (f frame) {
	p.t.Helper()
	var head [2]byte
	p.fill(head[:])
	n := int(head[1] & 0x7f)
	if n == 126 {
		var more [2]byte
		p.fill(more[:])
		n = int(binary.BigEndian.Uint16(more[:]))
	}
	if head[1]&0x80 == 0 || n == 127 {
		p.t.Fatalf("a frame that begins % x", head)
	}
	f.first = head[0]
	p.fill(f.mask[:])
	payload := make([]byte, n)
	p.fill(payload)
	for i := range payload {
		payload[i] ^= f.mask[i%4]
	}
	f.payload = string(payload)
	return f
}

func (p *peer) fill(b []byte) {
	p.t.Helper()
	if _, err := io.ReadFull(p.in, b); err != nil {
		p.t.Fatal(err)
	}
}

// send writes an unmasked frame shorter than 126 bytes.
func (p *peer) send(first byte, payload string) {
	p.t.Helper()
	p.write(string([]byte{first, byte(len(payload))}) + payload)
}
