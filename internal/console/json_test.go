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
	golden(t, "events.golden.jsonl", out.String())
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

func TestZone(t *testing.T) {
	for offset, want := range map[int32]string{0: "Z", -18000: "-05:00", 19800: "+05:30", -12600: "-03:30", 50400: "+14:00"} {
		if got := string(appendZone(nil, offset)); got != want {
			t.Errorf("%d: %s, want %s", offset, got, want)
		}
	}
}

// Whatever a board says, a line stays one line of valid JSON that a terminal
// can show.
func FuzzJSONText(f *testing.F) {
	f.Add("plain", "ñandú")
	f.Add("\x00\"\\\x1b[31m", "\u2028\u009b\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		ev := &vaiven.Rejected{Stamp: stamp(0), Device: "101", Code: vaiven.Code(a), Count: 1, Text: a + b, Remote: b}
		line := AppendEvent(nil, entries(1, ev)[0], b)
		noEscape(t, string(line))
		if strings.Contains(string(line), "\n") || !json.Valid(line) {
			t.Fatalf("%q", line)
		}
		var o struct{ Text string }
		if err := json.Unmarshal(line, &o); err != nil || o.Text != strings.ToValidUTF8(a+b, "\ufffd") && len(o.Text) < len(strings.ToValidUTF8(a+b, "")) {
			t.Fatalf("%v: %q from %q", err, o.Text, a+b)
		}
	})
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
