package board

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strconv"

	"vaiven/bench/internal/frame"
	"vaiven/bench/internal/load"
)

// WebSocket is a board on WebSocket: masked text frames with one reading each.
type WebSocket struct {
	id    Identity
	key   [4]byte // one masking key a connection; the server unmasks all the same
	hello bool
	open  bool
	rev   uint64 // of the last desired state that it took
	room  *room  // what its sensor sees; nil: digits that change

	greeted bool // the server has welcomed it
}

// NewWebSocket returns what board i says to a server that knows readings only.
func NewWebSocket(i int) load.Protocol { return newWebSocket(i, false) }

// NewVaiven returns what board i says to vaiven: HELLO first, and what its
// states are when it was told what they ought to be.
func NewVaiven(i int) load.Protocol { return newWebSocket(i, true) }

// NewSensor returns what board i says to vaiven with values as a DHT11's in a room:
// they drift, and are the same as the last ones most of the time. It is for figures
// that depend on how well values can be packed.
func NewSensor(i int) load.Protocol {
	w := newWebSocket(i, true)
	w.room = newRoom(i)
	return w
}

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
	out = frame.Begin(out, frame.Text)
	out = append(out, `{"HELLO":1,`...)
	out = w.id.appendTo(out)
	out = append(out, `,"OLDEST":1,"NEXT":1,"LOST":0,"UP":1000,"FW":"bench"}`...)
	return frame.End(out, begin, w.key)
}

// Reading appends a text frame with the reading.
func (w *WebSocket) Reading(out []byte, seq uint64) []byte {
	begin := len(out)
	out = frame.Begin(out, frame.Text)
	if w.room != nil {
		out = w.room.appendReading(out, w.id, seq)
	} else {
		out = w.id.appendReading(out, seq)
	}
	return frame.End(out, begin, w.key)
}

// Receive reads the answer to the handshake, then one frame at a time.
func (w *WebSocket) Receive(in, out []byte) (int, []byte, load.News, error) {
	if !w.open {
		used, err := w.handshake(in)
		return used, out, load.News{Opened: w.open}, err
	}
	op, payload, used := frame.Split(in)
	if used == 0 {
		return 0, out, load.News{}, nil
	}
	switch op {
	case frame.Text:
		if !w.greeted && isBusy(payload) { // it waited for its disk before it said so
			return used, w.Greet(out), load.News{}, nil
		}
		news, err := understand(payload)
		w.greeted = w.greeted || news.Greeted
		if err == nil && news == (load.News{}) {
			out = w.obey(out, payload)
		}
		return used, out, news, err
	case frame.Ping:
		begin := len(out)
		out = append(frame.Begin(out, frame.Pong), payload...)
		return used, frame.End(out, begin, w.key), load.News{}, nil
	case frame.Pong:
		return used, out, load.News{}, nil
	case frame.Close:
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
	keyRev     = []byte(`,"REV":`)
	keyError   = []byte(`{"ERROR"`)
	keyBye     = []byte(`{"BYE"`)
	keyBusy    = []byte(`"CODE":"busy"`)
)

// isBusy reports whether the server says that it takes nothing just now. A board is told
// to come again; what is measured has not begun with its greeting.
func isBusy(p []byte) bool { return bytes.HasPrefix(p, keyError) && bytes.Contains(p, keyBusy) }

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
		return load.News{}, nil
	}
	return load.News{Acked: number(p[i+len(keyAck):])}, nil
}

// obey takes desired state as a board does: applied at once, and reported under
// its REV; an older REV is history. Deadlines are not looked at, since nobody
// sets any here.
func (w *WebSocket) obey(out, p []byte) []byte {
	_, states, ok := bytes.Cut(p, []byte(`"IDDEVICE":"`+w.id.Device+`",`))
	states, rest, hasRev := bytes.Cut(states, keyRev)
	if !ok || !hasRev || number(rest) < w.rev {
		return out
	}
	w.rev = number(rest)
	begin := len(out)
	out = append(frame.Begin(out, frame.Text), '{')
	out = append(w.id.appendTo(out), ',')
	out = append(out, states...)
	out = append(out, keyRev...)
	out = append(strconv.AppendUint(out, w.rev, 10), '}')
	return frame.End(out, begin, w.key)
}

// number reads the digits at the beginning of p, behind spaces.
func number(p []byte) (n uint64) {
	for _, c := range bytes.TrimLeft(p, " ") {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}
