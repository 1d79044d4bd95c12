package wire

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"vaiven"
)

// verdict says why the scanner did not take the message.
func (s *scanner) verdict() *vaiven.Error {
	err := s.mistake
	if err == nil || err.Code == vaiven.CodeNotJSON {
		return diagnose(s.p, err)
	}
	// Too many levels: whose message it is, is known of one object alone, as far as
	// its keys stand before the place.
	if s.open[0] == '}' {
		err.Device, err.Boot = s.e.item.Device, s.e.item.Boot
		if err.Boot != "" {
			err.Seq = s.e.item.Seq // else it may be of a BOOT that stands behind
		}
	} else {
		err.Claim = claimed(s.p)
	}
	return err
}

// diagnose says what a text message is that the scanner did not take: what is
// wrong with it as a whole, else the scanner's mistake. It guesses, so its
// verdict is always not_json, which settles nothing, and the id that stands in
// the text is no more than a claim.
func diagnose(p []byte, mistake *vaiven.Error) *vaiven.Error {
	e := &vaiven.Error{Code: vaiven.CodeNotJSON, At: 0}
	body := bytes.TrimLeft(p, " \t\r\n")
	start := len(p) - len(body)
	switch {
	case len(body) == 0:
		e.Reason = reasonEmptyWire
	case bytes.HasPrefix(body, []byte("\xef\xbb\xbf")):
		e.Reason, e.At = reasonBOM, start
	case bytes.IndexByte(p, 0) >= 0 && !isBracket(body[0]) || bytes.HasPrefix(body, []byte("{\x00")):
		e.Reason = reasonUTF16
	case !utf8.Valid(p):
		badText(p, e)
	case isBracket(body[0]):
		e = mistake
	default:
		e.At = start
		e.Reason, e.Got = foreignForm(string(body))
	}
	e.Claim = claimed(p)
	return e
}

// NotUTF8 says what is wrong with a text message that package ws refused since
// it is not UTF-8, in the words that Decode has for the same bytes. p is what
// came of it, up to the offending byte or further; it may be empty.
func NotUTF8(p []byte) *vaiven.Error {
	if utf8.Valid(p) {
		return &vaiven.Error{Code: vaiven.CodeNotJSON, Reason: reasonUTF8, At: -1, Claim: claimed(p)}
	}
	return diagnose(p, nil)
}

// badText says where a text stops being UTF-8, and which letter the byte there
// is in Latin-1, which is how an editor may have saved the board's program.
func badText(p []byte, e *vaiven.Error) {
	e.Reason, e.At = reasonUTF8, invalidUTF8(p)
	switch rest := p[e.At:]; {
	case !utf8.FullRune(rest):
		e.Reason = reasonUnclosed // in the middle of a character
	case rest[0] >= 0xa0:
		e.Got = string(rune(rest[0]))
	}
}

func isBracket(c byte) bool { return c == '{' || c == '[' }

// invalidUTF8 returns the place of the first byte that is not UTF-8.
func invalidUTF8(p []byte) int {
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(p)
}

// foreignForm recognises what boards send instead of JSON.
func foreignForm(s string) (reason, got string) {
	got = vaiven.Shorten(s)
	word, _, _ := strings.Cut(s, " ")
	switch {
	case s[0] == '<':
		return reasonHTML, got
	case strings.HasPrefix(s, "HTTP/"), word == "GET", word == "POST", word == "PUT":
		return reasonHTTP, got
	case strings.HasPrefix(s, "b'") || strings.HasPrefix(s, `b"`):
		return reasonBytes, got
	case s[0] == '\'':
		return reasonSingleQuote, got
	case class[s[0]] == digit && strings.HasPrefix(strings.TrimLeft(s, "0123456789"), "["):
		return reasonSocketIO, got
	case s[0] == '/' || s[0] == '#':
		return reasonComment, got
	case strings.Contains(s, "=") && !strings.ContainsAny(s, "{}\""):
		return reasonForm, got
	case looksLikeCSV(s):
		return reasonCSV, got
	case looksLikeMembers(s):
		return reasonNoBraces, got
	}
	return reasonPlain, got
}

// looksLikeCSV reports whether s is numbers between separators: 101,24.5,61.
func looksLikeCSV(s string) bool {
	s = strings.TrimSpace(s)
	return strings.ContainsAny(s, "0123456789") && strings.ContainsAny(s, ",; \t") &&
		strings.Trim(s, "0123456789.,;+-: \t\r\n") == ""
}

// looksLikeMembers reports whether s begins with KEY: or "KEY":.
func looksLikeMembers(s string) bool {
	key, _, ok := strings.Cut(s, ":")
	key = strings.Trim(key, " \t\"'")
	return ok && key != "" && wordEnd([]byte(key), 0) == len(key)
}

// claimed reads the id out of a message that does not parse, "" if there is none
// or only what stands for one.
func claimed(p []byte) vaiven.Device {
	id := keyText(appendUpper(make([]byte, 0, len(p)), p), p, vaiven.KeyDevice)
	device, err := vaiven.ParseDevice(id)
	if err != nil || standIn(id) {
		return ""
	}
	return device
}

// keyText returns the word behind a key, whatever quotes and signs stand
// around it.
func keyText(upper, p []byte, key string) string {
	from := 0
	for {
		n := bytes.Index(upper[from:], []byte(key))
		if n < 0 {
			return ""
		}
		begin, end := from+n, from+n+len(key)
		from = end
		if begin > 0 && inWord(upper[begin-1]) || end < len(upper) && inWord(upper[end]) {
			continue // part of a longer word
		}
		rest := bytes.TrimLeft(p[end:], "\"' \t")
		if len(rest) == 0 || rest[0] != ':' && rest[0] != '=' {
			continue
		}
		rest = bytes.TrimLeft(rest[1:], "\"' \t")
		word := 0
		for word < len(rest) && (class[rest[word]] != noScalar && rest[word] != '+') {
			word++
		}
		return string(rest[:word])
	}
}
