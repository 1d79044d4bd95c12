//go:build suites && linux

package foreign

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// arduino is a connection as the Arduino library "WebSockets" 2.7.3 by
// Links2004 makes it, replayed on a raw socket: the request's lines in its
// order and spelling, and its three ways to write a frame.
type arduino struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// dialArduino sends the handshake of begin(host, port, "/") and checks what the
// library checks of the answer.
func dialArduino(t *testing.T, addr string) *arduino {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	var nonce [16]byte
	for i := range nonce {
		nonce[i] = byte(rand.IntN(255))
	}
	key := base64.StdEncoding.EncodeToString(nonce[:])
	lines := []string{
		"GET / HTTP/1.1",
		"Host: " + addr,
		"Connection: Upgrade",
		"Upgrade: websocket",
		"Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: " + key,
		"Sec-WebSocket-Protocol: arduino",
		"Origin: file://",
		"User-Agent: arduino-WebSocket-Client",
		"", "",
	}
	a := &arduino{t: t, conn: conn, in: bufio.NewReader(conn)}
	a.write([]byte(strings.Join(lines, "\r\n")))
	a.checkAnswer(key)
	return a
}

func (a *arduino) checkAnswer(key string) {
	a.t.Helper()
	resp, err := http.ReadResponse(a.in, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	accept := base64.StdEncoding.EncodeToString(sum[:])
	h := resp.Header
	// The library compares these whole, without regard to case.
	if resp.StatusCode != 101 || !strings.EqualFold(h.Get("Connection"), "upgrade") ||
		!strings.EqualFold(h.Get("Upgrade"), "websocket") || h.Get("Sec-WebSocket-Accept") != accept {
		a.t.Fatalf("the library would not take this answer: %s %v", resp.Status, h)
	}
	if p := h.Get("Sec-WebSocket-Protocol"); p != "arduino" || h.Get("Sec-WebSocket-Extensions") != "" {
		a.t.Fatalf("subprotocol %q, extensions %q", p, h.Get("Sec-WebSocket-Extensions"))
	}
}

func (a *arduino) write(p []byte) {
	a.t.Helper()
	if _, err := a.conn.Write(p); err != nil {
		a.t.Fatal(err)
	}
}

// sendTXT writes a text frame in one of the library's ways: a random mask in
// one write (the usual one), a mask of zeros in one write (a buffer with room in
// front), or a mask of zeros with header and payload in two writes.
func (a *arduino) sendTXT(way int, text string) {
	a.t.Helper()
	var mask [4]byte
	if way%3 == 0 {
		binary.BigEndian.PutUint32(mask[:], rand.Uint32())
	}
	head := frameHeader(0x81, len(text), mask)
	body := []byte(text)
	for i := range body {
		body[i] ^= mask[i%4]
	}
	if way%3 == 2 {
		a.write(head)
		a.write(body)
		return
	}
	a.write(append(head, body...))
}

func frameHeader(first byte, n int, mask [4]byte) []byte {
	h := []byte{first, 0x80}
	if n < 126 {
		h[1] |= byte(n)
	} else {
		h[1] |= 126
		h = binary.BigEndian.AppendUint16(h, uint16(n))
	}
	return append(h, mask[:]...)
}

// receive reads one frame of the server: whole, unmasked, at most 1 KiB, as
// small boards need it.
func (a *arduino) receive() (opcode byte, payload []byte) {
	a.t.Helper()
	var h [2]byte
	a.read(h[:])
	n := int(h[1])
	if n == 126 {
		var l [2]byte
		a.read(l[:])
		n = int(binary.BigEndian.Uint16(l[:]))
	}
	if h[0]&0x80 == 0 || h[0]&0x70 != 0 || h[1] >= 127 || n > 1024 {
		a.t.Fatalf("a frame that a board cannot take: % x, %d bytes", h, n)
	}
	payload = make([]byte, n)
	a.read(payload)
	return h[0] & 0x0f, payload
}

func (a *arduino) read(p []byte) {
	a.t.Helper()
	if _, err := io.ReadFull(a.in, p); err != nil {
		a.t.Fatal(err)
	}
}

// finish collects messages up to the close frame, answers it as the library
// does (1000, then the socket is closed), and returns what was said.
func (a *arduino) finish() (said []string, closed string) {
	a.t.Helper()
	for {
		op, p := a.receive()
		switch op {
		case 1:
			said = append(said, string(p))
		case 8:
			a.write(append(frameHeader(0x88, 2, [4]byte{}), 0x03, 0xe8))
			_ = a.conn.Close()
			return said, fmt.Sprintf("%d %s", binary.BigEndian.Uint16(p), p[2:])
		}
	}
}

// arduinoBoard sends the lines with the library's bytes.
func arduinoBoard(t *testing.T, addr string, lines []string) (said []string, closed string) {
	a := dialArduino(t, addr)
	for i, l := range lines {
		a.sendTXT(i, l)
	}
	return a.finish()
}
