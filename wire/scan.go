package wire

import (
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"vaiven"
)

// scanner is the one tokenizer of text messages. It takes strict JSON (RFC 8259)
// and, inside objects, the two deviations that the package's documentation
// names. At the first byte that is neither it stops and notes what a person
// should mend: mistake.go has those rules. It never goes back, and recurses no
// deeper than MaxDepth.
type scanner struct {
	p []byte
	i int
	e *element // gathers the message's objects, and holds what has to be rewritten

	open    [MaxDepth]byte // the closing brackets that are awaited
	depth   int
	lenient bool // something was taken that is not JSON: a key without quotes, or a nan
	counted bool // the levels of the whole message were counted

	bareKey bool          // the last key had no quotes
	key     []byte        // the last key as it was written, for a mistake
	valueAt int           // where the last value began: its closing bracket if it is nested
	lastEnd int           // behind the last value
	mistake *vaiven.Error // why the scanner stopped
}

// nextByte steps over white space and returns the byte behind it, 0 at the end.
func (s *scanner) nextByte() byte {
	for s.i < len(s.p) {
		c := s.p[s.i]
		if c > ' ' || c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
		s.i++
	}
	return 0
}

// scanObject steps over what is in an object, and its closing bracket. The
// members of the outermost are gathered.
func (s *scanner) scanObject() bool {
	gather := s.depth == 1
	if gather {
		s.e.at = s.i - 1
	}
	for comma := -1; ; {
		c, keyAt := s.nextByte(), s.i
		var key []byte
		switch {
		case c == '"':
			text, ok := s.scanText()
			if !ok {
				return false
			}
			key, s.key, s.bareKey = text, s.p[keyAt:s.i], false
		case class[c] == letter:
			s.i = wordEnd(s.p, s.i)
			key = s.p[keyAt:s.i:s.i]
			s.key, s.bareKey = key, true
		case c == '}' && comma < 0:
			s.i++
			return true
		default:
			return s.noKey(comma)
		}
		if s.nextByte() != ':' {
			return s.noColon(keyAt)
		}
		s.i++
		if s.bareKey {
			s.lenient, s.e.slide = true, true
		}
		var v value
		if !s.scanValue(&v) {
			return false
		}
		if gather {
			s.e.addMember(key, keyAt, &v)
		}
		switch s.nextByte() {
		case ',':
			comma = s.i
			s.i++
		case '}':
			s.i++
			return true
		default:
			return s.noEnd()
		}
	}
}

// yieldElements hands on the elements of the message's array, which begins at
// at and was checked as a whole: one that was cut off is refused as a whole.
// Those that are no objects are refused once.
func (s *scanner) yieldElements(at int) {
	s.i = at + 1
	if s.nextByte() == ']' {
		s.e.refuseMessage(&vaiven.Error{Code: vaiven.CodeNoValues, Reason: reasonEmptyList, At: 0})
		return
	}
	for foreign := false; ; s.i++ {
		var v value
		s.e.resetElement()
		s.scanValue(&v)
		if s.p[v.at] == '{' {
			s.e.finishElement()
		} else if !foreign {
			s.e.notObject(reasonElement, v.at)
			foreign = true
		}
		if s.nextByte() == ']' {
			return
		}
	}
}

// scanArray steps over what is in an array, and its closing bracket.
func (s *scanner) scanArray() bool {
	if s.nextByte() == ']' {
		s.i++
		return true
	}
	for {
		var v value
		if !s.scanValue(&v) {
			return false
		}
		switch s.nextByte() {
		case ',':
			comma := s.i
			s.i++
			if c := s.nextByte(); c == ',' || c == '}' || c == ']' {
				return s.badComma(comma)
			}
		case ']':
			s.i++
			return true
		default:
			return s.noEnd()
		}
	}
}

