package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"vaiven"
)

// lamps is a room in which every stage of a change can be seen.
func lamps() []vaiven.Entry {
	var evs []vaiven.Event
	for i, d := range []vaiven.Device{"101", "102", "103", "104", "105", "106", "107"} {
		evs = append(evs,
			&vaiven.Presence{Stamp: stamp(int64(i)), Device: d, Connected: true, Remote: fmt.Sprintf("192.168.1.%d:51234", 37+i)},
			&vaiven.Reading{Stamp: stamp(2000 + int64(i)), Device: d, Values: vals("TEMP", 24.5, "HUM", 61.0)})
		if d != "103" {
			evs = append(evs, &vaiven.Hello{Stamp: stamp(int64(i)), Device: d, FW: "1.0.0", Boot: "9f3c02aa", Up: 1, States: vals("LED", 0.0), Names: []string{"DIM"}})
		}
	}
	change := func(d vaiven.Device, at int64, by string, states ...any) {
		evs = append(evs, &vaiven.Change{Stamp: stamp(at), Device: d, Key: vaiven.Key("k" + d), States: vals(states...), By: by})
	}
	sent := func(d vaiven.Device, at int64) {
		evs = append(evs, &vaiven.Sent{Stamp: stamp(at), Device: d, Key: vaiven.Key("k" + d), Rev: 1})
	}
	end := func(d vaiven.Device, at int64, o vaiven.Outcome, states ...any) {
		evs = append(evs, &vaiven.ChangeEnd{Stamp: stamp(at), Device: d, Key: vaiven.Key("k" + d), Rev: 1, Outcome: o, States: vals(states...), By: "terminal", Asked: start + 20000})
	}
	change("101", 20000, "button GPIO17", "LED", 1.0)
	sent("101", 20010)
	evs = append(evs, &vaiven.Report{Stamp: stamp(20085), Device: "101", Boot: "9f3c02aa", Rev: 1, States: vals("LED", 1.0, "DIM", 40.0)})
	end("101", 20085, vaiven.Confirmed, "LED", 1.0)
	change("102", 20100, "terminal", "LED", 1.0, "DIM", 40.5)
	sent("102", 20110)
	change("103", 20200, "api 192.168.0.7", "LED", 1.0)
	sent("103", 20210)
	evs = append(evs, &vaiven.Presence{Stamp: stamp(20300), Device: "104", Remote: "192.168.1.40:51234", Reason: "lost"})
	change("104", 20310, "terminal", "LED", 1.0)
	change("105", 20400, "terminal", "LED", 1.0)
	end("105", 25400, vaiven.Expired, "LED", 1.0)
	evs = append(evs, &vaiven.Presence{Stamp: stamp(26000), Device: "106", Sleep: 900000},
		&vaiven.Presence{Stamp: stamp(38000), Device: "107", Connected: true, Silent: true, Remote: "192.168.1.43:51234"},
		&vaiven.Described{Stamp: stamp(39000), Device: "107", Name: "Ventana\x1b[2J norte"})
	return entries(1, evs...)
}

func lampModel(l vaiven.Lang, w, h int, color bool) *model {
	m, _ := testModel(l, w, h, color)
	m.t.o.RequestChange = func(context.Context, vaiven.ChangeRequest) error { return nil }
	_ = m.t.Apply(1, lamps())
	m.redraw(true)
	return m
}

func TestStateFramesGolden(t *testing.T) {
	for _, tt := range []struct {
		name string
		lang vaiven.Lang
		w, h int
		keys []string
	}{
		{"80x24-en", "en", 80, 24, nil},
		{"80x24-sent-es", "es", 80, 24, []string{"down", "right"}},
		{"60x20-waits-es", "es", 60, 20, []string{"down", "down", "down"}},
		{"100x24-prompt-en", "en", 100, 24, []string{"down", "right", "=", "4", "0", "."}},
		{"120x30-silent-es", "es", 120, 30, []string{"end", "e"}},
		{"80x24-wrong-es", "es", 80, 24, []string{":", "L", "D", "E", "=", "1", "enter"}},
		{"80x24-noreport-en", "en", 80, 24, []string{"j", "j"}},
		{"80x24-help-en", "en", 80, 24, []string{"?"}},
		{"60x24-help-es", "es", 60, 24, []string{"?"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := lampModel(tt.lang, tt.w, tt.h, false)
			press(m, tt.keys...)
			checkFrame(t, m)
			noEscape(t, m.content)
			golden(t, "states-"+tt.name+".golden", m.content+"\n")
		})
	}
}

