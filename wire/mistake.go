package wire

import (
	"bytes"
	"slices"
	"strings"

	"vaiven"
)

// Where the scanner stops, the functions here say why: what is the first thing
// in the message that a person should mend. They return false, so that the
// scanner can end with them.

// noteMistake notes what is wrong and where.
func (s *scanner) noteMistake(reason string, at int, got string) bool {
	key := strings.Trim(string(s.key), `"`)
	s.mistake = &vaiven.Error{Code: vaiven.CodeNotJSON, Reason: reason, At: at, Key: vaiven.Shorten(key), Got: vaiven.Shorten(got)}
	return false
}

// noteComment notes a comment, if one begins here.
func (s *scanner) noteComment() bool {
	rest := s.p[s.i:]
	if bytes.HasPrefix(rest, []byte("//")) || bytes.HasPrefix(rest, []byte("/*")) || bytes.HasPrefix(rest, []byte("#")) && !standIn(s.here()) {
		s.noteMistake(reasonComment, s.i, "")
		return true
	}
	return false
}

// noKey is for what stands where a key belongs: behind the comma there, -1
// behind the opening bracket.
func (s *scanner) noKey(comma int) bool {
	c, after, last := s.peek(), comma+1, s.lastScalar()
	switch {
	case comma == s.lastEnd && after < len(s.p) && class[s.p[after]] == digit && last != "" && strings.Trim(last, "-0123456789") == "":
		for after < len(s.p) && class[s.p[after]] == digit {
			after++
		}
		return s.noteMistake(reasonDecimalComma, s.valueAt, string(s.p[s.valueAt:after]))
	case s.noteComment():
	case comma >= 0 && (c == '}' || c == ']' || c == ','):
		return s.badComma(comma)
	case s.i >= len(s.p):
		return s.unclosed()
	case c == '{':
		return s.noteMistake(reasonOpenObject, s.i, "")
	case class[c] == digit:
		return s.noteMistake(reasonBadKey, s.i, s.here())
	default:
		return s.noToken()
	}
	return false
}

// badComma is for a comma behind which no value follows.
func (s *scanner) badComma(comma int) bool {
	if s.p[s.i] == ',' {
		return s.noteMistake(reasonDoubleComma, s.i, "")
	}
	return s.noteMistake(reasonTrailingComma, comma, "")
}

// noColon is for what follows a key.
func (s *scanner) noColon(keyAt int) bool {
	c := s.peek()
	if s.bareKey && s.i == keyAt+len(s.key) && s.i < len(s.p) && c != '=' && c != ',' && c != '}' {
		s.i, s.key = keyAt, nil
		return s.noteMistake(reasonBadKey, keyAt, s.here())
	}
	lacking, _, colon := bytes.Cut(bytes.Trim(s.key, `"`), []byte(":"))
	switch {
	case s.noteComment():
		return false
	case s.i >= len(s.p):
		return s.unclosed()
	case c == '=':
		return s.noteMistake(reasonMissingColon, s.i, "=")
	case colon || bytes.IndexByte(lacking, ',') >= 0:
		s.key = nil
		return s.noteMistake(reasonOpenKey, keyAt, string(lacking))
	case c == ',' || c == '}':
		return s.noteMistake(reasonNoValue, s.i, "")
	}
	return s.noteMistake(reasonMissingColon, s.i, "")
}

// noValue is for what stands where a value belongs.
func (s *scanner) noValue() bool {
	c := s.peek()
	switch {
	case s.noteComment():
		return false
	case s.i >= len(s.p):
		return s.unclosed()
	case c == ',' || c == '}' || c == ']':
		return s.noteMistake(reasonMissingValue, s.i, "")
	case class[c] != noScalar:
		return s.badScalar()
	case c == '%':
		return s.noteMistake(reasonPlaceholder, s.i, s.here())
	case standIn(s.here()):
		return s.noteMistake(reasonStandIn, s.i, s.here())
	}
	return s.noToken()
}

