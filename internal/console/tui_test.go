package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"vaiven"
)

// classroom is a workshop some way on: five boards, each in another condition.
func classroom(l vaiven.Lang) []vaiven.Entry {
	var evs []vaiven.Event
	ids := []vaiven.Device{"101", "102", "103", "104", "007"}
	for i, d := range ids {
		evs = append(evs,
			&vaiven.Presence{Stamp: stamp(int64(i)), Device: d, Connected: true, Remote: fmt.Sprintf("192.168.1.%d:51234", 37+i)},
			&vaiven.SessionStart{Stamp: stamp(int64(i)), Device: d, Readings: 20, Deadline: start + 180000, Interval: 2000})
	}
	evs = append(evs, &vaiven.Hello{Stamp: stamp(10), Device: "101", FW: "1.0.0", Up: 5000, States: vals("LED", 0.0)})
	for i := range 20 {
		for j, d := range ids {
			if j == 3 && i > 6 {
				continue
			}
			temp := math.Round((24+float64(j)+3*math.Sin(float64(i)/3+float64(j)))*10) / 10
			e := &vaiven.Reading{Stamp: stamp(int64(2000*i + 100*j)), Device: d, Values: vals("TEMP", temp, "HUM", float64(55+(i+3*j)%12))}
			if j == 0 {
				e.States = vals("LED", float64(i/10))
			}
			if j == 2 {
				e.Values = append(e.Values, vaiven.Value{Name: "CO2", Num: 400 + float64(i)})
			}
			evs = append(evs, e)
		}
	}
	at := int64(39000)
	evs = append(evs,
		&vaiven.SessionEnd{Stamp: stamp(at), Device: "102", Reason: vaiven.EndReadings, Count: 20},
		&vaiven.Rejected{Stamp: stamp(at), Device: "103", Code: vaiven.CodeNotANumber, Count: 2, Remote: "192.168.1.39:51234",
			Text: l.Say(`TEMP is "24.5" (text): send the number without quotes`, `TEMP es "24.5" (texto): envía el número sin comillas`)},
		&vaiven.Rejected{Stamp: stamp(at), Code: vaiven.CodeNotJSON, Count: 12, Text: "\x1b[2Jboo", Remote: "192.168.1.99:4000"},
		&vaiven.Presence{Stamp: stamp(at), Device: "104", Remote: "192.168.1.40:51234"},
		&vaiven.Conflict{Stamp: stamp(at), Device: "007", Remotes: []string{"192.168.1.41:51234", "192.168.1.42:50112"}},
		&vaiven.Gap{Stamp: stamp(at), Device: "101", From: 12, To: 15})
	return entries(1, evs...)
}

func testModel(l vaiven.Lang, w, h int, color bool) (*model, *manual) {
	c := &manual{time.UnixMilli(start + 40000).In(time.FixedZone("America/Bogota", int(bogota)))}
	t := NewTUI(TUIOptions{Lang: l, Title: l.Say("workshop, 20 readings", "taller, 20 lecturas"), Roster: names,
		Addresses: []string{"192.168.1.20:8080", "raspi.local:8080"}, Color: color, Now: c.now})
	return &model{t: t, leave: func() {}, view: tuiView{w: w, h: h}}, c
}

func press(m *model, keys ...string) (quit bool) {
	for _, k := range keys {
		quit = m.pressKey(k)
		m.redraw(true)
	}
	return quit
}

func TestFramesGolden(t *testing.T) {
	for _, tt := range []struct {
		name string
		lang vaiven.Lang
		w, h int
		keys []string
	}{
		{"80x24-en", "en", 80, 24, nil},
		{"80x24-es", "es", 80, 24, []string{"down", "down"}},
		{"120x40-en", "en", 120, 40, []string{"end", "e"}},
		{"60x20-es", "es", 60, 20, []string{"s", "s", "s", "r"}},
		{"40x9-en", "en", 40, 9, []string{"down"}},
		{"80x24-help-es", "es", 80, 24, []string{"?"}},
		{"80x12-pane-en", "en", 80, 12, []string{"tab", "up", "up"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, _ := testModel(tt.lang, tt.w, tt.h, false)
			if err := m.t.Apply(1, classroom(tt.lang)); err != nil {
				t.Fatal(err)
			}
			m.redraw(true)
			press(m, tt.keys...)
			checkFrame(t, m)
			noEscape(t, m.content)
			golden(t, "frame-"+tt.name+".golden", m.content+"\n")
		})
	}
}

