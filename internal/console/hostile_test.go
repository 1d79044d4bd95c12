package console

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"vaiven"
)

// wild is text that would draw: escape sequences, C1 controls, and characters that turn
// text round or hide.
const wild = "X\x1b[2J\x1b]0;t\x07\u009b31m\u202e\u2066\u200bY"

// fillWild writes wild into every text of an event, but for what is checked where it
// enters: ids, boots and names of values.
func fillWild(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		switch v.Type() {
		case reflect.TypeFor[vaiven.Device]():
			v.SetString("101")
		case reflect.TypeFor[vaiven.Boot]():
			v.SetString("9f3c02aa")
		default:
			v.SetString(wild)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			switch name := v.Type().Field(i).Name; {
			case name == "Toggle" || name == "Names": // of states
				v.Field(i).Set(reflect.ValueOf([]string{"LED"}))
			case v.Field(i).CanSet():
				fillWild(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[[]vaiven.Value]() {
			v.Set(reflect.ValueOf(vals("TEMP", 24.5, "LED", 1.0)))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fillWild(v.Index(i))
		}
	}
}

// hostileEvents has an event of every kind whose every text is wild, and some whose words
// are ours so that the screens show the rest.
func hostileEvents() []vaiven.Entry {
	evs := []vaiven.Event{
		&vaiven.Presence{Connected: true}, &vaiven.Hello{}, &vaiven.Described{}, &vaiven.SessionStart{}, &vaiven.Reading{}, &vaiven.Refusal{}, &vaiven.Gap{},
		&vaiven.Rejected{}, &vaiven.Report{}, &vaiven.Conflict{}, &vaiven.Change{}, &vaiven.Sent{}, &vaiven.ChangeEnd{}, &vaiven.SessionEnd{}, &vaiven.LogStart{},
		&vaiven.Presence{},
	}
	for _, e := range evs {
		fillWild(reflect.ValueOf(e).Elem())
		stampOf := reflect.ValueOf(e).Elem().FieldByName("Stamp")
		stampOf.Set(reflect.ValueOf(stamp(0)))
	}
	return entries(1, append(evs,
		&vaiven.Rejected{Stamp: stamp(0), Code: vaiven.CodeNotJSON, Count: 3, Text: wild, Remote: wild},
		&vaiven.ChangeEnd{Stamp: stamp(0), Device: "101", Outcome: vaiven.Refused, Reason: wild, By: wild, States: vals("LED", 1.0)},
	)...)
}

// drawsNothing fails if text would do more to a terminal than print.
func drawsNothing(t *testing.T, where, text string) {
	t.Helper()
	if !strings.Contains(text, "X") {
		t.Errorf("%s shows nothing of it", where)
	}
	for _, r := range text {
		if r != '\n' && r != ' ' && !unicode.IsPrint(r) {
			t.Errorf("%s writes %U", where, r)
			return
		}
	}
}

// TestNoTextOfAStrangerDraws has every text of every event on every screen.
func TestNoTextOfAStrangerDraws(t *testing.T) {
	for _, roster := range []Roster{nil, {"101": wild}} {
		var out, errs bytes.Buffer
		p := NewPlain(Options{Out: Terminal{W: &out}, Err: Terminal{W: &errs}, Roster: roster})
		if err := p.Apply(1, hostileEvents()); err != nil {
			t.Fatal(err)
		}
		drawsNothing(t, "a line", out.String())
		drawsNothing(t, "a line of stderr", errs.String())
		m, _ := testModel("en", 120, 40, false)
		m.t.o.Roster = roster
		if err := m.t.Apply(1, hostileEvents()); err != nil {
			t.Fatal(err)
		}
		m.redraw(true)
		for _, keys := range [][]string{nil, {"e"}, {"tab"}, {"up"}, {"s"}, {"enter"}, {"esc"}, {"r"}} {
			press(m, keys...)
			drawsNothing(t, "the screen behind "+strings.Join(keys, " "), m.content)
		}
	}
}

// TestNamesAreNoFormulas: a spreadsheet that opens resumen.csv computes nothing.
func TestNamesAreNoFormulas(t *testing.T) {
	sums := summaries()
	for _, name := range []string{"=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"} {
		var b bytes.Buffer
		if err := WriteSummaryCSV(&b, SummaryForm{}, Roster{sums[0].Session.Device: name}, sums[:1]); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "'"+name) {
			t.Errorf("%q: %s", name, b.String())
		}
	}
}
