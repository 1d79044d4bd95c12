//go:build suites && linux

package docs

import (
	"regexp"
	"slices"
	"strings"
)

// replacement makes equal what differs between two runs.
type replacement struct {
	pattern *regexp.Regexp
	with    string
}

// replacements are applied in this order, to documents and to output alike.
var replacements = []replacement{
	{regexp.MustCompile(`\x1b(\[[0-9;]*[A-Za-z]|[78])`), ""}, // what moves a terminal's cursor
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`), "INSTANT"},
	{regexp.MustCompile(`\b\d{8}-\d{6}\b`), "DATE-TIME"},
	{regexp.MustCompile(`\b20\d{10}\b`), "TIMEFLAG"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`), "CLOCK"},
	{regexp.MustCompile(`\b127\.0\.0\.1:\d{5}\b`), "BOARD"},
	{regexp.MustCompile(`"(id|next)":"\d+\.\d+"`), `"$1":"ID"`},
	{regexp.MustCompile(`^(id|Last-Event-ID): \d+\.\d+`), "$1: ID"},
	{regexp.MustCompile(`"boot":"[0-9a-f]+"`), `"boot":"BOOT"`},
	{regexp.MustCompile(`"(seq|age_ms)":\d+`), `"$1":N`},
	{regexp.MustCompile(`\b(TEMP|HUM|value)(["']?[:=]? ?)\d+(\.\d+)?`), "$1${2}VALUE"},
	{regexp.MustCompile(`\b\d+(\.\d+)? ?(µs|ms|s)\b`), "TIME"},
	// How far a change has come by the time that it is asked about is a race.
	{regexp.MustCompile(`asked for \(REV \d+\)$|sent to the board, not confirmed$|pedido \(REV \d+\)$|enviado a la placa, sin confirmar$`), "ON ITS WAY"},
	{regexp.MustCompile(`\s+`), " "},
}

func normal(line string) string {
	for _, r := range replacements {
		line = r.pattern.ReplaceAllString(line, r.with)
	}
	return strings.TrimSpace(line)
}

// missing returns the first of the shown lines that has no line of its own in
// the output, or "".
func missing(shown []string, output string) string {
	printed := strings.FieldsFunc(output, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range printed {
		printed[i] = normal(printed[i])
	}
	for _, line := range shown {
		want := normal(line)
		if strings.Trim(want, "… ") == "" {
			continue
		}
		i := slices.IndexFunc(printed, func(have string) bool { return matches(want, have) })
		if i < 0 {
			return line
		}
		printed = slices.Delete(printed, i, i+1)
	}
	return ""
}

// matches compares a line with what was shown of it: "…" stands for anything.
func matches(want, have string) bool {
	parts := strings.Split(want, "…")
	have, ok := strings.CutPrefix(have, strings.TrimRight(parts[0], " "))
	if len(parts) == 1 {
		return ok && have == ""
	}
	for _, p := range parts[1 : len(parts)-1] {
		if !ok {
			return false
		}
		_, have, ok = strings.Cut(have, strings.TrimSpace(p))
	}
	return ok && strings.HasSuffix(have, strings.TrimSpace(parts[len(parts)-1]))
}
