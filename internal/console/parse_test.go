package console

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

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
		en, name, err := ParseEvent(lines.Bytes())
		if err != nil {
			t.Errorf("%s: %v", lines.Text(), err)
			continue
		}
		kinds[vaiven.KindOf(en.Event).String()] = true
		if again := AppendEvent(nil, en, name); !bytes.Equal(again, lines.Bytes()) {
			t.Errorf("became another:\n%s\n%s", lines.Text(), again)
		}
	}
	if len(kinds) != 16 {
		t.Errorf("the golden file has %d kinds of events, want all 16", len(kinds))
	}
}

func TestWhatIsNoEventIsAnError(t *testing.T) {
	for _, bad := range []string{"", "{", "[]", `{"id":"1","kind":"gap"}`, `{"id":"1.0","kind":"reading","values":[1]}`, `{"id":"1.0","kind":"reading","values":{"TEMP":"x"}}`} {
		if _, _, err := ParseEvent([]byte(bad)); err == nil || errors.Is(err, ErrOtherKind) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, _, err := ParseEvent([]byte(`{"id":"1.0","kind":"moonrise","phase":3}`)); !errors.Is(err, ErrOtherKind) {
		t.Errorf("an event of a later server: %v", err)
	}
}

func FuzzParseEvent(f *testing.F) {
	b, err := os.ReadFile("testdata/events.golden.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		f.Add(bytes.TrimSuffix(line, []byte("\n")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		en, name, err := ParseEvent(b)
		if err != nil {
			return
		}
		once := AppendEvent(nil, en, name)
		en, name, err = ParseEvent(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if again := AppendEvent(nil, en, name); !bytes.Equal(once, again) {
			t.Errorf("%s\n%s", once, again)
		}
	})
}

// A server that one follows from elsewhere may be anybody's.
func TestParseEventRefusesOrdersToTheTerminal(t *testing.T) {
	for _, line := range []string{
		`{"id":"1.0","kind":"reading","at":"2026-11-22T10:00:00Z","device":"\u001b]0;x\u0007"}`,
		`{"id":"1.0","kind":"reading","at":"2026-11-22T10:00:00Z","device":"101","values":{"T\u001b[2J":1}}`,
		`{"id":"1.0","kind":"report","at":"2026-11-22T10:00:00Z","device":"101","states":{"L\nX":1}}`,
		`{"id":"1.0","kind":"change","at":"2026-11-22T10:00:00Z","device":"101","toggle":["\u009b2J"]}`,
		`{"id":"1.0","kind":"hello","at":"2026-11-22T10:00:00Z","device":"101","names":["\r"]}`,
	} {
		if en, _, err := ParseEvent([]byte(line)); err == nil {
			t.Errorf("%s is taken: %+v", line, en.Event)
		}
	}
}

func TestAnUncountedReadingIsReadAsItIsWritten(t *testing.T) {
	for _, uncounted := range []bool{true, false} {
		e := vaiven.Entry{ID: vaiven.ID{Record: 7}, Event: &vaiven.Reading{Stamp: stamp(0), Device: "101", Values: vals("TEMP", 24.5), Uncounted: uncounted}}
		b := AppendEvent(nil, e, "")
		if strings.Contains(string(b), `"uncounted":true`) != uncounted {
			t.Errorf("%s", b)
		}
		got, _, err := ParseEvent(b)
		if d := cmp.Diff(e, got); err != nil || d != "" {
			t.Errorf("%v\n%s", err, d)
		}
	}
}
