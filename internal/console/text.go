package console

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"vaiven"
)

// clean makes text of a board, a network peer or a file fit for a terminal:
// control characters (which could move the cursor or recolour the screen),
// invisible format characters (which could turn text round) and broken UTF-8
// become U+FFFD, and at most limit characters are kept.
func clean(s string, limit int) string {
	if len(s) <= limit && plainASCII(s) {
		return s
	}
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == limit {
			b.WriteRune('…')
			break
		}
		if r == '\t' || r == '\n' {
			r = ' '
		} else if !unicode.IsPrint(r) && r != ' ' {
			r = utf8.RuneError
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// cleanAll writes several texts of others, such as addresses, with sep between them.
func cleanAll(texts []string, sep string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = clean(t, maxRemote)
	}
	return strings.Join(out, sep)
}

func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Longest texts of others that are shown, in characters.
const (
	maxText   = 300
	maxRemote = 64
)

// width is the columns that s takes on a terminal.
func width(s string) int { return ansi.StringWidth(s) }

// fit cuts s to w columns, with an ellipsis, and fills it up with spaces.
func fit(s string, w int) string {
	s = cut(s, w)
	return s + spaces(w-width(s))
}

// right is fit with the spaces on the left.
func right(s string, w int) string {
	s = cut(s, w)
	return spaces(w-width(s)) + s
}

func cut(s string, w int) string {
	if w <= 0 {
		return ""
	}
	return ansi.Truncate(s, w, "…")
}

func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }

// unit is what stands behind a measurement's number: the protocol fixes it for
// TEMP and HUM, and for no other.
func unit(name string) string {
	switch name {
	case "TEMP":
		return "°C"
	case "HUM":
		return "%"
	}
	return ""
}

// moment is the stamp's wall clock.
func moment(ms int64, offset int32) time.Time {
	return time.UnixMilli(ms + int64(offset)*1000).UTC()
}

// appendClock writes HH:MM:SS in the zone of the stamp.
func appendClock(b []byte, ms int64, offset int32) []byte {
	return moment(ms, offset).AppendFormat(b, "15:04:05")
}

func clock(ms int64, offset int32) string { return string(appendClock(nil, ms, offset)) }

// span writes a duration for people: 250 ms, 2.5 s, 1 min 38 s, 2 h 5 min.
func span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Round(10*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	case d < time.Hour:
		return pair(d, time.Minute, " min", time.Second, " s")
	case d < 48*time.Hour:
		return pair(d, time.Hour, " h", time.Minute, " min")
	}
	return pair(d, 24*time.Hour, " d", time.Hour, " h")
}

func pair(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	d = d.Truncate(small)
	s := strconv.FormatInt(int64(d/big), 10) + bigName
	if rest := d % big / small; rest != 0 {
		s += " " + strconv.FormatInt(int64(rest), 10) + smallName
	}
	return s
}

// count writes a number with its noun, in the singular where it is one.
func count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatUint(n, 10) + " " + many
}

func countReadings(l vaiven.Lang, n uint64) string {
	return count(n, l.Say("reading", "lectura"), l.Say("readings", "lecturas"))
}
