package vaiven

import (
	"fmt"
	"strings"
	"time"
)

// moments are the ways in which a moment without a zone is written, once the blank
// between day and time is a T.
var moments = []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "200601021504"}

// ParseMoment reads a moment as a person writes it: RFC 3339, or without a zone, which is
// now's then, a day with a time (2026-11-22T08:30, 2026-11-22 08:30:15, or TIMEFLAG's
// 202611220830), a time of today (08:30), or a day alone. Of a day alone it is the
// beginning; with end, the end. The error quotes what was given.
func ParseMoment(s string, now time.Time, end bool) (time.Time, error) {
	text, zone := strings.Replace(strings.TrimSpace(s), " ", "T", 1), now.Location()
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	for _, layout := range moments {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04", time.TimeOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			y, m, d := now.Date()
			return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, zone), nil
		}
	}
	t, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q: %s", Shorten(s), WantMoment(English))
	}
	if end {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

// WantMoment says how ParseMoment wants it.
func WantMoment(l Lang) string {
	return l.Say(`want a time as 08:30, 2026-11-22 or "2026-11-22 08:30"`, `se espera una hora como 08:30, 2026-11-22 o "2026-11-22 08:30"`)
}

// WantAge says how ParseAge wants it.
func WantAge(l Lang) string {
	return l.Say("want a time as 90m, 36h, 7d, 2w or 1y", "se espera un tiempo como 90m, 36h, 7d (días), 2w (semanas) o 1y (año)")
}