// tooDeep reports whether the array or object that begins here goes too deep.
// All levels of the message are counted at the first inner one, and at a list's
// own: brackets alone are refused for their number, whatever else is wrong
// behind them.
func (s *scanner) tooDeep() bool {
	if !s.counted && !s.lenient {
		s.counted = true
		if at := deepAt(s.p); at >= 0 {
			s.mistake = &vaiven.Error{Code: vaiven.CodeTooLarge, Reason: reasonDeep, At: at}
			return true
		}
	}
	return s.depth == MaxDepth && !s.noteMistake(reasonDeep, s.i, "")
}

// deepAt returns where a text has more than MaxDepth levels, -1 if nowhere. It
// looks at brackets outside of strings only.
func deepAt(p []byte) int {
	depth := 0
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '"':
			for i++; i < len(p) && p[i] != '"'; i++ {
				if p[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth > MaxDepth {
				return i
			}
		case '}', ']':
			depth--
		}
	}
	return -1
}

// scanValue steps over a value and sets v to it.
func (s *scanner) scanValue(v *value) (ok bool) {
	c := s.nextByte()
	v.at, s.valueAt = s.i, s.i
	switch {
	case c == '"':
		v.kind = kindText
		v.text, ok = s.scanText()
	case class[c] == digit || c == '-':
		ok = s.scanNumber(v)
	case c == '{' || c == '[':
		v.kind = kindNested
		if (s.depth > 0 || c == '[') && s.tooDeep() {
			return false
		}
		s.open[s.depth] = c + 2 // each closes two further on
		s.depth++
		s.i++
		if c == '{' {
			ok = s.scanObject()
		} else {
			ok = s.scanArray()
		}
		if ok {
			s.depth--
			s.valueAt = s.i - 1
		}
	default:
		ok = s.scanWord(v)
	}
	s.lastEnd = s.i
	return ok
}

