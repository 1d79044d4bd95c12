package wire

import "slices"

// relaxed is a text message of the course's slide, {IDDEVICE: 101, TEMP: 024},
// rewritten as JSON: keys get their quotes, numbers under unquoted keys lose
// their leading zeros, and a bare nan becomes null, remembered by its place.
// Whatever else is wrong stays wrong, so that JSON's own parser decides.
type relaxed struct {
	out      []byte
	unquoted bool // some key had no quotes
	nans     []nanWord
	shifts   []shift

	in        []byte
	i         int
	objects   uint16 // one bit per open level, the lowest the innermost: 1 for an object
	depth     int
	atKey     bool // a key is expected
	keyQuoted bool // the last key had quotes
}

// nanWord is a bare nan: where its null stands in out, and how it was written.
type nanWord struct {
	at   int
	text []byte
}

// shift says that out[out:] was in[in:], up to the next shift.
type shift struct{ out, in int }

// rewrite reports whether p needed, and got, another spelling.
func (x *relaxed) rewrite(p []byte) bool {
	*x = relaxed{out: x.out[:0], nans: x.nans[:0], shifts: x.shifts[:0], in: p, keyQuoted: true}
	defer func() { x.in = nil }()
	for x.i < len(p) {
		if !x.step() {
			return false
		}
	}
	return x.unquoted || len(x.nans) > 0
}

// step takes one token; false means that the text is too deep to be ours.
func (x *relaxed) step() bool {
	c := x.in[x.i]
	switch {
	case c == '"':
		if x.atKey {
			x.keyQuoted = true
		}
		x.copy(stringEnd(x.in, x.i))
	case c == '{' || c == '[':
		return x.open(c == '{')
	case c == '}' || c == ']':
		if x.depth--; x.depth < 0 {
			return false
		}
		x.objects >>= 1
		x.atKey = false
		x.copy(x.i + 1)
	case c == ',':
		x.atKey = x.objects&1 != 0
		x.copy(x.i + 1)
	case c == ':':
		x.atKey = false
		x.copy(x.i + 1)
	case isWordStart(c) && x.atKey:
		x.key()
	case x.objects&1 != 0 && !x.atKey && (isWordByte(c) || c == '-' || c == '+'):
		x.scalar()
	default:
		x.copy(x.i + 1)
	}
	return true
}

func (x *relaxed) open(object bool) bool {
	if x.depth++; x.depth > MaxDepth {
		return false
	}
	x.objects <<= 1
	if object {
		x.objects |= 1
	}
	x.atKey = object
	x.copy(x.i + 1)
	return true
}

// key gives an unquoted key its quotes.
func (x *relaxed) key() {
	end := wordEnd(x.in, x.i)
	x.mark()
	x.out = append(x.out, '"')
	x.mark()
	x.copy(end)
	x.out = append(x.out, '"')
	x.mark()
	x.unquoted, x.keyQuoted, x.atKey = true, false, false
}

// scalar copies a number or word inside an object, without leading zeros under
// an unquoted key, and nan as null.
func (x *relaxed) scalar() {
	start := x.i
	sign := start
	if c := x.in[sign]; c == '-' || c == '+' {
		sign++
	}
	end := sign
	for end < len(x.in) && isScalarByte(x.in[end]) {
		end++
	}
	if isNaNWord(x.in[sign:end]) {
		x.nans = append(x.nans, nanWord{at: len(x.out), text: x.in[start:end]})
		x.mark()
		x.out = append(x.out, "null"...)
		x.i = end
		x.mark()
		return
	}
	if !x.keyQuoted {
		zeros := sign
		for zeros+1 < len(x.in) && x.in[zeros] == '0' && isDigit(x.in[zeros+1]) {
			zeros++
		}
		if zeros > sign {
			x.copy(sign)
			x.i = zeros
			x.mark()
		}
	}
	x.copy(max(end, x.i+1))
}

// copy takes in[i:end] as it is.
func (x *relaxed) copy(end int) {
	x.out = append(x.out, x.in[x.i:end]...)
	x.i = end
}

// mark notes that out goes on with in[i:].
func (x *relaxed) mark() {
	x.shifts = append(x.shifts, shift{len(x.out), x.i})
}

// place returns where out[offset] stands in the message.
func (x *relaxed) place(offset int) int {
	lo, hi := 0, len(x.shifts)
	for lo < hi {
		if m := (lo + hi) / 2; x.shifts[m].out <= offset {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == 0 {
		return offset
	}
	s := x.shifts[lo-1]
	return s.in + offset - s.out
}

// nanAt returns how the nan was written whose null stands at out[offset], nil
// if it is the board's own null.
func (x *relaxed) nanAt(offset int) []byte {
	i, ok := slices.BinarySearchFunc(x.nans, offset, func(n nanWord, at int) int { return n.at - at })
	if !ok {
		return nil
	}
	return x.nans[i].text
}

// stringEnd returns the place behind the string that begins at p[i], len(p) if
// it does not end.
func stringEnd(p []byte, i int) int {
	quote := p[i]
	for i++; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case quote:
			return i + 1
		}
	}
	return len(p)
}

func wordEnd(p []byte, i int) int {
	for i < len(p) && isWordByte(p[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWordStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func isWordByte(c byte) bool { return isWordStart(c) || isDigit(c) }

// isScalarByte reports whether c may stand inside a number or a word.
func isScalarByte(c byte) bool { return isWordByte(c) || c == '.' || c == '+' || c == '-' }
