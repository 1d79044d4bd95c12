package stream

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// cursor walks the fields of one message. It moves by positions, since slices kept in
// it would cost a write barrier each. After the last field num is 0, and bad says
// whether the bytes ended in the middle of something.
type cursor struct {
	b      []byte
	at     int // of the next field
	num    protowire.Number
	typ    protowire.Type
	val    uint64 // of a varint or fixed field
	lo, hi int    // of a length-delimited one
	bad    bool
}

// bytes is the content of a length-delimited field, else empty.
func (f *cursor) bytes() []byte {
	if f.typ != protowire.BytesType {
		return nil
	}
	return f.b[f.lo:f.hi:f.hi]
}

// next goes to the next field, and reports whether there is one.
func (f *cursor) next() bool {
	b, at := f.b, f.at
	if at >= len(b) || f.bad {
		f.num = 0
		return false
	}
	tag, n := varint(b[at:])
	f.num, f.typ = protowire.Number(tag>>3), protowire.Type(tag&7)
	if n <= 0 || tag>>3 > uint64(protowire.MaxValidNumber) || tag>>3 == 0 {
		return f.damaged()
	}
	at += n
	switch f.typ {
	case protowire.VarintType:
		if f.val, n = varint(b[at:]); n <= 0 {
			return f.damaged()
		}
		f.at = at + n
		return true
	case protowire.BytesType:
		size, n := varint(b[at:])
		at += n
		if n <= 0 || size > uint64(len(b)-at) {
			return f.damaged()
		}
		f.val, f.lo, f.hi = 0, at, at+int(size)
		f.at = f.hi
		return true
	case protowire.Fixed32Type:
		if f.at = at + 4; f.at <= len(b) {
			f.val = uint64(binary.LittleEndian.Uint32(b[at:]))
			return true
		}
	case protowire.Fixed64Type:
		if f.at = at + 8; f.at <= len(b) {
			f.val = binary.LittleEndian.Uint64(b[at:])
			return true
		}
	}
	return f.damaged() // groups are not written, and end nowhere that we know
}

func (f *cursor) damaged() bool {
	f.num, f.bad = 0, true
	return false
}

// varint is binary.Uvarint with its commonest case in line.
func varint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return longVarint(b)
}

//go:noinline
func longVarint(b []byte) (v uint64, n int) {
	for n < len(b) && n < 9 {
		c := b[n]
		v |= uint64(c&0x7f) << (7 * n)
		n++
		if c < 0x80 {
			return v, n
		}
	}
	return binary.Uvarint(b) // nine bytes and more, or an end in the middle
}
