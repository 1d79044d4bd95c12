package event

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

// stamp is 2026-11-22 14:03:07.250 in Bogota.
var stamp = vaiven.Stamp{At: 1795374187250, Offset: -5 * 3600, Synced: true}

// TestAnEventComesBack reads every line of the documented output, and writes it
// again.
func TestAnEventComesBack(t *testing.T) {
	golden, err := os.Open("testdata/events.golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer golden.Close()
	kinds := map[string]bool{}
	for lines := bufio.NewScanner(golden); lines.Scan(); {
		en, name, err := Parse(lines.Bytes())
		if err != nil {
			t.Errorf("%s: %v", lines.Text(), err)
			continue
		}
		kinds[vaiven.KindOf(en.Event).String()] = true
		if again := Append(nil, en, name); !bytes.Equal(again, lines.Bytes()) {
			t.Errorf("became another:\n%s\n%s", lines.Text(), again)
		}
	}
	for _, k := range vaiven.KindNames() {
		if !kinds[k] {
			t.Errorf("the golden file has no %s: write it in Append, read it in Parse, and add a line", k)
		}
	}
}

func TestWhatIsNoEventIsAnError(t *testing.T) {
	for _, bad := range []string{"", "{", "[]", `{"id":"1","kind":"gap"}`, `{"id":"1.0","kind":"reading","values":[1]}`, `{"id":"1.0","kind":"reading","values":{"TEMP":"x"}}`} {
		if _, _, err := Parse([]byte(bad)); err == nil || errors.Is(err, ErrOtherKind) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, _, err := Parse([]byte(`{"id":"1.0","kind":"moonrise","phase":3}`)); !errors.Is(err, ErrOtherKind) {
		t.Errorf("an event of a later server: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	b, err := os.ReadFile("testdata/events.golden.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		f.Add(bytes.TrimSuffix(line, []byte("\n")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		en, name, err := Parse(b)
		if err != nil {
			return
		}
		once := Append(nil, en, name)
		en, name, err = Parse(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if again := Append(nil, en, name); !bytes.Equal(once, again) {
			t.Errorf("%s\n%s", once, again)
		}
	})
}

// A server that one follows from elsewhere may be anybody's.
func TestParseRefusesOrdersToTheTerminal(t *testing.T) {
	for _, line := range []string{
		`{"id":"1.0","kind":"reading","at":"2026-11-22T10:00:00Z","device":"\u001b]0;x\u0007"}`,
		`{"id":"1.0","kind":"reading","at":"2026-11-22T10:00:00Z","device":"101","values":{"T\u001b[2J":1}}`,
		`{"id":"1.0","kind":"report","at":"2026-11-22T10:00:00Z","device":"101","states":{"L\nX":1}}`,
		`{"id":"1.0","kind":"change","at":"2026-11-22T10:00:00Z","device":"101","toggle":["\u009b2J"]}`,
		`{"id":"1.0","kind":"hello","at":"2026-11-22T10:00:00Z","device":"101","names":["\r"]}`,
	} {
		if en, _, err := Parse([]byte(line)); err == nil {
			t.Errorf("%s is taken: %+v", line, en.Event)
		}
	}
}

func TestAnUncountedReadingIsReadAsItIsWritten(t *testing.T) {
	for _, uncounted := range []bool{true, false} {
		e := vaiven.Entry{ID: vaiven.ID{Record: 7}, Event: &vaiven.Reading{
			Stamp: stamp, Device: "101", Values: []vaiven.Value{{Name: "TEMP", Num: 24.5}}, Uncounted: uncounted,
		}}
		b := Append(nil, e, "")
		if strings.Contains(string(b), `"uncounted":true`) != uncounted {
			t.Errorf("%s", b)
		}
		got, _, err := Parse(b)
		if d := cmp.Diff(e, got); err != nil || d != "" {
			t.Errorf("%v\n%s", err, d)
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
func FuzzText(f *testing.F) {
	f.Add("plain", "ñandú")
	f.Add("\x00\"\\\x1b[31m", "\u2028\u009b\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		ev := &vaiven.Rejected{Stamp: stamp, Device: "101", Code: vaiven.Code(a), Count: 1, Text: a + b, Remote: b}
		line := Append(nil, vaiven.Entry{ID: vaiven.ID{Record: 1}, Event: ev}, b)
		if bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) || !json.Valid(line) {
			t.Fatalf("%q", line)
		}
		var o struct{ Text string }
		if err := json.Unmarshal(line, &o); err != nil || o.Text != strings.ToValidUTF8(a+b, "\ufffd") && len(o.Text) < len(strings.ToValidUTF8(a+b, "")) {
			t.Fatalf("%v: %q from %q", err, o.Text, a+b)
		}
	})
}
