package board

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestReadingIsJSON(t *testing.T) {
	for _, seq := range []uint64{1, 9, 10, 49, 50, 123_456} {
		var got struct {
			IDDEVICE, BOOT string
			SEQ            uint64
			TEMP, HUM      float64
		}
		b := NewIdentity(42).appendReading(nil, seq)
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if got.IDDEVICE != "b00042" || got.SEQ != seq || got.TEMP < 20 || got.TEMP >= 30 || got.HUM < 40 || got.HUM > 89 {
			t.Errorf("%s", b)
		}
	}
}

// Raw TCP counts bytes, so that all its requests have to be as long.
func TestRawRequestsHaveOneLength(t *testing.T) {
	r := NewRaw(12_345)
	for seq := uint64(1); seq < 2000; seq++ {
		if got := len(r.Reading(nil, seq)); got != len(RawRequest()) {
			t.Fatalf("reading %d has %d bytes, want %d", seq, got, len(RawRequest()))
		}
	}
}

// unmask reads a client's frame the way a server does.
func unmask(t *testing.T, frame []byte) (op byte, payload []byte) {
	t.Helper()
	if frame[0]&fin == 0 || frame[1]&masked == 0 {
		t.Fatalf("head % x: want FIN and MASK", frame[:2])
	}
	n, head := int(frame[1]&0x7f), 2
	if n == 126 {
		n, head = int(frame[2])<<8|int(frame[3]), 4
	}
	if len(frame) != head+4+n {
		t.Fatalf("frame of %d bytes says it has %d", len(frame), head+4+n)
	}
	key := frame[head : head+4]
	payload = bytes.Clone(frame[head+4:])
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	return frame[0] & 0xf, payload
}

func TestFrames(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 125, 126, 127, 1000} {
		want := bytes.Repeat([]byte("abcdefghijk"), n)[:n]
		out := append(beginFrame([]byte("before"), opText), want...)
		out = endFrame(out, len("before"), [4]byte{1, 2, 3, 4})
		if !bytes.HasPrefix(out, []byte("before")) {
			t.Fatalf("length %d: what stood before is gone", n)
		}
		op, got := unmask(t, out[len("before"):])
		if op != opText || !bytes.Equal(got, want) {
			t.Errorf("length %d: op %d, payload %q", n, op, got)
		}
	}
}

func TestSplitFrame(t *testing.T) {
	for _, n := range []int{0, 5, 125, 126, 70_000} {
		payload := bytes.Repeat([]byte("x"), n)
		frame := []byte{fin | opText}
		switch {
		case n < 126:
			frame = append(frame, byte(n))
		case n < 1<<16:
			frame = append(frame, 126, byte(n>>8), byte(n))
		default:
			frame = append(frame, 127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		}
		frame = append(frame, payload...)
		for cut := range min(len(frame), 20) {
			if _, _, used := splitFrame(frame[:cut]); used != 0 {
				t.Errorf("length %d cut at %d: taken for complete", n, cut)
			}
		}
		_, got, used := splitFrame(append(frame, "next"...))
		if used != len(frame) || !bytes.Equal(got, payload) {
			t.Errorf("length %d: used %d of %d", n, used, len(frame))
		}
	}
}

func frame(s string) []byte { return append([]byte{fin | opText, byte(len(s))}, s...) }

func TestWebSocketConversation(t *testing.T) {
	w := NewVaiven(3)
	if used, _, news, err := w.Receive([]byte("HTTP/1.1 101 Switching"), nil); used != 0 || news.Opened || err != nil {
		t.Fatalf("half a handshake: used %d, %+v, %v", used, news, err)
	}
	answer := []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
	if used, _, news, err := w.Receive(answer, nil); used != len(answer) || !news.Opened || err != nil {
		t.Fatalf("handshake: used %d, %+v, %v", used, news, err)
	}
	_, hello := unmask(t, w.Greet(nil))
	if !json.Valid(hello) || !bytes.HasPrefix(hello, []byte(`{"HELLO":1,"IDDEVICE":"b00003"`)) {
		t.Errorf("hello %s", hello)
	}
	_, _, news, err := w.Receive(frame(`{"WELCOME":1,"IDDEVICE":"b00003","BOOT":"9f3c02aa","ACK":0,"NOW":1795333377000}`), nil)
	if !news.Greeted || err != nil {
		t.Errorf("welcome: %+v, %v", news, err)
	}
	for _, text := range []string{`{"IDDEVICE":"b00003","BOOT":"9f3c02aa","ACK":17}`, `{"IDDEVICE": "b00003", "ACK": 17}`} {
		if _, _, news, err = w.Receive(frame(text), nil); news.Acked != 17 || err != nil {
			t.Errorf("%s: %+v, %v", text, news, err)
		}
	}
	if _, _, _, err = w.Receive(frame(`{"ERROR":"no","CODE":"busy"}`), nil); err == nil || !strings.Contains(err.Error(), "busy") {
		t.Errorf("refusal: %v", err)
	}
}

func TestWebSocketAnswersPing(t *testing.T) {
	w := &WebSocket{open: true, key: [4]byte{9, 8, 7, 6}}
	used, out, _, err := w.Receive([]byte{fin | opPing, 2, 'h', 'i'}, nil)
	if used != 4 || err != nil {
		t.Fatalf("used %d, %v", used, err)
	}
	if op, payload := unmask(t, out); op != opPong || string(payload) != "hi" {
		t.Errorf("answered op %d, %q", op, payload)
	}
}

func TestMQTTPublish(t *testing.T) {
	m := NewMQTT(5)
	b := m.Reading(nil, 65_536)
	n := int(b[1]&0x7f) | int(b[2])<<7
	if b[0] != mqttPublish1 || n != len(b)-3 {
		t.Fatalf("head % x: says %d bytes follow, %d do", b[:3], n, len(b)-3)
	}
	topic := topicPrefix + "b00005"
	if got := string(b[5 : 5+len(topic)]); got != topic {
		t.Errorf("topic %q", got)
	}
	id := b[5+len(topic):]
	if id[0] != 0 || id[1] != 1 {
		t.Errorf("packet id % x after 65,535, want 1: 0 is not allowed", id[:2])
	}
	if !json.Valid(id[2:]) {
		t.Errorf("payload %s", id[2:])
	}
}

func TestMQTTAnswers(t *testing.T) {
	m := NewMQTT(5)
	if _, _, news, err := m.Receive([]byte{mqttConnack, 2, 0, 0}, nil); !news.Opened || err != nil {
		t.Fatalf("CONNACK: %+v, %v", news, err)
	}
	if _, _, news, err := m.Receive([]byte{mqttPuback, 2, 0, 1}, nil); news.Acked != 1 || err != nil {
		t.Fatalf("PUBACK: %+v, %v", news, err)
	}
	if _, _, _, err := m.Receive([]byte{mqttPuback, 2, 0, 3}, nil); err == nil {
		t.Error("a PUBACK out of order was taken")
	}
	if _, _, _, err := NewMQTT(6).Receive([]byte{mqttConnack, 2, 0, 5}, nil); err == nil {
		t.Error("a refused CONNECT was taken")
	}
}