func TestFrameColor(t *testing.T) {
	m, _ := testModel("en", 80, 24, true)
	_ = m.t.Apply(1, classroom("en"))
	m.redraw(true)
	checkFrame(t, m)
	if !strings.Contains(m.content, "\x1b[") || strings.Contains(m.content, "\x1b[2J") {
		t.Errorf("%q", m.content)
	}
}

// checkFrame: as many lines as the screen has, none too wide.
func checkFrame(t *testing.T, m *model) {
	t.Helper()
	lines := strings.Split(m.content, "\n")
	if len(lines) != m.view.h {
		t.Errorf("%d lines on a screen of %d", len(lines), m.view.h)
	}
	for _, l := range lines {
		if width(l) > m.view.w {
			t.Errorf("%d columns on a screen of %d: %q", width(l), m.view.w, l)
		}
	}
}

func TestFrameAtEverySize(t *testing.T) {
	m, _ := testModel("es", 80, 24, true)
	for _, full := range []bool{false, true} {
		if full {
			_ = m.t.Apply(1, classroom("es"))
		}
		for w := 1; w <= 140; w += 7 {
			for h := 1; h <= 45; h += 4 {
				m.view.w, m.view.h = w, h
				m.redraw(true)
				checkFrame(t, m)
				press(m, "?")
				checkFrame(t, m)
				press(m, "x")
			}
		}
	}
}

func TestKeys(t *testing.T) {
	m, c := testModel("en", 80, 24, false)
	m.redraw(true)
	if press(m, "down", "up", "end", "pgdown") {
		t.Error("left an empty table")
	}
	if !strings.Contains(m.content, "waiting for the first board") {
		t.Error(m.content)
	}
	_ = m.t.Apply(1, classroom("en"))
	m.redraw(true)
	for _, step := range []struct{ keys, sel string }{
		{"home", "007"}, {"down", "101"}, {"j", "102"}, {"k", "101"}, {"end", "104"}, {"down", "104"}, {"home", "007"},
		{"r", "007"}, {"home", "104"}, {"r", "104"}, {"s", "104"}, {"home", "101"}, {"G", "104"}, {"g", "101"}, {"pgdown", "104"}, {"pgup", "101"},
	} {
		press(m, step.keys)
		if string(m.view.selected) != step.sel {
			t.Errorf("after %s: %s is selected, want %s", step.keys, m.view.selected, step.sel)
		}
	}
	press(m, "?")
	if !strings.Contains(m.content, "any key closes this") || press(m, "s") || m.view.help {
		t.Error("help")
	}
	if !m.pressKey("q") || !m.pressKey("ctrl+c") {
		t.Error("q does not leave")
	}
	before := m.content
	c.t = c.t.Add(time.Minute)
	m.redraw(false)
	if before == m.content || !strings.Contains(m.content, "1 min") {
		t.Error("the screen does not follow the clock")
	}
}

func TestScrollKeepsSelectionVisible(t *testing.T) {
	m, _ := testModel("en", 80, 20, false)
	var evs []vaiven.Event
	for i := range 100 {
		evs = append(evs, &vaiven.Reading{Stamp: stamp(0), Device: vaiven.Device(fmt.Sprint(200 + i)), Values: vals("TEMP", 20.0)})
	}
	_ = m.t.Apply(1, entries(1, evs...))
	m.redraw(true)
	for i := range 120 {
		press(m, "down")
		if !strings.Contains(m.content, "▸○ "+fmt.Sprint(min(201+i, 299))) {
			t.Fatalf("row %d is out of sight:\n%s", i, m.content)
		}
	}
}

