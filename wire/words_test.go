package wire

import (
	"regexp"
	"slices"
	"testing"

	"vaiven"
)

// TestWords: each sentence stands in both languages, with the same facts in it,
// each of which is filled in.
func TestWords(t *testing.T) {
	fact := regexp.MustCompile(`\{[a-z]+\}`)
	check := func(where string, w words, known []string) {
		t.Helper()
		en, es := fact.FindAllString(w.en, -1), fact.FindAllString(w.es, -1)
		slices.Sort(en)
		slices.Sort(es)
		if w.en == "" || w.es == "" || !slices.Equal(en, es) {
			t.Errorf("%s: %q, %q", where, w.en, w.es)
		}
		for _, f := range en {
			if !slices.Contains(known, f) {
				t.Errorf("%s: nothing fills in %s", where, f)
			}
		}
	}
	known := facts(&vaiven.Error{}, vaiven.English)
	for code, said := range sentences {
		if _, ok := said[""]; !ok {
			t.Errorf("%s has no words of its own", code)
		}
		for reason, w := range said {
			check(string(code)+" "+reason, w, known)
		}
	}
	for kind, w := range hintSentences {
		check(string(kind), w, []string{"{key}", "{got}", "{want}", "{held}", "{meaning}"})
	}
	for key, w := range meanings {
		check(key, w, nil)
	}
	for id := keyHello; id < keyCommon; id++ {
		switch key := keyNames[id]; id {
		case keyDevice, keySeq, keyToken: // never ignored
		default:
			if _, ok := meanings[key]; !ok {
				t.Errorf("%s means nothing", key)
			}
		}
	}
}
