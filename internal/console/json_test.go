package console

import (
	"encoding/json"
	"strings"
	"testing"

	"vaiven"
)

func TestJSONGolden(t *testing.T) {
	var out writes
	j := NewJSON(Options{Lang: vaiven.Spanish, Out: Terminal{W: &out, TTY: true, Color: true}, Roster: names})
	if err := j.Apply(1, everything()); err != nil {
		t.Fatal(err)
	}
	if out.n != 1 {
		t.Errorf("%d writes, want one", out.n)
	}
	noEscape(t, out.String())
	golden(t, "../../event/testdata/events.golden.jsonl", out.String())
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != len(everything()) {
		t.Errorf("%d lines for %d events", len(lines), len(everything()))
	}
	for _, line := range lines {
		var o struct{ ID, Kind, At string }
		if err := json.Unmarshal([]byte(line), &o); err != nil || o.ID == "" || o.Kind == "" || o.Kind == "unknown" || o.At == "" {
			t.Errorf("%v: %s", err, line)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b]0;title\x07\u202e\u200b\xff\t\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s, 50)
		noEscape(t, got)
		if strings.Contains(got, "\n") || len([]rune(got)) > 51 || strings.ContainsAny(got, "\u202e\u2066\u200b") {
			t.Fatalf("%q from %q", got, s)
		}
	})
}
