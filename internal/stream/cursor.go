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
func (f *cursor) bytes() []byte { return f.b[f.lo:f.hi:f.hi] }

// next goes to the next field, and reports whether there is one.
func (f *cursor) next() bool {
	b, at := f.b, f.at
	if at >= len(b) || f.bad {
		f.num = 0
		return false
	}
	tag, n := varint(b, at)
	num, at := tag>>3, at+n
	if n <= 0 || num > uint64(protowire.MaxValidNumber) || num == 0 {
		return f.damaged()
	}
	f.num, f.typ, f.val, f.lo, f.hi = protowire.Number(num), protowire.Type(tag&7), 0, 0, 0
	switch f.typ {
	case protowire.VarintType:
		if f.val, n = varint(b, at); n <= 0 {
			return f.damaged()
		}
		f.at = at + n
		return true
	case protowire.BytesType:
		size, n := varint(b, at)
		at += n
		if n <= 0 || size > uint64(len(b)-at) {
			return f.damaged()
		}
		f.lo, f.hi = at, at+int(size)
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

// varint is binary.Uvarint at a place in b, with its commonest case in line.
func varint(b []byte, at int) (uint64, int) {
	if at < len(b) && b[at] < 0x80 {
		return uint64(b[at]), 1
	}
	return longVarint(b, at)
}

//go:noinline
func longVarint(b []byte, at int) (v uint64, n int) {
	b = b[at:]
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
