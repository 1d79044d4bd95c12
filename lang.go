package vaiven

import "strings"

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
