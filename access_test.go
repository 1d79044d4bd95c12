package vaiven_test

import (
	"strings"
	"testing"

	"vaiven"
)

// TestWrongRightsAreSaid to a person, in both languages.
func TestWrongRightsAreSaid(t *testing.T) {
	for lang, word := range map[vaiven.Lang]string{vaiven.English: "want", vaiven.Spanish: "deb"} {
		if _, err := vaiven.ParseRights([]string{"read", "all"}, lang); err == nil || !strings.Contains(err.Error(), `"all": `+word) {
			t.Errorf("%v", err)
		}
		if err := vaiven.CheckPatterns([]string{"1*", "[1"}, lang); err == nil || !strings.Contains(err.Error(), `"[1": `+word) {
			t.Errorf("%v", err)
		}
	}
	if r, err := vaiven.ParseRights([]string{"read", " set "}, vaiven.English); err != nil || r != vaiven.MayRead|vaiven.MaySet {
		t.Errorf("%v, %v", r, err)
	}
	if err := vaiven.CheckPatterns([]string{"1*", "lab-*", "101"}, vaiven.Spanish); err != nil {
		t.Error(err)
	}
}