func TestStateFrameAtEverySize(t *testing.T) {
	m := lampModel("es", 80, 24, true)
	hostile := strings.Repeat("宽\u202e\x1b[31mé", 30)
	_ = m.t.Apply(2, entries(2,
		&vaiven.Described{Stamp: stamp(1), Device: "101", Name: hostile, Note: hostile, Groups: []string{hostile}},
		&vaiven.Conflict{Stamp: stamp(39000), Device: "102", Remotes: []string{hostile, hostile, hostile, hostile, hostile, hostile}},
		&vaiven.Change{Stamp: stamp(2), Device: vaiven.Device(strings.Repeat("d", vaiven.MaxDevice)), Key: "h", By: hostile,
			States: vals("A234567890123456", -1.2345678901234567e-300, "B234567890123456", 1e300)}))
	for w := 1; w <= 140; w += 9 {
		for h := 1; h <= 40; h += 8 {
			m.view.w, m.view.h = w, h
			m.redraw(true)
			checkFrame(t, m)
			for _, keys := range [][]string{{"?"}, {"x"}, {"end"}, {":"}, {"宽"}, {"esc"}, {":", "x", "enter"}, {"home"}} {
				press(m, keys...)
				checkFrame(t, m)
			}
			press(m, ":")
			m.insertText(strings.Repeat("宽x", 200) + "\x1b\nrest")
			m.redraw(true)
			checkFrame(t, m)
			noEscape(t, m.view.input)
			if len(m.view.input) > maxCommand+4 || strings.Contains(m.view.input, "rest") {
				t.Fatal(len(m.view.input))
			}
			press(m, "ctrl+u", "enter")
		}
	}
}

// requests takes what the keys asked for.
func requests(m *model) (got []string) {
	for {
		select {
		case r := <-m.t.requests:
			if r.waiting != nil {
				got = append(got, "admit "+string(r.waiting.Device))
				continue
			}
			got = append(got, strings.TrimRight(string(r.change.Device)+" "+states(r.change.States)+" t"+strings.Join(r.change.Toggle, ","), " t"))
		default:
			return got
		}
	}
}

func TestStateKeys(t *testing.T) {
	m := lampModel("en", 80, 24, false)
	for _, step := range []struct {
		keys []string
		want string // requests
		said string
	}{
		{[]string{"home", "space"}, "101  tLED", ""},
		{[]string{"t"}, "101  tLED", ""},
		{[]string{"enter"}, "101  tLED", ""},
		{[]string{"right", "t"}, "101  tDIM", ""},
		{[]string{"right", "t"}, "101  tLED", ""},
		{[]string{"left", "down", "t"}, "102  tDIM", ""},
		{[]string{"=", "4", "0", "enter"}, "102 DIM=40", ""},
		{[]string{"=", "esc", "q"}, "", ""},
		{[]string{":", "q", "backspace", "1", "0", "3", "space", "l", "e", "d", "=", "0", "enter"}, "103 LED=0", ""},
		{[]string{":", "1", "0", "4", "enter", "t"}, "104  tDIM", ""},
		{[]string{":", "enter"}, "", ""},
		{[]string{":", "?", "enter", "x"}, "", ""},
		{[]string{":", "R", "E", "L", "=", "1", "enter"}, "", "104 has no state REL; it has LED, DIM"},
		{[]string{"down"}, "", ""},
		{[]string{":", "9", "9", "9", "space", "t", "enter"}, "", "no such board: 999"},
		{[]string{"home", "tab", "space", "tab"}, "", ""},
		{[]string{"t", "t", "t", "t", "t", "t", "t", "t", "t"}, strings.TrimSpace(strings.Repeat("101  tDIM ", maxRequests)), "too fast: the log is still taking the last one"},
	} {
		press(m, step.keys...)
		if got := strings.Join(requests(m), " "); got != step.want || m.view.problem != step.said {
			t.Errorf("%q: asked %q, said %q; want %q, %q", step.keys, got, m.view.problem, step.want, step.said)
		}
	}
	if m.view.help {
		t.Error("help stays")
	}
	m.Update(tea.PasteMsg{Content: "nowhere"})
	press(m, ":")
	m.Update(tea.PasteMsg{Content: "101 DIM=7"})
	press(m, "enter")
	if got := requests(m); len(got) != 1 || got[0] != "101 DIM=7" {
		t.Errorf("%q", got)
	}
	press(m, ":", "x")
	if !m.pressKey("ctrl+c") {
		t.Error("Ctrl-C does not leave the prompt")
	}
}

