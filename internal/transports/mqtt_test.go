package transports

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

// Packets as the standard's examples and Mosquitto's own clients write them.
func TestPackets(t *testing.T) {
	long := strings.Repeat("x", 321)
	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"connect":   {appendConnect(nil, "a1"), "\x10\x0e\x00\x04MQTT\x04\x02\x00\x00\x00\x02a1"},
		"subscribe": {appendSubscribe(nil, 1, "v/1"), "\x82\x08\x00\x01\x00\x03v/1\x01"},
		"publish":   {appendPublish(nil, 10, "a/b", []byte("hi")), "\x32\x09\x00\x03a/b\x00\x0ahi"},
		"long":      {appendPublish(nil, 10, "a/b", []byte(long)), "\x32\xc8\x02\x00\x03a/b\x00\x0a" + long}, // 328 = 0x48 + 2*128
		"puback":    {appendPuback(nil, 513), "\x40\x02\x02\x01"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
}

func TestReadPacket(t *testing.T) {
	for text, want := range map[string]error{
		"":                         io.EOF,
		"\x20":                     io.ErrUnexpectedEOF,
		"\x20\x02\x00":             io.ErrUnexpectedEOF,
		"\x20\x80\x80\x80\x80\x01": errMQTT, // a length of five bytes
		"\x30\xff\xff\x7f":         errMQTT, // 2 MiB
	} {
		if _, err := readPacket(bufio.NewReader(strings.NewReader(text))); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

func TestReadPublish(t *testing.T) {
	for text, want := range map[string]published{
		"\x32\x09\x00\x03a/b\x00\x0ahi": {topic: "a/b", qos: 1, id: 10, text: []byte("hi")},
		"\x3a\x07\x00\x03a/b\x00\x0a":   {topic: "a/b", qos: 1, again: true, id: 10, text: []byte{}},
		"\x30\x07\x00\x03a/bhi":         {topic: "a/b", text: []byte("hi")},
	} {
		p, err := readPacket(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if m, err := readPublish(p); err != nil || !reflect.DeepEqual(m, want) {
			t.Errorf("%q: %+v %v, want %+v", text, m, err, want)
		}
	}
	for _, text := range []string{
		"\x32\x01\x00",                   // half a length
		"\x32\x03\x00\x09a",              // a topic that is longer than the packet
		"\x32\x05\x00\x03a/b",            // no identifier
		"\x32\x07\x00\x03a/b\x00\x00",    // an identifier of 0
		"\x34\x09\x00\x03a/b\x00\x0ahi",  // QoS 2
		"\x40\x02\x00\x01",               // another packet
		"\x36\x09\x00\x03a/b\x00\x0ahi!", // QoS 3, which there is not
	} {
		p, err := readPacket(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if m, err := readPublish(p); !errors.Is(err, errMQTT) {
			t.Errorf("%q: %+v %v", text, m, err)
		}
	}
}

// FuzzPackets reads whatever comes; what is a publication is written and read
// again.
func FuzzPackets(f *testing.F) {
	f.Add(appendPublish(appendConnect(nil, "x"), 10, "a/b", []byte("hi")))
	f.Add([]byte("\x20\x02\x00\x00\x90\x03\x00\x01\x01\x40\x02\x00\x01"))
	f.Add([]byte("\x30\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := bufio.NewReader(bytes.NewReader(text))
		for {
			p, err := readPacket(r)
			if err != nil {
				return
			}
			if len(p.body) > maxPacket {
				t.Fatalf("a body of %d bytes", len(p.body))
			}
			m, err := readPublish(p)
			if err != nil || m.qos != 1 {
				continue
			}
			again, err := readPacket(bufio.NewReader(bytes.NewReader(appendPublish(nil, m.id, m.topic, m.text))))
			if err != nil {
				t.Fatal(err)
			}
			n, err := readPublish(again)
			n.again = m.again
			if err != nil || n.topic != m.topic || n.id != m.id || !bytes.Equal(n.text, m.text) {
				t.Fatalf("%+v became %+v %v", m, n, err)
			}
		}
	})
}
