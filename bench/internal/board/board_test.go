package board

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"vaiven/bench/internal/frame"
	"vaiven/bench/internal/load"
)

const fin, masked = 0x80, 0x80

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
func unmask(t *testing.T, b []byte) (op byte, payload []byte) {
	t.Helper()
	if b[0]&fin == 0 || b[1]&masked == 0 {
		t.Fatalf("head % x: want FIN and MASK", b[:2])
	}
	n, head := int(b[1]&0x7f), 2
	if n == 126 {
		n, head = int(b[2])<<8|int(b[3]), 4
	}
	if len(b) != head+4+n {
		t.Fatalf("frame of %d bytes says it has %d", len(b), head+4+n)
	}
	key := b[head : head+4]
	payload = bytes.Clone(b[head+4:])
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	return b[0] & 0xf, payload
}

// said is a text frame of a server.
func said(s string) []byte { return append([]byte{fin | frame.Text, byte(len(s))}, s...) }

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
	busy := said(`{"ERROR":"keep them","CODE":"busy","IDDEVICE":"b00003","RETRY":5000}`)
	if _, out, news, err := w.Receive(busy, nil); err != nil || news != (load.News{}) {
		t.Errorf("busy: %+v, %v", news, err)
	} else if _, again := unmask(t, out); !bytes.Equal(again, hello) {
		t.Errorf("to a busy server it says %s", again)
	}
	_, _, news, err := w.Receive(said(`{"WELCOME":1,"IDDEVICE":"b00003","BOOT":"9f3c02aa","ACK":0,"NOW":1795333377000}`), nil)
	if !news.Greeted || err != nil {
		t.Errorf("welcome: %+v, %v", news, err)
	}
	for _, text := range []string{`{"IDDEVICE":"b00003","BOOT":"9f3c02aa","ACK":17}`, `{"IDDEVICE": "b00003", "ACK": 17}`} {
		if _, _, news, err = w.Receive(said(text), nil); news.Acked != 17 || err != nil {
			t.Errorf("%s: %+v, %v", text, news, err)
		}
	}
	if _, _, _, err = w.Receive(said(`{"ERROR":"no","CODE":"busy"}`), nil); err == nil || !strings.Contains(err.Error(), "busy") {
		t.Errorf("refusal: %v", err)
	}
}

// A board reports what it was told, under the REV that it was told; an older
// one is history.
func TestWebSocketObeys(t *testing.T) {
	w := NewVaiven(3).(*WebSocket)
	w.open, w.id.Boot = true, "9f3c02aa"
	for _, c := range []struct{ desired, report string }{
		{`{"IDDEVICE":"b00003","LED":1,"REV":7}`, `{"IDDEVICE":"b00003","BOOT":"9f3c02aa","LED":1,"REV":7}`},
		{`{"IDDEVICE":"b00003","LED":0,"REV":6}`, ""},
		{`{"IDDEVICE":"b00003","DIM":0.5,"LED":0,"REV":12,"UNTIL":9}`, `{"IDDEVICE":"b00003","BOOT":"9f3c02aa","DIM":0.5,"LED":0,"REV":12}`},
		{`{"IDDEVICE":"b00004","LED":0,"REV":13}`, ""},
	} {
		_, out, news, err := w.Receive(said(c.desired), nil)
		if err != nil || news != (load.News{}) {
			t.Errorf("%s: %+v, %v", c.desired, news, err)
		}
		got := ""
		if len(out) > 0 {
			_, p := unmask(t, out)
			got = string(p)
		}
		if got != c.report {
			t.Errorf("%s: reported %q, want %q", c.desired, got, c.report)
		}
	}
}

func TestWebSocketAnswersPing(t *testing.T) {
	w := &WebSocket{open: true, key: [4]byte{9, 8, 7, 6}}
	used, out, _, err := w.Receive([]byte{fin | frame.Ping, 2, 'h', 'i'}, nil)
	if used != 4 || err != nil {
		t.Fatalf("used %d, %v", used, err)
	}
	if op, payload := unmask(t, out); op != frame.Pong || string(payload) != "hi" {
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

// A sensor's readings have one decimal and whole percents, and move by one step of
// the sensor's at most.
func TestSensorReadings(t *testing.T) {
	r, id := newRoom(3), NewIdentity(3)
	type reading struct {
		IDDEVICE  string
		SEQ       uint64
		TEMP, HUM float64
	}
	var last reading
	changed := 0
	for seq := uint64(1); seq <= 1000; seq++ {
		var got reading
		b := r.appendReading(nil, id, seq)
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if got.IDDEVICE != id.Device || got.SEQ != seq {
			t.Fatalf("%s", b)
		}
		if seq > 1 && (math.Abs(got.TEMP-last.TEMP) > 0.1001 || math.Abs(got.HUM-last.HUM) > 1) {
			t.Fatalf("%s behind %+v", b, last)
		}
		if got.TEMP != last.TEMP {
			changed++
		}
		last = got
	}
	if changed < 50 || changed > 200 {
		t.Errorf("the temperature changed %d times in 1,000 readings", changed)
	}
}
