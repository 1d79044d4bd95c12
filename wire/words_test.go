package wire

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"vaiven"
)

// TestWords: each sentence stands in both languages, with the same facts in it,
// each of which is filled in.
func TestWords(t *testing.T) {
	names := regexp.MustCompile(`\{[a-z]+\}`)
	check := func(where string, w words, fact func(name string) (string, bool)) {
		t.Helper()
		en, es := names.FindAllString(w.en, -1), names.FindAllString(w.es, -1)
		slices.Sort(en)
		slices.Sort(es)
		if w.en == "" || w.es == "" || !slices.Equal(en, es) {
			t.Errorf("%s: %q, %q", where, w.en, w.es)
		}
		for _, name := range en {
			if _, known := fact(strings.Trim(name, "{}")); !known {
				t.Errorf("%s: nothing fills in %s", where, name)
			}
		}
	}
	ofError := func(name string) (string, bool) { return fact(&vaiven.Error{}, vaiven.English, name) }
	ofHint := func(name string) (string, bool) { return Hint{}.fact(vaiven.English, name) }
	ofNothing := func(string) (string, bool) { return "", false }
	for code, said := range sentences {
		if _, ok := said[""]; !ok {
			t.Errorf("%s has no words of its own", code)
		}
		for reason, w := range said {
			check(string(code)+" "+reason, w, ofError)
		}
	}
	for kind, w := range hintSentences {
		check(string(kind), w, ofHint)
	}
	for key, w := range meanings {
		check(key, w, ofNothing)
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

// TestKeys: each key is found under its own name.
func TestKeys(t *testing.T) {
	for id, name := range keyNames {
		if got := keyOf([]byte(name)); got != keyID(id) {
			t.Errorf("%s: key %d, want %d", name, got, id)
		}
		if protocol := id > 0 && keyID(id) < keyCommon; protocol != vaiven.ProtocolKey(name) {
			t.Errorf("%s: of the protocol: %v", name, protocol)
		}
	}
}
