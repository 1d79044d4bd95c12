package wire

import (
	"bytes"
	"strings"

	"vaiven"
)

// scanner walks a text that means to be JSON, understanding more than JSON
// has, up to the first thing that JSON has not: what a person should mend
// first. It does not recurse, and never goes back.
type scanner struct {
	p   []byte
	i   int
	err *vaiven.Error

	open    []byte // closing brackets that are awaited
	key     string // the last key
	valueAt int    // where the last value began
	lastEnd int    // behind the last value
	bare    bool   // the last value was a number or a word
	number  bool   // it was an integer
}

// run finds the problem. The grammar says that there is one.
func (s *scanner) run() {
	if s.value() {
		s.space()
		s.behind()
	}
	if s.err.Reason == "" {
		s.problem(reasonExtra, min(s.i, len(s.p)), "")
	}
}

// problem notes what is wrong and where; it returns false so that callers end.
func (s *scanner) problem(reason string, at int, got string) bool {
	s.err.Reason, s.err.At, s.err.Key, s.err.Got = reason, at, vaiven.Shorten(s.key), vaiven.Shorten(got)
	return false
}

// space steps over white space; false means a comment.
func (s *scanner) space() bool {
	for s.i < len(s.p) {
		switch c := s.p[s.i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			s.i++
		case c == '#' && !standIn(s.word()) || c == '/' && s.i+1 < len(s.p) && (s.p[s.i+1] == '/' || s.p[s.i+1] == '*'):
			return s.problem(reasonComment, s.i, "")
		default:
			return true
		}
	}
	return true
}

// value steps over a value and all that is in it.
func (s *scanner) value() bool {
	ok := s.begin()
	for ok && len(s.open) > 0 {
		ok = s.next()
	}
	return ok
}

// begin steps over a simple value, or into an array or object.
func (s *scanner) begin() bool {
	if !s.space() {
		return false
	}
	if s.i >= len(s.p) {
		return s.unclosed()
	}
	s.valueAt, s.bare, s.number = s.i, false, false
	switch c := s.p[s.i]; {
	case c == '{' || c == '[':
		if len(s.open) == MaxDepth {
			return s.problem(reasonDeep, s.i, "")
		}
		s.open = append(s.open, c+2) // '{' and '[' close two further on
		s.i++
		return s.first()
	case c == '"':
		return s.text()
	case c == ',' || c == '}' || c == ']':
		return s.problem(reasonMissingValue, s.i, "")
	case isScalarByte(c):
		return s.scalar()
	case c == '%':
		return s.problem(reasonPlaceholder, s.i, s.word())
	case standIn(s.word()):
		return s.problem(reasonStandIn, s.i, s.word())
	}
	return s.quoteProblem()
}

// quoteProblem refuses what is no beginning of a value or key.
func (s *scanner) quoteProblem() bool {
	rest := s.p[s.i:]
	switch {
	case rest[0] == '\'' || rest[0] == '`':
		return s.problem(reasonSingleQuote, s.i, "")
	case curly(rest):
		return s.problem(reasonCurlyQuote, s.i, "")
	}
	return s.problem(reasonExtra, s.i, s.word())
}

// curly reports whether rest begins with a quotation mark of a word processor.
func curly(rest []byte) bool {
	for _, q := range []string{"“", "”", "‘", "’", "«", "»", "´"} {
		if bytes.HasPrefix(rest, []byte(q)) {
			return true
		}
	}
	return false
}

// first follows an opening bracket.
func (s *scanner) first() bool {
	if !s.space() {
		return false
	}
	if s.i < len(s.p) && s.p[s.i] == s.closing() {
		s.close()
		return true
	}
	return s.member()
}

// next follows a value inside an array or object.
func (s *scanner) next() bool {
	if !s.space() {
		return false
	}
	if s.i >= len(s.p) {
		return s.unclosed()
	}
	switch c := s.p[s.i]; {
	case c == s.closing():
		s.close()
		return true
	case c == ',':
		return s.comma()
	case s.bare && s.unit():
		end := s.i + len(s.word())
		return s.problem(reasonBadNumber, s.valueAt, string(s.p[s.valueAt:end]))
	case c == ':' && s.bare && s.i == s.lastEnd: // a time: 12:30
		end := s.i
		for end < len(s.p) && (isScalarByte(s.p[end]) || s.p[end] == ':') {
			end++
		}
		return s.problem(reasonNeedsQuotes, s.valueAt, string(s.p[s.valueAt:end]))
	case c == ';':
		return s.problem(reasonMissingComma, s.i, ";")
	case c == '"' || isWordByte(c) || c == '{' || c == '\'':
		return s.behindValue()
	case c == '}' || c == ']':
		return s.wrongBracket(c)
	}
	return s.problem(reasonExtra, s.i, s.word())
}

