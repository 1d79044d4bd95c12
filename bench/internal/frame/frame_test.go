package frame

import (
	"bytes"
	"testing"
)

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
		out := append(Begin([]byte("before"), Text), want...)
		out = End(out, len("before"), [4]byte{1, 2, 3, 4})
		if !bytes.HasPrefix(out, []byte("before")) {
			t.Fatalf("length %d: what stood before is gone", n)
		}
		op, got := unmask(t, out[len("before"):])
		if op != Text || !bytes.Equal(got, want) {
			t.Errorf("length %d: op %d, payload %q", n, op, got)
		}
	}
}

func TestSplitFrame(t *testing.T) {
	for _, n := range []int{0, 5, 125, 126, 70_000} {
		payload := bytes.Repeat([]byte("x"), n)
		frame := []byte{fin | Text}
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
			if _, _, used := Split(frame[:cut]); used != 0 {
				t.Errorf("length %d cut at %d: taken for complete", n, cut)
			}
		}
		_, got, used := Split(append(frame, "next"...))
		if used != len(frame) || !bytes.Equal(got, payload) {
			t.Errorf("length %d: used %d of %d", n, used, len(frame))
		}
	}
}
