package vaiven

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The units of ages beside those of Go's durations. A year is 365 days: whoever says
// how long something is to be kept does not count leap days.
const (
	Day  = 24 * time.Hour
	Week = 7 * Day
	Year = 365 * Day
)

// ErrTooLarge is what ParseAge and ParseSize say of a value that is well written, and
// more than they can return.
var ErrTooLarge = errors.New("too large")

// ages are the units of ParseAge that time.ParseDuration does not have, the largest
// first.
var ages = []struct {
	letter string
	length time.Duration
}{{"y", Year}, {"w", Week}, {"d", Day}}

// ParseAge reads how long something is kept, or how far back somebody looks: numbers
// with a unit each, the largest first, as 5y, 90d, 1y6w or 1d12h. Units are y (365
// days), w and d, and behind them those of time.ParseDuration; 0 needs none. It is
// never negative. The error quotes what was given.
func ParseAge(s string) (time.Duration, error) {
	rest, total := strings.TrimSpace(s), 0.0
	bad := fmt.Errorf("%q: want a duration as 5y, 90d, 2w or 12h", Shorten(s))
	if rest == "" {
		return 0, bad
	}
	for _, unit := range ages {
		number, behind, ok := strings.Cut(rest, unit.letter)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || number[0] == '+' || number[0] == '-' {
			return 0, bad
		}
		total += n * float64(unit.length)
		rest = behind
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 || rest[0] == '+' || rest[0] == '-' {
			return 0, bad
		}
		total += float64(d)
	}
	if total >= math.MaxInt64 { // more than 292 years
		return 0, fmt.Errorf("%q: %w: want 290y at most", Shorten(s), ErrTooLarge)
	}
	if !(total >= 0) { // no number
		return 0, bad
	}
	return time.Duration(total), nil
}

// FormatAge writes a duration as ParseAge reads it, in the largest units that it has
// whole ones of.
func FormatAge(d time.Duration) string {
	if d <= 0 {
		return "0"
	}
	var b strings.Builder
	for _, unit := range ages {
		if n := d / unit.length; n > 0 && (unit.letter != "w" || d%unit.length == 0) {
			fmt.Fprintf(&b, "%d%s", n, unit.letter)
			d -= n * unit.length
		}
	}
	if d > 0 {
		text := d.String()
		if d%time.Minute == 0 {
			text = strings.TrimSuffix(text, "0s")
		}
		if d%time.Hour == 0 {
			text = strings.TrimSuffix(text, "0m")
		}
		b.WriteString(text)
	}
	return b.String()
}
