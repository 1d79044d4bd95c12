package ws

import "unicode/utf8"

// text checks UTF-8 that arrives in pieces (RFC 3629, without surrogates). It
// fails at the first byte that no valid text can contain at that place. The
// zero value is the beginning of a text.
type text struct {
	need   uint8 // continuation bytes still missing
	lo, hi uint8 // what the next of them may be
}

// feed reports whether p may follow what was fed before.
func (t *text) feed(p []byte) bool {
	if t.need == 0 && utf8.Valid(p) {
		return true
	}
	for _, b := range p {
		if t.need > 0 {
			if b < t.lo || b > t.hi {
				return false
			}
			t.need--
			t.lo, t.hi = 0x80, 0xBF
			continue
		}
		if b >= utf8.RuneSelf && !t.lead(b) {
			return false
		}
	}
	return true
}

// lead begins a sequence of several bytes. The bounds of the second byte
// exclude overlong forms, surrogates and what lies beyond U+10FFFF.
func (t *text) lead(b byte) bool {
	t.lo, t.hi = 0x80, 0xBF
	switch {
	case b >= 0xC2 && b <= 0xDF:
		t.need = 1
	case b >= 0xE0 && b <= 0xEF:
		t.need = 2
		switch b {
		case 0xE0:
			t.lo = 0xA0
		case 0xED:
			t.hi = 0x9F
		}
	case b >= 0xF0 && b <= 0xF4:
		t.need = 3
		switch b {
		case 0xF0:
			t.lo = 0x90
		case 0xF4:
			t.hi = 0x8F
		}
	default:
		return false
	}
	return true
}

// whole reports whether the text may end here.
func (t *text) whole() bool { return t.need == 0 }
