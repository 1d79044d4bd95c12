package main

import (
	"strings"
	"testing"

	"vaiven"
)

// TestTheKeyIsForWhoWaitsLongest: who is told of a board is not asked to press a key that
// lets another in.
func TestTheKeyIsForWhoWaitsLongest(t *testing.T) {
	mine, stranger := vaiven.Waiting{Device: "104", Remote: "192.168.1.20"}, vaiven.Waiting{Device: "500", Remote: "192.168.1.66"}
	twin := vaiven.Waiting{Device: "104", Remote: "192.168.1.66"}
	for lang, press := range map[vaiven.Lang]string{vaiven.English: "press a", vaiven.Spanish: "pulsa a"} {
		p := &program{lang: lang}
		for _, all := range [][]vaiven.Waiting{nil, {mine}, {mine, stranger}} {
			if got := p.keyHint(mine, all); !strings.HasPrefix(got, press) {
				t.Errorf("%v: %q", all, got)
			}
		}
		for _, all := range [][]vaiven.Waiting{{stranger, mine}, {twin, mine}} {
			if got := p.keyHint(mine, all); strings.Contains(got, press) || !strings.Contains(got, "approve 104") || !strings.Contains(got, "192.168.1.66") {
				t.Errorf("%v: %q", all, got)
			}
		}
	}
}