func TestStateStaysBounded(t *testing.T) {
	c := &manual{time.UnixMilli(start)}
	tui := NewTUI(TUIOptions{Now: c.now})
	for i := range 3 * maxRows {
		d := vaiven.Device(fmt.Sprintf("board-%d", i))
		_ = tui.Apply(1, entries(1,
			&vaiven.Reading{Stamp: stamp(0), Device: d, Values: vals(fmt.Sprintf("N%d", i), 1.0), States: vals(fmt.Sprintf("S%d", i), 1.0)},
			&vaiven.Gap{Stamp: stamp(0), Device: d, From: 1, To: 1}))
	}
	for i := range 100 {
		_ = tui.Apply(1, entries(1, &vaiven.Reading{Stamp: stamp(0), Device: "board-1", Values: vals(fmt.Sprintf("M%d", i), 1.0, "TEMP", 2.0)}))
	}
	s := tui.data
	r := s.rows["board-1"]
	if len(s.order) != maxRows || len(s.rows) != maxRows || !s.hidden || len(s.names) > maxNames || len(s.stateSet) > maxNames ||
		len(s.all.items) != maxMessages || len(s.problems.items) != maxMessages || len(r.info.Values) > 64 || len(r.spark.items) > sparkLen {
		t.Errorf("%d rows, %d names, %d messages, %d values", len(s.order), len(s.names), len(s.all.items), len(r.info.Values))
	}
	if s.readings != 3*maxRows+100 {
		t.Errorf("%d readings counted", s.readings)
	}
}

func TestRow(t *testing.T) {
	s := newTUIData("en", nil)
	now := time.UnixMilli(start)
	for _, en := range entries(1,
		&vaiven.Reading{Stamp: stamp(0), Device: "1", Values: vals("CO2", 400.0)},
		&vaiven.Reading{Stamp: stamp(0), Device: "1", Values: vals("TEMP", 20.0)},
		&vaiven.Reading{Stamp: stamp(0), Device: "1", Values: vals("CO2", 401.0)},
		&vaiven.SessionStart{Stamp: stamp(0), Device: "1", Readings: 2},
		&vaiven.Reading{Stamp: stamp(0), Device: "1", Values: vals("TEMP", 21.0)},
		&vaiven.Presence{Stamp: stamp(0), Device: "1", Connected: true},
		&vaiven.Presence{Stamp: stamp(0), Device: "1", Connected: true},
		&vaiven.Presence{Stamp: stamp(0), Device: "1", Sleep: 1000},
		&vaiven.Presence{Stamp: stamp(0), Device: "1"},
	) {
		s.apply(en.Event, &now, false)
	}
	r := s.rows["1"]
	if r.session().Count != 1 || r.sparkName != "TEMP" || len(r.spark.items) != 2 || s.connected != 0 || r.info.Sleep != 0 || len(r.info.Values) != 2 {
		t.Errorf("%+v, connected %d", r, s.connected)
	}
}

func TestSeed(t *testing.T) {
	m, _ := testModel("en", 100, 20, false)
	_ = m.t.Apply(1, entries(1, &vaiven.Reading{Stamp: stamp(0), Device: "101", Values: vals("TEMP", 1.0)}))
	m.t.Seed(7, []Known{
		{State: known(0, "LED", 1.0), Info: vaiven.DeviceInfo{
			ID: "101", Values: []vaiven.Latest{{Name: "TEMP", Num: 24.5, At: start}, {Name: "HUM", Num: 61, At: start}},
			Reading: start, Readings: 12, Rejected: []vaiven.RejectedCode{{Code: "bad_name", Count: 2}},
			Connected: true, Remote: "192.168.1.37:51234", FW: "1.0.0", Session: &vaiven.Session{Device: "101", Readings: 50, Count: 12, Interval: 2000},
		}},
		{Info: vaiven.DeviceInfo{ID: "102", Since: start, Sleep: 600000, ConflictAt: start + 30000}},
	})
	late := &vaiven.Reading{Stamp: stamp(0), Device: "101", Values: vals("TEMP", 1.0)}
	_ = m.t.Apply(7, entries(7, late))
	fresh := &vaiven.Reading{Stamp: stamp(39000), Device: "101", Values: vals("TEMP", 25.5)}
	_ = m.t.Apply(8, entries(8, fresh))
	m.redraw(true)
	for _, want := range []string{"1/2 connected", "13 readings", "2 rejected", "25.5", "13/50", "fw 1.0.0", " ! 102"} {
		if !strings.Contains(m.content, want) {
			t.Errorf("no %q in\n%s", want, m.content)
		}
	}
}

