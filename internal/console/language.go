package console

import (
	"fmt"

	"vaiven"
)

// ChooseLang decides the language of everything that a person reads: flag (the
// value of --lang) if it is not empty, else the first of LC_ALL, LC_MESSAGES
// and LANG that is set (the order of POSIX), else English. A language of the
// environment that vaiven does not speak is English; one of the flag is an
// error.
func ChooseLang(flag string, getenv func(string) string) (vaiven.Lang, error) {
	if flag != "" {
		l, ok := vaiven.ParseLang(flag)
		if !ok {
			return vaiven.English, fmt.Errorf("language %q: want es or en", vaiven.Shorten(flag))
		}
		return l, nil
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			l, _ := vaiven.ParseLang(v)
			return l, nil
		}
	}
	return vaiven.English, nil
}