// unit reports whether a unit follows, at once or behind a space.
func (s *scanner) unit() bool {
	c := s.p[s.i]
	if c == '%' || c >= 0x80 && !curly(s.p[s.i:]) {
		return true
	}
	if s.i == s.lastEnd || !isWordStart(c) {
		return false
	}
	rest := bytes.TrimLeft(s.p[wordEnd(s.p, s.i):], " \t\r\n")
	return len(rest) > 0 && (rest[0] == ',' || rest[0] == '}' || rest[0] == ']')
}

// wrongBracket says which bracket to add, change or remove where c stands and
// the other one is awaited.
func (s *scanner) wrongBracket(c byte) bool {
	rest := bytes.TrimLeft(s.p[s.i+1:], " \t\r\n")
	switch outer := len(s.open) - 2; {
	case len(rest) > 0 && rest[0] == s.closing():
		return s.problem(reasonSurplus, s.i, string(c))
	case outer >= 0 && s.open[outer] == c:
		return s.problem(reasonInnerOpen, s.i, string(s.closing()))
	}
	return s.problem(reasonBracket, s.i, string(c))
}

// behindValue says why something follows a value at once: a comma is missing,
// or what was taken for a value was only its beginning.
func (s *scanner) behindValue() bool {
	if s.i > s.lastEnd || s.p[s.i] == '"' || s.p[s.i] == '{' {
		return s.problem(reasonMissingComma, s.i, "")
	}
	return s.problem(reasonExtra, s.i, s.word())
}

func (s *scanner) comma() bool {
	at := s.i
	s.i++
	if s.i < len(s.p) && isDigit(s.p[s.i]) && s.number && at == s.lastEnd && s.closing() == '}' {
		end := s.i
		for end < len(s.p) && isDigit(s.p[end]) {
			end++
		}
		return s.problem(reasonDecimalComma, s.valueAt, string(s.p[s.valueAt:end]))
	}
	if !s.space() {
		return false
	}
	if s.i < len(s.p) && (s.p[s.i] == '}' || s.p[s.i] == ']') {
		return s.problem(reasonTrailingComma, at, "")
	}
	if s.i < len(s.p) && s.p[s.i] == ',' {
		return s.problem(reasonDoubleComma, s.i, "")
	}
	return s.member()
}

// member steps over a key, if this is an object, and the value.
func (s *scanner) member() bool {
	if s.closing() == ']' {
		return s.begin()
	}
	if !s.space() {
		return false
	}
	if s.i >= len(s.p) {
		return s.unclosed()
	}
	if s.p[s.i] == '{' {
		return s.problem(reasonOpenObject, s.i, "")
	}
	keyAt := s.i
	if !s.keyWord() || !s.space() {
		return false
	}
	if s.i >= len(s.p) {
		return s.unclosed()
	}
	switch c := s.p[s.i]; {
	case c == '=':
		return s.problem(reasonMissingColon, s.i, "=")
	case c != ':' && strings.ContainsAny(s.key, ":,"):
		lacking, _, _ := strings.Cut(s.key, ":")
		s.key = ""
		return s.problem(reasonOpenKey, keyAt, lacking)
	case c == ',' || c == '}':
		return s.problem(reasonNoValue, s.i, "")
	case c != ':':
		return s.problem(reasonMissingColon, s.i, "")
	}
	s.i++
	return s.begin()
}

// keyWord steps over a key.
func (s *scanner) keyWord() bool {
	start := s.i
	switch c := s.p[s.i]; {
	case c == '"':
		if !s.text() {
			return false
		}
		s.key = strings.Trim(string(s.p[start:s.i]), `"`)
		return true
	case isWordStart(c):
		s.i = wordEnd(s.p, s.i)
		s.key = string(s.p[start:s.i])
		if s.i < len(s.p) && !bytes.ContainsAny(s.p[s.i:s.i+1], " \t\r\n:=,}") {
			s.i, s.key = start, ""
			return s.problem(reasonBadKey, start, s.word())
		}
		return true
	case isDigit(c):
		return s.problem(reasonBadKey, start, s.word())
	}
	return s.quoteProblem()
}

