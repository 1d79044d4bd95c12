package console

import (
	"io"
	"strings"
	"testing"

	"vaiven"
	"vaiven/internal/event"
)

// filling is a gap of three readings, of which two come after all, and what was
// measured meanwhile.
func filling() []vaiven.Entry {
	of := func(seq uint64) *vaiven.Reading {
		return &vaiven.Reading{Stamp: stamp(0), Device: "101", Boot: "9f3c02aa", Seq: seq, Values: vals("TEMP", 24.5)}
	}
	all := entries(1, &vaiven.Gap{Stamp: stamp(0), Device: "101", Boot: "9f3c02aa", From: 2, To: 4}, of(5), of(2), of(3), of(6))
	all[2].Fills, all[3].Fills = true, true
	return all
}

func TestAReadingThatFillsAGapSaysSo(t *testing.T) {
	for l, want := range map[vaiven.Lang]string{
		vaiven.English: "reading 2, which counted as lost", vaiven.Spanish: "lectura 2, que contaba como perdida",
	} {
		var out strings.Builder
		p := NewPlain(Options{Lang: l, Out: Terminal{W: &out}, Err: Terminal{W: io.Discard}})
		if err := p.Apply(1, filling()); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 4 || strings.Contains(lines[0]+lines[3], "lost") || !strings.HasSuffix(lines[1], want) {
			t.Errorf("%q", lines)
		}
	}
}

func TestTheTableSaysOnceThatAGapIsFilled(t *testing.T) {
	for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
		s := newTUIData(l, nil)
		for _, en := range append(filling(), filling()...) {
			s.apply(en.Event, nil, false)
			s.noteFilled(en)
		}
		n := 0
		for _, m := range s.all.last(100) {
			if strings.Contains(m.text, describeFilled(l, &vaiven.Reading{Seq: 2})) {
				n++
			}
		}
		if n != 2 {
			t.Errorf("said %d times of two gaps", n)
		}
	}
}

func TestFillsSurvivesTheWayThroughJSON(t *testing.T) {
	for _, en := range filling() {
		b := event.Append(nil, en, "")
		if strings.Contains(string(b), "fills") != en.Fills {
			t.Errorf("%s", b)
		}
		back, _, err := event.Parse(b)
		if err != nil || back.Fills != en.Fills {
			t.Errorf("%s: %+v, %v", b, back, err)
		}
	}
}
