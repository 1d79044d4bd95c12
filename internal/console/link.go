package console

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/skip2/go-qrcode"

	"vaiven"
)

// Link is a login link: the same at each address of the server.
type Link struct {
	URLs    []string // best for another device first
	Minutes int      // that it is good
	QR      bool     // draw one where there is room
}

// maxLinkURLs are shown of a link: more addresses are of no use to a person.
const maxLinkURLs = 3

// WriteLink prints a login link and, where a person looks at a terminal that has room
// for it, a QR code of the first address.
func WriteLink(t Terminal, l vaiven.Lang, link Link) error {
	var b []byte
	color := paint(t.Color)
	label := l.Say("administrator", "administrador")
	for _, u := range link.URLs[:min(len(link.URLs), maxLinkURLs)] {
		b = color.append(append(b, "  "...), sgrDim, fit(label, labelWidth))
		b = append(append(b, clean(u, maxNotice)...), '\n')
		label = ""
	}
	about := fmt.Sprintf(l.Say("opens one browser, once, within %d minutes; `vaiven login-link` prints another",
		"abre un navegador, una vez, en %d minutos; `vaiven login-link` muestra otro"), link.Minutes)
	b = color.append(append(b, "  "+spaces(labelWidth)...), sgrDim, about)
	b = append(b, "\n\n"...)
	if link.QR && len(link.URLs) > 0 {
		b = append(b, QR(t, link.URLs[0])...)
	}
	_, err := t.W.Write(b)
	return err
}

// QR draws a text as a QR code of half blocks, "" where nobody looks at a terminal or
// there is no room: it would be broken by the next line.
func QR(t Terminal, text string) string {
	if !t.TTY {
		return ""
	}
	drawn := drawQR(text, t.Color)
	lines := strings.Count(drawn, "\n")
	if drawn == "" || 2*lines > t.lineWidth() || lines >= cmp.Or(t.Height, 24) {
		return ""
	}
	return drawn + "\n"
}

// drawQR draws light modules: on a terminal they must be lighter than the dark ones,
// which colours see to; without colours most terminals are dark.
func drawQR(text string, color bool) string {
	code, err := qrcode.New(text, qrcode.Low)
	if err != nil { // too long for one
		return ""
	}
	rows := code.Bitmap() // true is dark; with the quiet zone around it
	var b strings.Builder
	for y := 0; y < len(rows); y += 2 {
		if color {
			b.WriteString("\x1b[97;40m")
		}
		for x := range rows[y] {
			top, bottom := !rows[y][x], y+1 >= len(rows) || !rows[y+1][x]
			switch {
			case top && bottom:
				b.WriteString("█")
			case top:
				b.WriteString("▀")
			case bottom:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		if color {
			b.WriteString("\x1b[0m")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
