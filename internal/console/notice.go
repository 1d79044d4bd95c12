package console

import (
	"vaiven"
)

// Notice tells a person something that is not an error, with what to do about
// it in hint (may be empty). It belongs on stderr.
func Notice(t Terminal, l vaiven.Lang, text, hint string) {
	tell(t, l, sgrYellow, l.Say("notice", "aviso"), text, hint)
}

// Fail tells a person why a command gives up, and what to try:
//
//	error: port 8080 is taken
//	  hint: another vaiven may be running; or try --listen :8081
func Fail(t Terminal, l vaiven.Lang, text, hint string) {
	tell(t, l, sgrRed, "error", text, hint)
}

// tell writes with one call. Its own failure has nowhere to be told.
func tell(t Terminal, l vaiven.Lang, sgr, word, text, hint string) {
	color := paint(t.Color)
	b := color.append(nil, sgr, word+":")
	b = append(b, ' ')
	b = append(b, text...)
	b = append(b, '\n')
	if hint != "" {
		b = append(b, "  "...)
		b = color.append(b, sgrDim, l.Say("hint:", "pista:"))
		b = append(b, ' ')
		b = append(b, hint...)
		b = append(b, '\n')
	}
	_, _ = t.W.Write(b)
}