// Without Ask the keys are those of a table that is only looked at.
func TestKeysThatCannotAsk(t *testing.T) {
	m, _ := testModel("en", 80, 24, false)
	_ = m.t.Apply(1, lamps())
	m.redraw(true)
	press(m, "t", "enter", "=", ":", "space")
	if len(requests(m)) > 0 || m.view.prompting || m.view.selected != "107" || strings.Contains(m.content, "switch") {
		t.Errorf("%+v", m.view)
	}
	empty, _ := testModel("en", 80, 24, false)
	empty.t.o.RequestChange = m.t.o.RequestChange
	empty.redraw(true)
	press(empty, "t", "left", "right", "=", "enter", "space")
	empty.t.o.RequestChange = func(context.Context, vaiven.ChangeRequest) error { return nil }
	press(empty, "t", "left", "=", "enter")
	if len(requests(empty)) > 0 {
		t.Error("asked of nobody")
	}
}

func TestForget(t *testing.T) {
	m := lampModel("en", 80, 24, false)
	press(m, "home")
	_ = m.t.Apply(2, entries(2, &vaiven.Forgotten{Stamp: stamp(0), Device: "101"}, &vaiven.Forgotten{Stamp: stamp(0), Device: "104"}, &vaiven.Forgotten{Stamp: stamp(0), Device: "999"}))
	m.redraw(true)
	if s := m.t.data; s.connected != 4 || len(s.order) != 5 || len(s.rows) != 5 || m.view.selected != "102" {
		t.Errorf("%d connected of %d, %s is selected", s.connected, len(s.order), m.view.selected)
	}
}

func TestSeedStates(t *testing.T) {
	m, _ := testModel("en", 120, 20, false)
	m.t.o.RequestChange = func(context.Context, vaiven.ChangeRequest) error { return nil }
	s := known(4, "DIM", 3.0, "LED", 1.0)
	s.Reported = s.Reported[1:]
	s.Open = []vaiven.Pending{{Key: "k", Rev: 4, States: vals("DIM", 3.0), By: "terminal", Asked: start, Sent: start}}
	m.t.Seed(7, []Known{
		{State: s, Info: vaiven.DeviceInfo{
			ID: "105", About: &vaiven.About{Name: "Mesa 5"}, Connected: true, Silent: true, Since: start, Reading: start + 1000, Greeted: true,
		}},
		{Info: vaiven.DeviceInfo{ID: "106", Since: start - 86400000, Last: 1, Declared: []string{"RELAY"}}},
	})
	m.redraw(true)
	for _, want := range []string{"1/2 connected (1 silent)", "▸◐ 105  Mesa 5", "3 →", "1 ✓", "silent 14:03", "gone 11-21 14:03", "silent since 14:03"} {
		if !strings.Contains(m.content, want) {
			t.Errorf("no %q in\n%s", want, m.content)
		}
	}
	_ = m.t.Apply(8, entries(8, &vaiven.Sent{Stamp: stamp(0), Device: "105", Key: "k"},
		&vaiven.ChangeEnd{Stamp: stamp(90), Device: "105", Key: "k", Outcome: vaiven.Confirmed, States: vals("DIM", 3.0), Asked: start},
		&vaiven.Report{Stamp: stamp(90), Device: "105", Rev: 4, States: vals("DIM", 3.0)}))
	m.redraw(true)
	if !strings.Contains(m.content, "3 ✓") || !strings.Contains(m.content, "DIM=3 confirmed by the board in 90 ms") {
		t.Error(m.content)
	}
}

