package vaiven

import (
	"strconv"
	"strings"
)

// Lang is the language of everything that a person reads.
type Lang string

// The languages that vaiven speaks.
const (
	English Lang = "en"
	Spanish Lang = "es"
)

// Say returns the text in the language: English unless l is Spanish. Both
// texts stand side by side in the code, so that they change together.
func (l Lang) Say(en, es string) string {
	if l == Spanish {
		return es
	}
	return en
}

// Plural returns the word for so many.
func Plural(n uint64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// Count writes a number with its noun, in the singular where it is one.
func Count(n uint64, one, many string) string {
	return strconv.FormatUint(n, 10) + " " + Plural(n, one, many)
}

// Readings writes how many readings.
func (l Lang) Readings(n uint64) string {
	return Count(n, l.Say("reading", "lectura"), l.Say("readings", "lecturas"))
}

// Devices writes how many devices.
func (l Lang) Devices(n uint64) string {
	return Count(n, l.Say("device", "dispositivo"), l.Say("devices", "dispositivos"))
}

// Boards writes how many boards.
func (l Lang) Boards(n uint64) string {
	return Count(n, l.Say("board", "placa"), l.Say("boards", "placas"))
}

// ParseLang reads a language as --lang or LANG writes it: "es", "es_CO.UTF-8",
// "en". Anything that is not Spanish is English; ok says whether it was one of
// the two.
func ParseLang(s string) (l Lang, ok bool) {
	base, _, _ := strings.Cut(strings.ToLower(s), ".")
	base, _, _ = strings.Cut(base, "_")
	switch base {
	case "es":
		return Spanish, true
	case "en", "c", "posix":
		return English, true
	}
	return English, false
}
