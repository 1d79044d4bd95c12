package vaiven

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable is text of others, fit for a terminal: control characters (which could move
// the cursor or recolour the screen), invisible format characters (which could turn text
// round) and broken UTF-8 become U+FFFD, a tab and a line's end a space.
func Printable(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return strings.Map(PrintableRune, s)
		}
	}
	return s
}

// PrintableRune is Printable of one character.
func PrintableRune(r rune) rune {
	switch {
	case r == '\t', r == '\n':
		return ' '
	case r != ' ' && !unicode.IsPrint(r):
		return utf8.RuneError
	}
	return r
}

// SpreadsheetText is text of others, fit for a cell of a CSV file that a spreadsheet opens:
// what it would take for a formula has an apostrophe in front, which says that it is none.
func SpreadsheetText(s string) string {
	if s != "" && strings.IndexByte("=+-@\t\r\n", s[0]) >= 0 {
		return "'" + s
	}
	return s
}