// text steps over a string.
func (s *scanner) text() bool {
	start := s.i
	for s.i++; s.i < len(s.p); s.i++ {
		switch c := s.p[s.i]; {
		case c == '"':
			s.i++
			s.lastEnd = s.i
			return true
		case c < ' ':
			if c == '\n' || c == '\r' {
				return s.problem(reasonLineBreak, start, "")
			}
			return s.problem(reasonControl, s.i, "")
		case c == '\\':
			n := escapeLength(s.p[s.i:])
			if n == 0 {
				return s.badEscape(start)
			}
			s.i += n - 1
		}
	}
	return s.problem(reasonOpenString, start, "")
}

// badEscape says what is wrong with the escape that stands here in the text that
// begins at start.
func (s *scanner) badEscape(start int) bool {
	end := escapeEnd(s.p, s.i)
	escape := string(s.p[s.i:end])
	_, half := hex4(s.p[min(s.i+2, end):end])
	switch rest := s.p[end:]; {
	case len(rest) == 0 || half && len(rest) < len(`\udc00`) && bytes.IndexByte(rest, '"') < 0:
		return s.problem(reasonOpenString, start, "") // cut off
	case half:
		return s.problem(reasonSurrogate, s.i, escape)
	}
	return s.problem(reasonEscape, s.i, escape)
}

// escapeLength returns the length of the escape that p begins with, 0 if it is
// none. Halves of surrogate pairs count as none.
func escapeLength(p []byte) int {
	if len(p) < 2 || strings.IndexByte(`"\/bfnrtu`, p[1]) < 0 {
		return 0
	}
	if p[1] != 'u' {
		return 2
	}
	hi, ok := hex4(p[2:])
	switch {
	case !ok || hi >= 0xdc00 && hi < 0xe000:
		return 0
	case hi < 0xd800 || hi >= 0xe000:
		return 6
	}
	if len(p) < 12 || p[6] != '\\' || p[7] != 'u' {
		return 0
	}
	if lo, ok := hex4(p[8:]); !ok || lo < 0xdc00 || lo >= 0xe000 {
		return 0
	}
	return 12
}

// escapeEnd returns where the bad escape at p[i] ends, as far as a person needs
// to see it.
func escapeEnd(p []byte, i int) int {
	end := min(i+2, len(p))
	for p[end-1] != '"' && end < len(p) && end < i+6 && p[i+1] == 'u' && isWordByte(p[end]) {
		end++
	}
	return end
}

func hex4(p []byte) (n int, ok bool) {
	if len(p) < 4 {
		return 0, false
	}
	for _, c := range p[:4] {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 || c == 0x10 { // 0x10|0x20 is '0'
			return 0, false
		}
		n = n<<4 | d
	}
	return n, true
}

func (s *scanner) closing() byte { return s.open[len(s.open)-1] }

func (s *scanner) close() {
	s.open = s.open[:len(s.open)-1]
	s.i++
	s.lastEnd = s.i
	s.bare, s.number = false, false
}

func (s *scanner) unclosed() bool {
	if len(s.open) == 0 {
		return s.problem(reasonMissingValue, len(s.p), "")
	}
	return s.problem(reasonUnclosed, len(s.p), string(s.closing()))
}

// behind looks at what follows the whole value.
func (s *scanner) behind() {
	if s.err.Reason != "" || s.i >= len(s.p) {
		return
	}
	rest := bytes.TrimLeft(s.p[s.i:], " \t\r\n,;")
	switch c := s.p[s.i]; {
	case c == ',' && s.p[s.lastEnd-1] == ']':
		s.key = ""
		s.problem(reasonSurplus, s.lastEnd-1, "]") // the list goes on
	case len(rest) > 0 && rest[0] == '{':
		s.problem(reasonSeveral, s.i, "")
	case c == '}' || c == ']':
		s.key = ""
		s.problem(reasonSurplus, s.i, string(c))
	case c == 0:
		s.key = ""
		s.problem(reasonZeros, s.i, "")
	default:
		s.key = ""
		s.problem(reasonTrailing, s.i, s.word())
	}
}

// word returns what stands here, up to the next separator.
func (s *scanner) word() string {
	end := s.i
	for end < len(s.p) && end < s.i+60 && !bytes.ContainsAny(s.p[end:end+1], " \t\r\n,:;{}[]\"'") {
		end++
	}
	if end == s.i && end < len(s.p) {
		end++
	}
	return string(s.p[s.i:end])
}