// noToken is for what is the beginning of neither a key nor a value.
func (s *scanner) noToken() bool {
	switch rest := s.p[s.i:]; {
	case rest[0] == '\'' || rest[0] == '`':
		return s.noteMistake(reasonSingleQuote, s.i, "")
	case curly(rest):
		return s.noteMistake(reasonCurlyQuote, s.i, "")
	}
	return s.noteMistake(reasonExtra, s.i, s.here())
}

// curly reports whether rest begins with a quotation mark of a word processor.
func curly(rest []byte) bool {
	return slices.ContainsFunc([]string{"“", "”", "‘", "’", "«", "»", "´"}, func(q string) bool { return bytes.HasPrefix(rest, []byte(q)) })
}

// noEnd is for what follows a value inside an array or object.
func (s *scanner) noEnd() bool {
	c, scalar := s.peek(), s.lastScalar() != ""
	switch {
	case s.noteComment():
		return false
	case s.i >= len(s.p):
		return s.unclosed()
	case scalar && s.unitFollows():
		return s.noteMistake(reasonBadNumber, s.valueAt, string(s.p[s.valueAt:s.i+len(s.here())]))
	case c == ':' && scalar && s.i == s.lastEnd: // a time: 12:30
		end := s.i
		for end < len(s.p) && (class[s.p[end]] != noScalar || s.p[end] == ':') {
			end++
		}
		return s.noteMistake(reasonNeedsQuotes, s.valueAt, string(s.p[s.valueAt:end]))
	case c == ';':
		return s.noteMistake(reasonMissingComma, s.i, ";")
	case c == '"' || c == '{' || s.i > s.lastEnd && (inWord(c) || c == '\''):
		return s.noteMistake(reasonMissingComma, s.i, "")
	case c != '}' && c != ']':
		return s.noteMistake(reasonExtra, s.i, s.here())
	}
	// A bracket closes what another one opened.
	rest := bytes.TrimLeft(s.p[s.i+1:], " \t\r\n")
	switch closing := s.open[s.depth-1]; {
	case len(rest) > 0 && rest[0] == closing:
		return s.noteMistake(reasonSurplus, s.i, string(c))
	case s.depth > 1 && s.open[s.depth-2] == c:
		return s.noteMistake(reasonInnerOpen, s.i, string(closing))
	}
	return s.noteMistake(reasonBracket, s.i, string(c))
}

// unitFollows reports whether a unit follows a number, at once or behind a
// space.
func (s *scanner) unitFollows() bool {
	c := s.p[s.i]
	if c == '%' || c >= 0x80 && !curly(s.p[s.i:]) {
		return true
	}
	if s.i == s.lastEnd || class[c] != letter {
		return false
	}
	rest := bytes.TrimLeft(s.p[wordEnd(s.p, s.i):], " \t\r\n")
	return len(rest) > 0 && (rest[0] == ',' || rest[0] == '}' || rest[0] == ']')
}

// trailing is for what follows the whole message.
func (s *scanner) trailing() bool {
	if s.noteComment() {
		return false
	}
	rest := bytes.TrimLeft(s.p[s.i:], " \t\r\n,;")
	c := s.p[s.i]
	if c == ',' && s.p[s.lastEnd-1] == ']' {
		s.key = nil
		return s.noteMistake(reasonSurplus, s.lastEnd-1, "]") // the list goes on
	}
	if len(rest) > 0 && rest[0] == '{' {
		return s.noteMistake(reasonSeveral, s.i, "")
	}
	s.key = nil
	switch c {
	case '}', ']':
		return s.noteMistake(reasonSurplus, s.i, string(c))
	case 0:
		return s.noteMistake(reasonZeros, s.i, "")
	}
	return s.noteMistake(reasonTrailing, s.i, s.here())
}

// unclosed is for a message that ends too early.
func (s *scanner) unclosed() bool {
	return s.noteMistake(reasonUnclosed, len(s.p), string(s.open[s.depth-1]))
}

