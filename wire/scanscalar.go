package wire

import "strings"

// scalar steps over a number or word, or says which habit of another language
// it comes from.
func (s *scanner) scalar() bool {
	end := s.i
	for end < len(s.p) && isScalarByte(s.p[end]) {
		end++
	}
	w := string(s.p[s.i:end])
	reason := scalarProblem(w, s.keyQuoted())
	if reason != "" && end == len(s.p) && len(s.open) > 0 {
		return s.problem(reasonUnclosed, end, string(s.closing()))
	}
	if (reason == reasonWord || reason == reasonBadNumber) && textKey(s.key) && len(s.open) > 0 && s.closing() == '}' {
		reason = reasonNeedsQuotes
	}
	if reason != "" {
		return s.problem(reason, s.i, w)
	}
	if isNaNWord([]byte(strings.TrimLeft(w, "+-"))) && s.closing() == ']' {
		return s.problem(reasonWord, s.i, w)
	}
	s.bare = true
	s.number = strings.Trim(w, "-0123456789") == ""
	s.i, s.lastEnd = end, end
	return true
}

// textKey reports whether text stands behind a key of the protocol.
func textKey(key string) bool {
	switch protocolKey(appendUpper(nil, []byte(key))) {
	case keyDevice, keyBoot, keyFW, keyStates:
		return true
	}
	return false
}

// keyQuoted reports whether a leading zero is a mistake here: it is, unless
// the key has no quotes, as on the slide.
func (s *scanner) keyQuoted() bool {
	if len(s.open) == 0 || s.closing() == ']' {
		return true
	}
	i := s.i - 1
	for i > 0 && strings.IndexByte(" \t\r\n:", s.p[i]) >= 0 {
		i--
	}
	return i < 0 || s.p[i] == '"'
}

// scalarProblem returns what is wrong with w as a JSON value, "" if nothing.
func scalarProblem(w string, keyQuoted bool) string {
	switch w {
	case "true", "false", "null":
		return ""
	case "True", "TRUE", "False", "FALSE", "None", "NULL", "Null", "nil", "undefined":
		return reasonPython
	}
	digits := strings.TrimLeft(w, "+-")
	switch {
	case isNaNWord([]byte(digits)):
		return "" // taken for what it is inside an object
	case standIn(w):
		return reasonStandIn
	case digits == "" || w[:len(w)-len(digits)] != "-" && len(w)-len(digits) > 1:
		return reasonBadNumber
	case isWordStart(digits[0]):
		return reasonWord
	case w[0] == '+':
		return reasonPlus
	case len(digits) > 1 && digits[0] == '0' && (digits[1]|0x20) == 'x':
		return reasonHex
	case len(digits) > 1 && digits[0] == '0' && isDigit(digits[1]) && keyQuoted:
		return reasonLeadingZero
	}
	return numberProblem(strings.TrimLeft(digits, "0"), digits)
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

// numberProblem checks digits behind the sign; significant is without its
// leading zeros.
func numberProblem(significant, digits string) string {
	whole, rest := span(significant)
	if whole == "" && significant == digits {
		if digits[0] == '.' {
			return reasonDot
		}
		return reasonBadNumber
	}
	if rest != "" && rest[0] == '.' {
		var fraction string
		if fraction, rest = span(rest[1:]); fraction == "" {
			return reasonDot
		}
	}
	if rest != "" && rest[0]|0x20 == 'e' {
		rest = strings.TrimPrefix(strings.TrimPrefix(rest[1:], "+"), "-")
		var exponent string
		if exponent, rest = span(rest); exponent == "" {
			return reasonBadNumber
		}
	}
	if rest != "" {
		return reasonBadNumber
	}
	return ""
}

// span splits off the digits that s begins with.
func span(s string) (digits, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return s[:i], s[i:]
}