func TestSparkline(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		w      int
		want   string
	}{
		{nil, 4, "    "},
		{[]float64{20}, 3, "  ▅"},
		{[]float64{20, 20.1, 20}, 3, "▄▅▄"},
		{[]float64{0, 10, 20, 30, 40, 50, 60, 70}, 8, "▁▂▃▄▅▆▇█"},
		{[]float64{1, 2, 3, 0, 10}, 2, "▁█"},
		{[]float64{-math.MaxFloat64, math.MaxFloat64}, 2, "▁█"},
	} {
		if got := sparkline(tt.values, tt.w); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.values, got, tt.want)
		}
	}
}

func TestRate(t *testing.T) {
	var r rate
	for s := range int64(10) {
		for range 20 {
			r.add(1000 + s)
		}
	}
	if got := r.perSecond(1010); got != 20 {
		t.Errorf("%v/s, want 20", got)
	}
	if got := r.perSecond(1012); got != 12 {
		t.Errorf("%v/s two seconds later, want 12", got)
	}
	r.add(5) // the clock was set back
	if got := r.perSecond(6); got != 0.2 {
		t.Errorf("%v/s, want 0.2", got)
	}
	if got := r.perSecond(1e9); got != 0 {
		t.Errorf("%v/s, want 0", got)
	}
}

// screen is a terminal that counts what is drawn.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
	n  int
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return s.b.Write(p)
}

func (s *screen) counts() (n int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, s.b.String()
}

func runOptions(out io.Writer, in io.Reader) TUIOptions {
	return TUIOptions{Lang: "en", Input: in, Output: out, Environ: []string{"TERM=xterm-256color"}, Color: true, Width: 80, Height: 24}
}

func TestRepaintRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		in, keys := io.Pipe()
		tui := NewTUI(runOptions(&out, in))
		done := make(chan error, 1)
		go func() { done <- tui.Run(t.Context()) }()
		time.Sleep(time.Second)
		before, _ := out.counts()
		for i := range 10000 { // a thousand readings a second, for ten seconds
			_ = tui.Apply(uint64(i), entries(uint64(i), &vaiven.Reading{
				Stamp: vaiven.Stamp{At: time.Now().UnixMilli()}, Device: "101", Values: vals("TEMP", float64(i%40))}))
			time.Sleep(time.Millisecond)
		}
		after, text := out.counts()
		if n := after - before; n < 50 || n > 110 {
			t.Errorf("%d writes to the terminal in ten seconds, want about 100", n)
		}
		if !strings.Contains(text, "101") || !strings.Contains(text, "1000/s") {
			t.Error("the readings are not on the screen")
		}
		before, _ = out.counts()
		time.Sleep(10 * time.Second)
		if after, _ = out.counts(); after-before > 15 {
			t.Errorf("%d writes in ten seconds in which nothing came", after-before)
		}
		if _, err := keys.Write([]byte("q")); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		keys.Close()
		time.Sleep(time.Second) // the library's last tick fires
		_, text = out.counts()
		if !strings.Contains(text, "\x1b[?1049h") || !strings.Contains(text, "\x1b[?1049l") {
			t.Error("the screen was not restored")
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	var out screen
	in, keys := io.Pipe()
	defer keys.Close()
	tui := NewTUI(runOptions(&out, in))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tui.Run(ctx) }()
	until(t, func() bool { _, text := out.counts(); return strings.Contains(text, "waiting for the first board") })
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, text := out.counts(); !strings.Contains(text, "\x1b[?1049l") {
		t.Error("the screen was not restored")
	}
}