// badEscape says what is wrong with the escape that stands here in the text that
// begins at start.
func (s *scanner) badEscape(start int) bool {
	end := min(s.i+2, len(s.p)) // as far as a person needs to see it
	for s.p[end-1] != '"' && end < len(s.p) && end < s.i+6 && s.p[s.i+1] == 'u' && inWord(s.p[end]) {
		end++
	}
	escape := string(s.p[s.i:end])
	_, half := hex4(s.p[min(s.i+2, end):end])
	switch rest := s.p[end:]; {
	case len(rest) == 0 || half && len(rest) < len(`\udc00`) && bytes.IndexByte(rest, '"') < 0:
		return s.noteMistake(reasonOpenString, start, "") // cut off
	case half:
		return s.noteMistake(reasonSurrogate, s.i, escape)
	}
	return s.noteMistake(reasonEscape, s.i, escape)
}

// badScalar says of a number or word which habit of another language it comes
// from.
func (s *scanner) badScalar() bool {
	end := scalarEnd(s.p, s.i)
	w := string(s.p[s.i:end])
	reason := scalarProblem(w, !s.bareKey || !s.inObject())
	switch {
	case end == len(s.p) && s.depth > 0 && (s.inObject() || !isNaNWord([]byte(strings.TrimLeft(w, "+-")))):
		return s.noteMistake(reasonUnclosed, end, string(s.open[s.depth-1]))
	case (reason == reasonWord || reason == reasonBadNumber) && textKey(bytes.Trim(s.key, `"`)) && s.inObject():
		reason = reasonNeedsQuotes
	}
	return s.noteMistake(reason, s.i, w)
}

// textKey reports whether text stands behind a key of the protocol.
func textKey(key []byte) bool {
	switch keyOf(appendUpper(nil, key)) {
	case keyDevice, keyBoot, keyFW, keyStates:
		return true
	}
	return false
}

// scalarProblem returns what is wrong with w as a JSON value; whether a leading
// zero is, depends on its key.
func scalarProblem(w string, keyQuoted bool) string {
	switch w {
	case "True", "TRUE", "False", "FALSE", "None", "NULL", "Null", "nil", "undefined":
		return reasonPython
	}
	digits := strings.TrimLeft(w, "+-")
	sign := w[:len(w)-len(digits)]
	switch {
	case standIn(w):
		return reasonStandIn
	case digits == "" || len(sign) > 1:
		return reasonBadNumber
	case class[digits[0]] == letter:
		return reasonWord
	case sign == "+":
		return reasonPlus
	case len(digits) > 1 && digits[0] == '0' && digits[1]|0x20 == 'x':
		return reasonHex
	case len(digits) > 1 && digits[0] == '0' && class[digits[1]] == digit && keyQuoted:
		return reasonLeadingZero
	case digits[0] == '.':
		return reasonDot
	}
	fraction := strings.TrimLeft(digits, "0123456789")
	if strings.HasPrefix(fraction, ".") && (len(fraction) == 1 || class[fraction[1]] != digit) {
		return reasonDot
	}
	return reasonBadNumber
}

// standIn reports whether w only marks where a number belongs, as the X of the
// slide does.
func standIn(w string) bool {
	if len(w) < 2 {
		return false
	}
	for _, c := range []string{"xX.,", "nN.,", "#.,", ".", "?.,", "_.,", "yY.,"} {
		if strings.Trim(w, c) == "" && (c == "." || strings.ContainsAny(w, c[:len(c)-2])) {
			return true
		}
	}
	return w[0] == '<' && w[len(w)-1] == '>'
}

// peek returns the byte that stands here, 0 at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.p) {
		return s.p[s.i]
	}
	return 0
}

// lastScalar returns the last value if it was a number or a word, else "".
func (s *scanner) lastScalar() string {
	if class[s.p[s.valueAt]] == noScalar {
		return ""
	}
	return string(s.p[s.valueAt:s.lastEnd])
}

// here returns what stands here, up to the next separator.
func (s *scanner) here() string {
	end := s.i
	for end < len(s.p) && end < s.i+60 && !bytes.ContainsAny(s.p[end:end+1], " \t\r\n,:;{}[]\"'") {
		end++
	}
	if end == s.i && end < len(s.p) {
		end++
	}
	return string(s.p[s.i:end])
}