// scanText steps over a string and returns its content: a part of the message,
// or of e's arena if it has escapes.
func (s *scanner) scanText() ([]byte, bool) {
	start, escaped, ascii := s.i, false, true
	for i := start + 1; i < len(s.p); i++ {
		switch c := s.p[i]; {
		case c == '"':
			s.i = i + 1
			if !ascii && !utf8.Valid(s.p[start:i]) {
				return nil, s.noteMistake(reasonUTF8, start, "")
			}
			if !escaped {
				return s.p[start+1 : i : i], true
			}
			n := len(s.e.arena)
			s.e.arena, _ = jsontext.AppendUnquote(s.e.arena, s.p[start:s.i]) // nothing is wrong with it
			return s.e.arena[n:len(s.e.arena):len(s.e.arena)], true
		case c == '\\':
			n := escapeLength(s.p[i:])
			if n == 0 {
				s.i = i
				return nil, s.badEscape(start)
			}
			escaped = true
			i += n - 1
		case c < ' ':
			if c == '\n' || c == '\r' {
				return nil, s.noteMistake(reasonLineBreak, start, "")
			}
			return nil, s.noteMistake(reasonControl, i, "")
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, s.noteMistake(reasonOpenString, start, "")
}

// tens are the powers of ten that quick numbers need, exactly.
var tens = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// scanNumber steps over a number, and under a key without quotes also over its
// leading zeros. The number is the float64 nearest to the digits.
func (s *scanner) scanNumber(v *value) bool {
	p, i := s.p, s.i
	if p[i] == '-' {
		i++
	}
	first, digits, quotient := i, int64(0), 0 // the number is digits/10^quotient, if there are few
	for i < len(p) && class[p[i]] == digit {
		digits = digits*10 + int64(p[i]-'0')
		i++
	}
	point := i
	switch {
	case point == first:
		return s.scanWord(v) // -inf
	case p[first] == '0' && point-first > 1 && !(s.bareKey && s.inObject()):
		return s.badScalar()
	}
	if i < len(p) && p[i] == '.' {
		for i++; i < len(p) && class[p[i]] == digit; i++ {
			digits = digits*10 + int64(p[i]-'0')
		}
		if quotient = i - point - 1; quotient == 0 {
			return s.badScalar()
		}
	}
	exponent := i < len(p) && p[i]|0x20 == 'e'
	if exponent {
		if i++; i < len(p) && (p[i] == '+' || p[i] == '-') {
			i++
		}
		power := i
		for i < len(p) && class[p[i]] == digit {
			i++
		}
		if i == power {
			return s.badScalar()
		}
	}
	if i < len(p) && class[p[i]] != noScalar {
		return s.badScalar()
	}
	v.text = p[s.i:i:i]
	if p[first] == '0' && point-first > 1 {
		for first < point-1 && p[first] == '0' {
			first++
		}
		v.text, v.at = p[first:i:i], first
		if p[s.i] == '-' {
			n := len(s.e.arena)
			s.e.arena = append(append(s.e.arena, '-'), v.text...)
			v.text, v.at = s.e.arena[n:len(s.e.arena):len(s.e.arena)], s.i
		}
	}
	f := float64(digits) / tens[min(quotient, len(tens)-1)] // of few digits, both are exact, and their quotient is the nearest
	if p[s.i] == '-' {
		f = -f
	}
	if exponent || i-first >= len(tens) {
		f, _ = strconv.ParseFloat(string(v.text), 64) // only an overflow can fail, and gives Inf
	}
	v.setNumber(f)
	s.i = i
	return true
}

// scanWord steps over true, false, null and, inside an object, a nan.
func (s *scanner) scanWord(v *value) bool {
	end := scalarEnd(s.p, s.i)
	w := s.p[s.i:end:end]
	switch string(w) {
	case "null":
		v.kind = kindNull
	case "true":
		v.kind, v.num = kindBool, 1
	case "false":
		v.kind = kindBool
	default:
		unsigned := w
		if len(w) > 0 && (w[0] == '-' || w[0] == '+') {
			unsigned = w[1:]
		}
		if !s.inObject() || !isNaNWord(unsigned) {
			return s.noValue()
		}
		v.kind, v.text, s.lenient = kindNaN, w, true
	}
	s.i = end
	return true
}

// inObject reports whether the innermost bracket is that of an object.
func (s *scanner) inObject() bool { return s.depth > 0 && s.open[s.depth-1] == '}' }

// escapeLength returns the length of the escape that p begins with, 0 if it is
// none. Halves of surrogate pairs count as none.
func escapeLength(p []byte) int {
	if len(p) < 2 {
		return 0
	}
	switch p[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
	default:
		return 0
	}
	hi, ok := hex4(p[2:])
	switch {
	case !ok || hi >= 0xdc00 && hi < 0xe000:
		return 0
	case hi < 0xd800 || hi >= 0xe000:
		return len(`\u0000`)
	case len(p) < len(`\ud800\udc00`) || p[6] != '\\' || p[7] != 'u':
		return 0
	}
	if lo, ok := hex4(p[8:]); !ok || lo < 0xdc00 || lo >= 0xe000 {
		return 0
	}
	return len(`\ud800\udc00`)
}

// hex4 reads the four hex digits that p begins with.
func hex4(p []byte) (n int, ok bool) {
	if len(p) < 4 {
		return 0, false
	}
	for _, c := range p[:4] {
		switch {
		case class[c] == digit:
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | int(c)
	}
	return n, true
}

// wordEnd returns where the word ends that stands at p[i].
func wordEnd(p []byte, i int) int {
	for i < len(p) && inWord(p[i]) {
		i++
	}
	return i
}

// scalarEnd returns where the number or word ends that stands at p[i].
func scalarEnd(p []byte, i int) int {
	for i < len(p) && class[p[i]] != noScalar {
		i++
	}
	return i
}

// inWord reports whether c may stand inside a word.
func inWord(c byte) bool { return class[c] == letter || class[c] == digit }

// What a byte may be part of.
const (
	noScalar = iota
	digit
	letter // A-Z a-z _, with which a word begins
	mark   // . + -, which may stand inside a number
)

// class has what each byte is: all but noScalar may stand inside a number or a
// word.
var class = func() (class [256]uint8) {
	for c := range class {
		switch c := byte(c); {
		case '0' <= c && c <= '9':
			class[c] = digit
		case 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_':
			class[c] = letter
		case c == '.' || c == '+' || c == '-':
			class[c] = mark
		}
	}
	return class
}()
