package board

import (
	"bytes"
	"crypto/rand"
	"fmt"

	"vaiven/bench/internal/load"
)

// WebSocket is a board on WebSocket: masked text frames with one reading each.
type WebSocket struct {
	id    Identity
	key   [4]byte // one masking key a connection; the server unmasks all the same
	hello bool
	open  bool
}

// NewWebSocket returns what board i says to a server that knows readings only.
func NewWebSocket(i int) load.Protocol { return newWebSocket(i, false) }

// NewVaiven returns what board i says to vaiven: HELLO first.
func NewVaiven(i int) load.Protocol { return newWebSocket(i, true) }

func newWebSocket(i int, hello bool) *WebSocket {
	w := &WebSocket{id: NewIdentity(i), hello: hello}
	_, _ = rand.Read(w.key[:])
	return w
}

// Open appends the opening handshake of RFC 6455, section 4.1, with the
// headers of the course's Arduino library. The key is constant: that it is
// answered rightly is for the server's own tests.
func (w *WebSocket) Open(out []byte) []byte {
	return append(out, "GET / HTTP/1.1\r\n"+
		"Host: 127.0.0.1\r\n"+
		"Connection: Upgrade\r\n"+
		"Upgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
		"Sec-WebSocket-Protocol: arduino\r\n"+
		"Origin: file://\r\n"+
		"User-Agent: arduino-WebSocket-Client\r\n\r\n"...)
}

// Greet appends HELLO, for a board that has just started and holds nothing.
func (w *WebSocket) Greet(out []byte) []byte {
	if !w.hello {
		return out
	}
	begin := len(out)
	out = beginFrame(out, opText)
	out = append(out, `{"HELLO":1,`...)
	out = w.id.appendTo(out)
	out = append(out, `,"OLDEST":1,"NEXT":1,"LOST":0,"UP":1000,"FW":"bench"}`...)
	return endFrame(out, begin, w.key)
}

// Reading appends a text frame with the reading.
func (w *WebSocket) Reading(out []byte, seq uint64) []byte {
	begin := len(out)
	out = beginFrame(out, opText)
	out = w.id.appendReading(out, seq)
	return endFrame(out, begin, w.key)
}

// Receive reads the answer to the handshake, then one frame at a time.
func (w *WebSocket) Receive(in, out []byte) (int, []byte, load.News, error) {
	if !w.open {
		used, err := w.handshake(in)
		return used, out, load.News{Opened: w.open}, err
	}
	op, payload, used := splitFrame(in)
	if used == 0 {
		return 0, out, load.News{}, nil
	}
	switch op {
	case opText:
		news, err := understand(payload)
		return used, out, news, err
	case opPing:
		begin := len(out)
		out = append(beginFrame(out, opPong), payload...)
		return used, endFrame(out, begin, w.key), load.News{}, nil
	case opPong:
		return used, out, load.News{}, nil
	case opClose:
		return 0, out, load.News{}, fmt.Errorf("the server closed with %q", payload)
	}
	return 0, out, load.News{}, fmt.Errorf("unexpected frame with opcode %d", op)
}

func (w *WebSocket) handshake(in []byte) (used int, err error) {
	end := bytes.Index(in, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, nil
	}
	if !bytes.HasPrefix(in, []byte("HTTP/1.1 101 ")) {
		line, _, _ := bytes.Cut(in, []byte("\r\n"))
		return 0, fmt.Errorf("handshake refused: %s", line)
	}
	w.open = true
	return end + 4, nil
}

var (
	keyAck     = []byte(`"ACK":`)
	keyWelcome = []byte(`{"WELCOME"`)
	keyError   = []byte(`{"ERROR"`)
	keyBye     = []byte(`{"BYE"`)
)

// understand reads the server's messages as far as a load generator needs
// them; a refusal is an error, whatever its reason.
func understand(p []byte) (load.News, error) {
	switch {
	case bytes.HasPrefix(p, keyWelcome):
		return load.News{Greeted: true}, nil
	case bytes.HasPrefix(p, keyError) || bytes.HasPrefix(p, keyBye):
		return load.News{}, fmt.Errorf("the server says %s", p)
	}
	i := bytes.LastIndex(p, keyAck)
	if i < 0 {
		return load.News{}, nil // desired state: nothing that is measured
	}
	var n uint64
	for _, c := range p[i+len(keyAck):] {
		if c >= '0' && c <= '9' {
			n = n*10 + uint64(c-'0')
		}
	}
	return load.News{Acked: n}, nil
}