// stuck takes no output until it is released.
type stuck struct{ release chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.release
	return len(p), nil
}

func TestStuckTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := stuck{make(chan struct{})}
		in, keys := io.Pipe()
		tui := NewTUI(runOptions(out, in))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- tui.Run(ctx) }()
		time.Sleep(time.Second)
		for i := range 10000 {
			if err := tui.Apply(1, entries(uint64(i), &vaiven.Reading{Stamp: stamp(0), Device: "101", Values: vals("TEMP", 1.0)})); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		if err := <-done; !errors.Is(err, ErrTerminal) {
			t.Errorf("%v", err)
		}
		close(out.release)
		keys.Close()
		time.Sleep(time.Second) // the library's last tick fires
	})
}

func TestLogWriter(t *testing.T) {
	var fallback bytes.Buffer
	c := &manual{time.UnixMilli(start).UTC()}
	tui := NewTUI(TUIOptions{Lang: "en", Fallback: &fallback, Now: c.now})
	w := tui.LogWriter()
	fmt.Fprintln(w, "before")
	tui.setShown(true)
	fmt.Fprint(w, "half a ")
	fmt.Fprint(w, "line\n\nsecond \x1b[31m line\nrest")
	fmt.Fprint(w, strings.Repeat("x", maxLogLine+1))
	tui.setShown(false)
	fmt.Fprintln(w, "after")
	if fallback.String() != "before\nafter\n" {
		t.Errorf("%q", fallback.String())
	}
	var got []string
	for _, m := range tui.data.problems.last(10) {
		got = append(got, m.text)
		noEscape(t, m.text)
	}
	if len(got) != 3 || got[0] != "half a line" || got[1] != "second \ufffd[31m line" || !strings.HasPrefix(got[2], "restxxx") {
		t.Errorf("%q", got)
	}
	if n, err := (*logWriter)(NewTUI(TUIOptions{})).Write([]byte("x\n")); n != 2 || err != nil {
		t.Error(n, err)
	}
}

func TestModelUpdate(t *testing.T) {
	m, _ := testModel("en", 80, 24, false)
	m.Init()
	if _, cmd := m.Update(tea.WindowSizeMsg{Width: 100, Height: 30}); cmd != nil || m.view.w != 100 {
		t.Error("size")
	}
	checkFrame(t, m)
	if _, cmd := m.Update(tick{}); cmd == nil {
		t.Error("the ticks end")
	}
	if _, cmd := m.Update(tea.KeyPressMsg{Code: 'q', Text: "q"}); cmd == nil {
		t.Error("q does not leave")
	}
	if v := m.View(); !v.AltScreen || v.Content != m.content {
		t.Error("view")
	}
}

func until(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("it never happened")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func BenchmarkFrame(b *testing.B) {
	m, _ := testModel("en", 120, 40, true)
	var evs []vaiven.Event
	for i := range maxRows {
		evs = append(evs, &vaiven.Reading{Stamp: stamp(0), Device: vaiven.Device(fmt.Sprintf("board-%d", i)), Values: vals("TEMP", 20.0, "HUM", 50.0)})
	}
	_ = m.t.Apply(1, entries(1, evs...))
	for b.Loop() {
		m.redraw(true)
	}
}

func BenchmarkTUIApply(b *testing.B) {
	m, _ := testModel("en", 120, 40, true)
	batch := entries(1, &vaiven.Reading{Stamp: stamp(0), Device: "101", Values: vals("TEMP", 20.0, "HUM", 50.0)})
	for b.Loop() {
		_ = m.t.Apply(1, batch)
	}
}