// A key press reaches Ask, in the order of the keys, and its failure the pane.
func TestAskFromTheScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		in, keys := io.Pipe()
		o := runOptions(&out, in)
		var got []string
		o.RequestChange = func(ctx context.Context, r vaiven.ChangeRequest) error {
			got = append(got, fmt.Sprint(r.Device, r.States, r.Toggle))
			switch len(got) {
			case 1:
				return errors.New("no \x1b[2Jway")
			case 2:
				return &vaiven.Error{Code: vaiven.CodeBusy, At: -1}
			}
			<-ctx.Done()
			return ctx.Err()
		}
		tui := NewTUI(o)
		_ = tui.Apply(1, lamps())
		done := make(chan error, 1)
		go func() { done <- tui.Run(t.Context()) }()
		for _, k := range []string{"t", "=1\r", "t", "t"} {
			if _, err := io.WriteString(keys, k); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(requestTimeout) // the first of the last two is given up, the other under way
		if _, err := io.WriteString(keys, "q"); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		keys.Close()
		time.Sleep(time.Second) // the library's last tick fires
		want := "101[] [LED]|101[{LED 1}] []|101[] [LED]|101[] [LED]"
		if strings.Join(got, "|") != want {
			t.Errorf("asked %q", got)
		}
		var said []string
		for _, m := range tui.data.problems.last(10) {
			if strings.Contains(m.text, "was not asked") {
				said = append(said, m.text)
				noEscape(t, m.text)
			}
		}
		if len(said) < 3 || said[0] != "LED of 101 was not asked: no \ufffd[2Jway" || !strings.HasPrefix(said[1], "LED=1 of 101 was not asked: the log takes nothing") || said[2] != strings.Replace(said[1], "LED=1", "LED", 1) {
			t.Errorf("%q", said)
		}
	})
}

// Who was only refused has a line, and no row, no column and no count; a board
// that is known keeps its rejections.
func TestWhoIsOnlyRefusedHasNoRow(t *testing.T) {
	s := newTUIData(vaiven.English, Roster{})
	refused := &vaiven.Rejected{Stamp: stamp(0), Device: "0x65", Code: vaiven.CodeNotJSON, Count: 2, Text: "not JSON"}
	s.apply(refused, nil, false)
	s.apply(&vaiven.Conflict{Stamp: stamp(0), Device: "0x65", Remotes: []string{"a", "b"}}, nil, false)
	if len(s.rows) != 0 || len(s.order) != 0 || s.rejected != 2 || len(s.all.items) != 2 {
		t.Errorf("%d rows, %d rejected, %d lines", len(s.rows), s.rejected, len(s.all.items))
	}
	l := newBoards(0)
	l.apply(vaiven.Entry{ID: vaiven.ID{Record: 1}, Event: refused})
	if len(l.of) != 0 {
		t.Errorf("%d boards", len(l.of))
	}
	s.apply(&vaiven.SessionStart{Stamp: stamp(0), Device: "0x65", Readings: 5}, nil, false)
	s.apply(refused, nil, false)
	s.apply(&vaiven.Reading{Stamp: stamp(0), Device: "0x65", Values: vals("TEMP", 20.0)}, nil, false)
	s.apply(&vaiven.Reading{Stamp: stamp(0), Device: "0x65", Values: vals("CO2", 415.0), Uncounted: true}, nil, false)
	if r := s.rows["0x65"]; r == nil || r.info.CountOfRejected() != 2 || r.session().Count != 1 || r.info.Readings != 2 {
		t.Errorf("its row: %+v", r)
	}
}
