// Package frame writes a client's WebSocket frames and reads a server's, by
// hand (RFC 6455, section 5): a load generator pays for nothing else.
//
// It does no I/O and keeps no state; fragments and extensions it does not know.
package frame

import "encoding/binary"

// Opcodes of RFC 6455, section 5.2.
const (
	Text  = 0x1
	Close = 0x8
	Ping  = 0x9
	Pong  = 0xa
)

const fin, masked = 0x80, 0x80

// Begin appends the head of a frame whose payload will be appended behind
// it and then closed by End. The payload is at most 65,535 bytes.
func Begin(out []byte, op byte) []byte {
	return append(out, fin|op, 0, 0, 0, 0, 0, 0, 0)
}

// End masks the payload behind the head at begin, and moves it to the
// front where a short head is enough.
func End(out []byte, begin int, key [4]byte) []byte {
	payload := out[begin+8:]
	n := len(payload)
	mask(payload, key)
	if n < 126 {
		out[begin+1] = masked | byte(n)
		copy(out[begin+2:], key[:])
		copy(out[begin+6:], payload)
		return out[:begin+6+n]
	}
	out[begin+1] = masked | 126
	binary.BigEndian.PutUint16(out[begin+2:], uint16(n))
	copy(out[begin+4:], key[:])
	return out
}

// mask applies the key of RFC 6455, section 5.3, eight bytes at a time.
func mask(p []byte, key [4]byte) {
	k := uint64(binary.LittleEndian.Uint32(key[:]))
	k |= k << 32
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^k)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= key[i%4]
	}
}

// Split reads the unmasked, unfragmented frame at the beginning of in;
// used is 0 while it is not complete.
func Split(in []byte) (op byte, payload []byte, used int) {
	if len(in) < 2 {
		return 0, nil, 0
	}
	n, head := int(in[1]&0x7f), 2
	switch n {
	case 126:
		if len(in) < 4 {
			return 0, nil, 0
		}
		n, head = int(binary.BigEndian.Uint16(in[2:])), 4
	case 127:
		if len(in) < 10 {
			return 0, nil, 0
		}
		n, head = int(binary.BigEndian.Uint32(in[6:])), 10
	}
	if len(in) < head+n {
		return 0, nil, 0
	}
	return in[0] & 0xf, in[head : head+n], head + n
}
