package console

import "vaiven"

// SGR parameters (ECMA-48, 8.3.117). Only the sixteen colours that every
// terminal maps to its own theme are used.
const (
	sgrBold    = "1"
	sgrDim     = "2"
	sgrReverse = "7"
	sgrRed     = "31"
	sgrGreen   = "32"
	sgrYellow  = "33"
	sgrCyan    = "36"
)

// deviceColors are told apart on dark and on light backgrounds; red is kept
// for what is wrong.
var deviceColors = [...]string{"36", "32", "35", "94", "33", "96", "92", "95"}

// paint writes escape codes, or none at all when it is off.
type paint bool

func (p paint) append(b []byte, sgr, text string) []byte {
	if !p || sgr == "" {
		return append(b, text...)
	}
	b = append(b, "\x1b["...)
	b = append(b, sgr...)
	b = append(b, 'm')
	b = append(b, text...)
	return append(b, "\x1b[0m"...)
}

func (p paint) str(sgr, text string) string { return string(p.append(nil, sgr, text)) }

// deviceColor gives every device the same colour on every screen and in every
// run; consecutive numbers, the usual case in a classroom, get different ones.
func deviceColor(d vaiven.Device) string {
	var h uint32
	for i := range len(d) {
		if c := d[i]; c >= '0' && c <= '9' {
			h = h*10 + uint32(c-'0')
		} else {
			h = h*31 + uint32(c)
		}
	}
	return deviceColors[h%uint32(len(deviceColors))]
}

// mark says how much attention an event asks for.
type mark uint8

const (
	markInfo mark = iota
	markGood
	markWarn
	markBad
)

func (m mark) sgr() string {
	switch m {
	case markGood:
		return sgrGreen
	case markWarn:
		return sgrYellow
	case markBad:
		return sgrRed
	}
	return ""
}
