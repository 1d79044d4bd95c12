package ws_test

import (
	"slices"
	"testing"
	"unicode/utf8"

	"vaiven/internal/ws"
)

// texts are valid and invalid, at every boundary of RFC 3629.
var texts = []string{
	"", "a", "ñandú", "κόσμε", "日本", "🙂",
	"\x00", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
	"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xef\xbf\xbd", "\xef\xb7\x90",
	"\x80", "\xbf", "a\x80", "\xc2\x80\x80", // continuation of nothing
	"\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", // overlong
	"\xed\xa0\x80", "\xed\xbf\xbf", "\xed\xa0\xbd\xed\xb8\x80", // surrogates
	"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", "\xfe", "\xff", // beyond U+10FFFF
	"\xc2", "\xe2\x82", "\xf0\x9f\x99", "ok\xe2", "\xe2\x82a", "\xf0\x9f\x99\xc2\x80", "\xc3(", // cut
}

// Every text, cut into two fragments at every byte, and each of them into
// segments; the outcome depends on the text alone.
func TestTextCutAnywhere(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{}, echoing)
			for _, text := range texts {
				want := []string{"close 1007"}
				if utf8.ValidString(text) {
					want = []string{describe(opText, []byte(text)), "close 1000"}
				}
				for cut := range len(text) + 1 {
					for _, send := range []func(*client, []byte){(*client).write, (*client).bytewise} {
						c := s.dial()
						send(c, join(masked(opText, text[:cut]), masked(fin|opPong, ""), masked(fin|opCont, text[cut:]), closing(1000, "")))
						if got := c.frames(); !slices.Equal(got, want) {
							t.Errorf("%q cut at %d: got %q, want %q", text, cut, got, want)
						}
						_ = c.Close()
					}
				}
			}
		})
	}
}

// Bytes that can no longer become a text end the connection as soon as they
// arrive: the rest of the frame is never sent here.
func TestBadTextFailsFast(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			s := start(t, m, ws.Options{}, echoing)
			for _, text := range texts {
				n := firstBad(text)
				if n < 0 {
					continue
				}
				frame := masked(fin|opText, text[:n]+string(make([]byte, 100)))
				c := s.dial()
				c.write(frame[:6+n])
				if got := c.frame(); got != "close 1007" {
					t.Errorf("%q: got %q", text[:n], got)
				}
				_ = c.Close()
			}
		})
	}
}

// firstBad is the length of the shortest prefix that no valid text begins
// with, -1 for none.
func firstBad(s string) int {
	for n := 1; n <= len(s); n++ {
		if !beginsText(s[:n]) {
			return n
		}
	}
	return -1
}

// beginsText tries every continuation that could complete the last character.
func beginsText(s string) bool {
	marks := []string{"\x80", "\x8f", "\x90", "\x9f", "\xa0", "\xbf"}
	if utf8.ValidString(s) {
		return true
	}
	for _, a := range marks {
		if utf8.ValidString(s+a) || utf8.ValidString(s+a+"\x80") || utf8.ValidString(s+a+"\x80\x80") {
			return true
		}
	}
	return false
}

// Binary messages, and what pings carry, may hold anything.
func TestBinaryIsNotChecked(t *testing.T) {
	s := start(t, modes[0], ws.Options{}, echoing)
	c := s.dial()
	for _, text := range texts {
		c.write(masked(fin|opBinary, text))
		if got, want := c.frame(), describe(opBinary, []byte(text)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
