package console

import (
	"strings"
	"testing"
	"time"

	"vaiven"
)

func TestListingGolden(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 15, 0, 0, time.FixedZone("", -5*3600))
	list := []Listed{
		{Device: "007", Title: "mesa 3\x1b[2J", Status: "connected", Since: now.Add(-time.Minute), Readings: 12,
			Values: []vaiven.Value{{Name: "TEMP", Num: 24.5}, {Name: "HUM", Num: 61}}, States: []vaiven.Value{{Name: "LED", Num: 1}}},
		{Device: "101", Status: "silent", Since: now.Add(-time.Hour), Desired: []vaiven.Value{{Name: "LED", Num: 0}}},
		{Device: "102", Title: strings.Repeat("ñ", 60), Status: "asleep", Since: now.Add(-time.Hour), Until: now.Add(40 * time.Hour), Problem: "two boards\n\x1b]0;x"},
		{Device: vaiven.Device(strings.Repeat("a", 64)), Status: "disconnected", Since: now.AddDate(0, -1, 0), Readings: 1 << 40},
		{Device: "104", Status: "never"}, {Device: "105", Status: "elsewhere"},
	}
	for name, l := range map[string]vaiven.Lang{"en": vaiven.English, "es": vaiven.Spanish} {
		var out strings.Builder
		if err := WriteListing(Terminal{W: &out}, l, list, now); err != nil {
			t.Fatal(err)
		}
		noEscape(t, out.String())
		golden(t, "listing-"+name+".golden", out.String())
		out.Reset()
		if err := WriteListing(Terminal{W: &out}, l, []Listed{{Device: "101", Status: "connected"}}, now); err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(out.String(), "\n"); strings.Contains(first, "name") || strings.Contains(first, "nombre") {
			t.Errorf("a column without anything in it: %q", out.String())
		}
	}
}
