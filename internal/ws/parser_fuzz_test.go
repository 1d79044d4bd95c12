package ws

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// outcome writes down what a parser found.
type outcome []string

func (o *outcome) note(op ws.OpCode, p []byte) {
	switch {
	case op == ws.OpText && !utf8.Valid(p):
		panic("text that is not UTF-8")
	case op.IsControl():
		*o = append(*o, fmt.Sprintf("control %d %x", op, p))
	case op != 0:
		*o = append(*o, fmt.Sprintf("message %d %x", op, p))
	}
}

// parse feeds data in pieces whose sizes come from cuts, again and again.
func parse(data, cuts []byte, limit int) outcome {
	var p parser
	var o outcome
	data = bytes.Clone(data)
	for i := 0; len(data) > 0; i++ {
		n := len(data)
		if len(cuts) > 0 {
			n = min(n, 1+int(cuts[i%len(cuts)]))
		}
		for rest := data[:n]; len(rest) > 0; {
			op, payload, taken, err := p.next(rest, limit)
			if err != nil {
				p.releasePart()
				return append(o, err.Error())
			}
			if p.part != nil && len(*p.part) > limit {
				panic("holds more than the limit")
			}
			o.note(op, payload)
			if rest = rest[taken:]; op == ws.OpText || op == ws.OpBinary {
				p.releasePart()
			}
		}
		clear(data[:n]) // the buffer goes back to its pool
		data = data[n:]
	}
	p.releasePart()
	return o
}

// FuzzFrames feeds arbitrary bytes in arbitrary pieces: what comes out does not
// depend on the pieces, and never exceeds the limit.
func FuzzFrames(f *testing.F) {
	mask := []byte{0x80 | 5, 1, 2, 3, 4, 'h' ^ 1, 'o' ^ 2, 'l' ^ 3, 'a' ^ 4, 's' ^ 1}
	f.Add(append([]byte{0x81}, mask...), []byte{0}, uint16(100))
	f.Add(append(append([]byte{0x01}, mask...), append([]byte{0x80}, mask...)...), []byte{2, 5}, uint16(9))
	f.Add([]byte{0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0}, []byte{3}, uint16(5))
	f.Add([]byte{0x88, 0x82, 0, 0, 0, 0, 3, 0xE8}, []byte{1}, uint16(5))
	f.Add([]byte{0x01, 0x82, 0, 0, 0, 0, 0xE2, 0x82, 0x89, 0x81, 0, 0, 0, 0, 1, 0x80, 0x81, 0, 0, 0, 0, 0xAC}, []byte{0, 7}, uint16(50))
	f.Fuzz(func(t *testing.T, data, cuts []byte, limit uint16) {
		whole := parse(data, nil, int(limit))
		for _, c := range [][]byte{{0}, {1}, cuts} {
			if got := parse(data, c, int(limit)); !slices.Equal(got, whole) {
				t.Fatalf("in pieces of %v: %q\nin one piece: %q", c, got, whole)
			}
		}
	})
}

// FuzzText holds the incremental check against the standard library's.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "ñ", "€", "🙂", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\xe2\x82"} {
		f.Add([]byte(s), uint8(1))
	}
	f.Fuzz(func(t *testing.T, p []byte, cut uint8) {
		n := min(int(cut), len(p))
		var c utf8Check
		got := c.accept(p[:n]) && c.accept(p[n:]) && c.need == 0
		if got != utf8.Valid(p) {
			t.Fatalf("%x cut at %d: %v", p, n, got)
		}
	})
}
