package vaiven

import (
	"testing"
	"time"
)

func TestParseMoment(t *testing.T) {
	zone := time.FixedZone("", -5*3600)
	now := time.Date(2026, 11, 22, 21, 14, 3, 9, zone) // the 23rd in UTC
	for text, want := range map[string]time.Time{
		"2026-11-21T10:00:00Z":      time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC),
		"2026-11-21T10:00:00+02:00": time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC),
		"2026-11-21T08:30":          time.Date(2026, 11, 21, 8, 30, 0, 0, zone),
		" 2026-11-21 08:30:15 ":     time.Date(2026, 11, 21, 8, 30, 15, 0, zone),
		"202611210830":              time.Date(2026, 11, 21, 8, 30, 0, 0, zone),
		"08:30":                     time.Date(2026, 11, 22, 8, 30, 0, 0, zone),
		"8:30":                      time.Date(2026, 11, 22, 8, 30, 0, 0, zone),
		"08:30:15":                  time.Date(2026, 11, 22, 8, 30, 15, 0, zone),
		"2026-11-21":                time.Date(2026, 11, 21, 0, 0, 0, 0, zone),
	} {
		if got, err := ParseMoment(text, now, false); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
		if text == "2026-11-21" {
			want = want.AddDate(0, 0, 1)
		}
		if got, err := ParseMoment(text, now, true); err != nil || !got.Equal(want) {
			t.Errorf("%q as an end is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "noon", "25:00", "8", "20261123", "2026-13-01", "22/11/2026", "1h"} {
		if got, err := ParseMoment(text, now, false); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
