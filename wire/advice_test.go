package wire_test

import (
	"strings"
	"testing"

	"vaiven"
	"vaiven/wire"
)

// whole are good messages, in which the tests below make one mistake each.
var whole = []string{
	`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":17,"AGE":0,"TEMP":24.5,"HUM":-61e1,"LED":true,"X":null}`,
	`{IDDEVICE: 101, TEMP: 024.05, HUM: 061}`,
	`[{"IDDEVICE":101,"TEMP":24.5,"NOTE":"caf\u00e9 \ud83d\ude39 °C"},{"IDDEVICE":102,"X":[1,{"Y":[]}]}]`,
}

// reasonOf returns the reason of the one refusal, and its words.
func reasonOf(t *testing.T, text string) (reason, said string) {
	t.Helper()
	items := decode(false, []byte(text))
	if len(items) != 1 || items[0].Err == nil || items[0].Err.Code != vaiven.CodeNotJSON {
		t.Fatalf("%s: %+v", text, items)
	}
	return items[0].Err.Reason, wire.Explain(items[0].Err, vaiven.English)
}

// TestCutAdvice: wherever a message is cut off, its author is told that it was.
func TestCutAdvice(t *testing.T) {
	for _, text := range whole {
		for n := 1; n < len(text); n++ {
			if _, said := reasonOf(t, text[:n]); !strings.Contains(said, "cut off") {
				t.Errorf("%s\n%s", text[:n], said)
			}
		}
	}
}

// TestBracketAdvice: a closing bracket too many, too few or of the wrong kind is
// called so.
func TestBracketAdvice(t *testing.T) {
	for _, text := range whole {
		for i, c := range text {
			if c != '}' && c != ']' {
				continue
			}
			for _, more := range []string{"}", "]"} {
				if reason, said := reasonOf(t, text[:i+1]+more+text[i+1:]); reason != "surplus" && reason != "bracket" && reason != "inner_open" {
					t.Errorf("%s one more behind %s: %s", more, text[:i+1], said)
				}
			}
			if i == len(text)-1 {
				continue // cut off
			}
			// Without it, what follows stands in the wrong place.
			if reason, said := reasonOf(t, text[:i]+text[i+1:]); reason == "extra" {
				t.Errorf("without the one behind %s: %s", text[:i], said)
			}
		}
		if reason, said := reasonOf(t, text+"]"); reason != "surplus" {
			t.Errorf("%s]: %s", text, said)
		}
	}
}

// TestSignAdvice: a sign too many makes a number bad, also where a nan or an
// exponent is meant.
func TestSignAdvice(t *testing.T) {
	for _, number := range []string{`--nan`, `+-inf`, `1e+-5`, `--1`, `1E-+5`} {
		for _, text := range []string{`{"IDDEVICE":101,"TEMP":` + number + `}`, `{IDDEVICE: 101, TEMP: ` + number + `, HUM: 61}`} {
			if reason, said := reasonOf(t, text); reason != "bad_number" {
				t.Errorf("%s: %s", text, said)
			}
		}
	}
}

// TestEscapeAdvice: a control character in an escape is no hex digit.
func TestEscapeAdvice(t *testing.T) {
	for c := byte(0); c < ' '; c++ {
		text := `{"IDDEVICE":101,"NOTE":"\u00` + string(c) + `1","TEMP":1}`
		if reason, said := reasonOf(t, text); reason != "escape" {
			t.Errorf("%q: %s", text, said)
		}
	}
}

// TestAdviceNamesSomething: no mistake of one byte is answered with no more than
// that the message is not JSON.
func TestAdviceNamesSomething(t *testing.T) {
	const useless = "this is not JSON"
	for _, text := range whole {
		for i := range len(text) {
			for _, broken := range []string{
				text[:i] + text[i+1:], text[:i] + text[i:i+1] + text[i:], text[:i] + ";" + text[i:], text[:i] + "\"" + text[i:], text[:i] + " x " + text[i:],
			} {
				for _, it := range decode(false, []byte(broken)) {
					if it.Err != nil && strings.HasPrefix(wire.Explain(it.Err, vaiven.English), useless) {
						t.Errorf("%s: %s", broken, it.Err)
					}
				}
			}
		}
	}
	for _, text := range append(append(append([]string(nil), notJSON.whole...), notJSON.values...), corpusTexts()...) {
		for _, it := range decode(false, []byte(text)) {
			if it.Err != nil && strings.HasPrefix(wire.Explain(it.Err, vaiven.English), useless) {
				t.Errorf("%q: %s", text, it.Err)
			}
		}
	}
}

func corpusTexts() (texts []string) {
	for _, c := range corpus {
		texts = append(texts, c.text)
	}
	return texts
}

// TestSlideAdvice: whoever types the slide's line as it is printed, with any
// number of X, in either case, with or without quotes, is told what they mean.
func TestSlideAdvice(t *testing.T) {
	for _, x := range []string{"XX", "XX" + "X", "xxx", "XX.X", "NNN", "###", "...", "???", "___"} {
		for _, form := range []string{`{IDDEVICE: $, TEMP: $, HUM: $}`, `{"IDDEVICE":$,"TEMP":$}`, `{"IDDEVICE":101,"TEMP":$}`, `{"IDDEVICE":101,"TEMP":"$"}`, `{"IDDEVICE":101,"CO2":$}`} {
			text := strings.ReplaceAll(form, "$", x)
			items := decode(false, []byte(text))
			if len(items) != 1 || items[0].Err == nil {
				t.Fatalf("%s: %+v", text, items)
			}
			en, es := wire.Explain(items[0].Err, vaiven.English), wire.Explain(items[0].Err, vaiven.Spanish)
			if !strings.Contains(en, "stands for a number") || !strings.Contains(es, "en lugar de un número") {
				t.Errorf("%s: %s; %s", text, en, es)
			}
		}
	}
}
