package main

import (
	"testing"

	"vaiven"
	"vaiven/internal/csvfile"
)

// TestVerifyNamesRowsThatAreInNoFile: no plain "ok" for a CSV that lacks rows.
func TestVerifyNamesRowsThatAreInNoFile(t *testing.T) {
	d := &dataFolder{program: &program{lang: vaiven.English}}
	if got := d.missingRows("d/readings.csv", nil); got != "" {
		t.Error(got)
	}
	want := ", but rows 1 to 20, 31 to 40 are in no file of readings.csv any more"
	if got := d.missingRows("d/readings.csv", []csvfile.Span{{First: 1, Last: 20}, {First: 31, Last: 40}}); got != want {
		t.Error(got)
	}
}
