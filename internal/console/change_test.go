package console

import (
	"math"
	"strings"
	"testing"
	"time"

	"vaiven"
)

// boardAfter is a board after these events.
func boardAfter(evs ...vaiven.Event) *board {
	b := newBoard("101", true)
	for _, ev := range evs {
		b.apply(ev)
	}
	return &b
}

// known is a state that the board has, and that is wanted.
func known(rev uint64, pairs ...any) vaiven.DeviceState {
	var s vaiven.DeviceState
	for _, v := range vals(pairs...) {
		s.Wanted = append(s.Wanted, vaiven.Wanted{Name: v.Name, Num: v.Num, Rev: rev})
		s.Reported = append(s.Reported, vaiven.Reported{Name: v.Name, Num: v.Num, Rev: rev})
	}
	s.Rev = rev
	return s
}

func ask(key vaiven.Key, num float64) *vaiven.Change {
	return &vaiven.Change{Stamp: stamp(0), Device: "101", Key: key, States: vals("LED", num)}
}

func endOf(key vaiven.Key, num float64, o vaiven.Outcome) *vaiven.ChangeEnd {
	return &vaiven.ChangeEnd{Stamp: stamp(100), Device: "101", Key: key, States: vals("LED", num), Outcome: o, Asked: start}
}

func TestStages(t *testing.T) {
	here := &vaiven.Presence{Stamp: stamp(0), Device: "101", Connected: true}
	report := func(num float64, rev uint64) vaiven.Event {
		return &vaiven.Report{Stamp: stamp(50), Device: "101", Boot: "9f3c02aa", Rev: rev, States: vals("LED", num)}
	}
	sent := &vaiven.Sent{Stamp: stamp(10), Device: "101", Key: "a", Rev: 1}
	until := ask("a", 1)
	until.Deadline = start + 5000
	stale := ask("b", 0)
	stale.HasIf = true
	for _, tt := range []struct {
		name string
		evs  []vaiven.Event
		want stage
		num  float64
		ok   bool
	}{
		{"nothing", nil, stageNone, 0, false},
		{"reported", []vaiven.Event{report(1, 0)}, stageNone, 1, true},
		{"asked", []vaiven.Event{report(0, 0), ask("a", 1)}, stageAsked, 1, true},
		{"sent", []vaiven.Event{ask("a", 1), sent}, stageSent, 1, true},
		{"confirmed", []vaiven.Event{ask("a", 1), sent, report(1, 1), endOf("a", 1, vaiven.Confirmed)}, stageConfirmed, 1, true},
		{"confirmed in time", []vaiven.Event{until, report(1, 1), endOf("a", 1, vaiven.Confirmed)}, stageConfirmed, 1, true},
		{"and lost after that", []vaiven.Event{until, report(1, 1), endOf("a", 1, vaiven.Confirmed), report(0, 1)}, stageNone, 0, true},
		{"lost by the board", []vaiven.Event{here, ask("a", 1), report(1, 1), endOf("a", 1, vaiven.Confirmed), report(0, 0)}, stageSent, 1, true},
		{"lost, and away", []vaiven.Event{ask("a", 1), report(1, 1), endOf("a", 1, vaiven.Confirmed), report(0, 0)}, stageAsked, 1, true},
		{"expired", []vaiven.Event{report(0, 0), ask("a", 1), sent, endOf("a", 1, vaiven.Expired)}, stageFailed, 0, true},
		{"refused, never reported", []vaiven.Event{ask("a", 1), endOf("a", 1, vaiven.Refused)}, stageFailed, 1, true},
		{"a stale one changes nothing", []vaiven.Event{ask("a", 1), sent, stale, endOf("b", 0, vaiven.Refused)}, stageSent, 1, true},
		{"overtaken", []vaiven.Event{ask("a", 1), ask("b", 0), endOf("a", 1, vaiven.Overtaken), sent}, stageAsked, 0, true},
		{"an older report is history", []vaiven.Event{ask("a", 1), report(1, 2), report(0, 1), endOf("a", 1, vaiven.Confirmed)}, stageConfirmed, 1, true},
		{"its beginning was not seen", []vaiven.Event{report(1, 1), endOf("a", 1, vaiven.Confirmed)}, stageConfirmed, 1, true},
		{"resent readings are history", []vaiven.Event{report(1, 1), &vaiven.Reading{Stamp: stamp(60), Device: "101", Measured: start, Values: vals("TEMP", 1.0), States: vals("LED", 0.0)}}, stageNone, 1, true},
	} {
		num, st, ok := boardAfter(tt.evs...).stage("LED", time.UnixMilli(start+1000))
		if st != tt.want || num != tt.num || ok != tt.ok {
			t.Errorf("%s: %v %v %v, want %v %v %v", tt.name, num, st, ok, tt.num, tt.want, tt.ok)
		}
	}
	failed := boardAfter(ask("a", 1), endOf("a", 1, vaiven.Expired))
	if _, _, ok := failed.stage("LED", time.UnixMilli(start+100).Add(failedShown)); ok {
		t.Error("a failure is shown for ever")
	}
}

// A board that moved to another gateway of a cluster is not gone when the one
// that it left notices.
func TestAnEarlierConnectionIsOver(t *testing.T) {
	came := func(from string) *vaiven.Presence {
		return &vaiven.Presence{Stamp: stamp(0), Device: "101", Connected: true, Remote: from}
	}
	left := &vaiven.Presence{Stamp: stamp(9), Device: "101", Reason: "lost", Remote: "10.0.0.1:1"}
	b := boardAfter(came("10.0.0.1:1"), came("10.0.0.1:2"))
	if text, _ := describePresence(vaiven.English, b, left); text != "its earlier connection is over (10.0.0.1:1)" {
		t.Error(text)
	}
	if b.apply(left); !b.info.Connected || b.remote() != "10.0.0.1:2" {
		t.Errorf("%+v", b)
	}
	if b = boardAfter(came("10.0.0.1:1"), left); b.info.Connected {
		t.Errorf("%+v: want it gone", b)
	}
}

func TestToggle(t *testing.T) {
	turn := &vaiven.Change{Stamp: stamp(0), Device: "101", Key: "t", Toggle: []string{"LED"}}
	for name, tt := range map[string]struct {
		before []vaiven.Event
		want   float64
	}{
		"nothing known": {nil, 1},
		"reported":      {[]vaiven.Event{&vaiven.Report{Stamp: stamp(0), States: vals("LED", 5.0)}}, 0},
		"wanted":        {[]vaiven.Event{&vaiven.Report{Stamp: stamp(0), States: vals("LED", 1.0)}, ask("a", 0)}, 1},
	} {
		if got, unknown := boardAfter(tt.before...).Resolve(turn); len(unknown) > 0 || len(got) != 1 || got[0].Num != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What is overtaken with a deadline is not wanted any more, as the twin has it: nobody
// looks after its deadline. The terminal went on wanting it, and showed of a toggle
// the opposite of what the board was told.
func TestWhatIsOvertakenWithADeadline(t *testing.T) {
	timed := &vaiven.Change{Stamp: stamp(0), Device: "101", Key: "a", States: vals("DIM", 40.0, "LED", 1.0), Deadline: start + 5000}
	turn := &vaiven.Change{Stamp: stamp(0), Device: "101", Key: "t", Toggle: []string{"DIM"}}
	b := boardAfter(timed, ask("b", 0), endOf("a", 1, vaiven.Overtaken))
	if got := describeWhat(vaiven.English, b, turn); got != "DIM=1" {
		t.Errorf("a toggle of DIM shows %s", got)
	}
	if got := states(b.Desired().States); got != "LED=0" {
		t.Errorf("wanted are %s", got)
	}
}

// Two facts had one name: that a board has reported a REV, and that it may. One that
// says HELLO may, and no screen says of it that it does not report; but what it was
// sent is all there is to know until it gives a REV.
func TestAHelloIsNoReport(t *testing.T) {
	b := boardAfter(&vaiven.Hello{Stamp: stamp(0), Device: "101", States: vals("LED", 1.0)})
	if b.Reports || b.info.Mute(&b.DeviceState) {
		t.Errorf("reports %v, mute %v", b.Reports, b.info.Mute(&b.DeviceState))
	}
	if text := describeSent(vaiven.English, b, &vaiven.Sent{Device: "101", Key: "a"}); text != "sent to the board" {
		t.Error(text)
	}
	if b = boardAfter(&vaiven.Report{Stamp: stamp(0), Device: "101", Rev: 1, States: vals("LED", 1.0)}); !b.Reports {
		t.Error("a report with REV is none")
	}
}

func TestBoardStaysBounded(t *testing.T) {
	b := boardAfter()
	for i := range 200 {
		name := "S" + vaiven.FormatNumber(float64(i))
		c := &vaiven.Change{Stamp: stamp(0), Key: vaiven.Key(name), States: vals(name, 1.0)}
		b.apply(c)
		b.apply(&vaiven.Report{Stamp: stamp(0), States: vals(name, 1.0)})
		b.apply(&vaiven.Hello{Stamp: stamp(0), Names: []string{name}})
		b.apply(&vaiven.ChangeEnd{Stamp: stamp(0), Key: c.Key, States: vals("E"+name, 1.0), Outcome: vaiven.Expired})
	}
	if len(b.Open) > vaiven.MaxStates || len(b.Wanted) > vaiven.MaxStates || len(b.Reported) > vaiven.MaxReported ||
		len(b.info.Declared) > vaiven.MaxReported || len(b.ends) > vaiven.MaxValues {
		t.Errorf("%d open, %d desired, %d states, %d names, %d ends", len(b.Open), len(b.Wanted), len(b.Reported), len(b.info.Declared), len(b.ends))
	}
	many := newBoards(0)
	for i := range 3 * maxRows {
		d := vaiven.Device("board-" + vaiven.FormatNumber(float64(i)))
		many.apply(entries(1, &vaiven.Presence{Stamp: stamp(0), Device: d, Connected: true})[0])
	}
	if len(many.of) != maxRows {
		t.Errorf("%d boards", len(many.of))
	}
}

// Without a seed, a view that began in the middle claims nothing.
func TestPlainInTheMiddle(t *testing.T) {
	turn := &vaiven.Change{Stamp: stamp(0), Device: "101", Key: "t", Toggle: []string{"LED"}, By: "terminal"}
	sent := &vaiven.Sent{Stamp: stamp(0), Device: "101", Key: "t"}
	seeded := []Known{{Info: vaiven.DeviceInfo{ID: "101", About: &vaiven.About{Name: "Mesa"}}, State: known(3, "LED", 1.0)}}
	for _, tt := range []struct {
		seed bool
		want string
	}{
		{false, "14:03:07  101  toggle LED asked by the terminal\n14:03:07  101  sent to the board\n"},
		{true, "14:03:07  101  Mesa  LED=0 asked by the terminal; waits: the board is not connected\n" +
			"14:03:07  101  Mesa  LED=0 sent (this board does not report)\n"},
	} {
		var errs strings.Builder
		p := NewPlain(Options{Out: Terminal{W: &errs}, Err: Terminal{W: &errs}, After: 4})
		if tt.seed {
			p.Seed(4, seeded)
		}
		if err := p.Apply(5, entries(5, turn, sent)); err != nil {
			t.Fatal(err)
		}
		if errs.String() != tt.want {
			t.Errorf("seeded %v: %q", tt.seed, errs.String())
		}
	}
}

func TestChangesSummary(t *testing.T) {
	var c Changes
	for _, en := range entries(1, changes()...) {
		c.Count(en.Event)
	}
	var b strings.Builder
	for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
		if err := WriteChanges(Terminal{W: &b}, l, &c); err != nil {
			t.Fatal(err)
		}
	}
	want := "Changes of states · 8 asked · 1 confirmed (half of them within 85 ms) · 1 expired · 4 refused · 1 overtaken\n\n" +
		"Cambios de estado · 8 pedidos · 1 confirmado (la mitad en menos de 85 ms) · 1 vencido · 4 rechazados · 1 reemplazado\n\n"
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
	b.Reset()
	if err := WriteChanges(Terminal{W: &b}, "en", new(Changes)); err != nil || b.Len() > 0 || new(Changes).Median() != 0 {
		t.Errorf("%q, %v", b.String(), err)
	}
	if err := WriteChanges(Terminal{W: broken{}}, "en", &c); err == nil {
		t.Error("a broken pipe is no error")
	}
	even := Changes{}
	for _, at := range []int64{100, 300} {
		even.Count(&vaiven.ChangeEnd{Stamp: stamp(at), Outcome: vaiven.Confirmed, Asked: start})
	}
	if even.Median() != 200*time.Millisecond {
		t.Error(even.Median())
	}
}

func TestParseCommand(t *testing.T) {
	known := func(d vaiven.Device) bool { return d == "sala" || d == "101" || d == "007" }
	for line, want := range map[string]command{
		"":                    {toggle: true},
		"  \t":                {toggle: true},
		"t":                   {toggle: true},
		"T":                   {toggle: true},
		"?":                   {help: true},
		"h":                   {help: true},
		"ayuda":               {help: true},
		"101":                 {device: "101"},
		"7":                   {device: "007"},
		"999":                 {device: "999"},
		"sala":                {device: "sala"},
		"t 101":               {toggle: true, device: "101"},
		"101 t":               {toggle: true, device: "101"},
		"101 t relay":         {toggle: true, device: "101", toggles: []string{"RELAY"}},
		"t relay dim":         {toggle: true, toggles: []string{"RELAY", "DIM"}},
		"LED=1":               {states: vals("LED", 1.0)},
		"led = off":           {states: vals("LED", 0.0)},
		"101 LED=0 DIM=40.5":  {device: "101", states: vals("LED", 0.0, "DIM", 40.5)},
		"sala t RELAY DIM=-1": {device: "sala", toggle: true, toggles: []string{"RELAY"}, states: vals("DIM", -1.0)},
		"DIM=1e3":             {states: vals("DIM", 1000.0)},
		"DIM=-0":              {states: vals("DIM", 0.0)},
	} {
		got, err := parseCommand("en", line, known)
		if err != nil || got.help != want.help || got.toggle != want.toggle || got.device != want.device ||
			strings.Join(got.toggles, " ") != strings.Join(want.toggles, " ") || states(got.states) != states(want.states) {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
	for line, want := range map[string]string{
		"hola":                                `"hola" no es una placa ni una tecla`,
		"101 hola":                            `"hola" no es una placa ni una tecla`,
		"LED=1 101":                           `"101" no es una placa ni una tecla`,
		"LED=":                                `LED=: escribe un número, como 1, 0 o 0.5`,
		"LED=0,5":                             `LED=0,5: escribe un número, como 1, 0 o 0.5`,
		"LED=inf":                             `LED=inf: escribe un número, como 1, 0 o 0.5`,
		"LED=1e999":                           `LED=1e999: escribe un número, como 1, 0 o 0.5`,
		"=1":                                  `"" no es el nombre de un estado`,
		"REV=1":                               `"REV" no es el nombre de un estado`,
		"LED=1 led=0":                         `LED está dos veces`,
		"t LED LED":                           `LED está dos veces`,
		"\x1b[2J":                             "\"\ufffd[2J\" no es una placa ni una tecla",
		strings.Repeat("x", 600):              `demasiado largo para una línea`,
		"t A B C D E F G H I J K L M N O P Q": `como máximo 16 estados a la vez`,
	} {
		if _, err := parseCommand("es", line, known); err == nil || err.Error() != want {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// Whatever is typed, what comes out of it is valid, or an error of one line.
func FuzzParseCommand(f *testing.F) {
	for _, s := range []string{"", "t 101 RELAY", "101 LED=1 DIM = 4e2", "?", "LED=on\x1b[2J", "=", "t t t", "ñ=1", "LED=0x1p3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got, err := parseCommand("es", line, func(d vaiven.Device) bool { return len(d)%2 == 0 })
		if err != nil {
			noEscape(t, err.Error())
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
				t.Fatalf("%q", err)
			}
			return
		}
		seen := map[string]bool{}
		for _, v := range got.states {
			if math.IsNaN(v.Num) || math.IsInf(v.Num, 0) || !vaiven.ValidName(v.Name) || seen[v.Name] {
				t.Fatalf("%+v from %q", v, line)
			}
			seen[v.Name] = true
		}
		for _, n := range got.toggles {
			if !vaiven.ValidName(n) || seen[n] {
				t.Fatalf("%q from %q", n, line)
			}
			seen[n] = true
		}
		if d, err := vaiven.ParseDevice(string(got.device)); got.device != "" && (err != nil || d != got.device) || len(seen) > vaiven.MaxStates {
			t.Fatalf("%+v from %q", got, line)
		}
	})
}

// TestAToggleInTheMiddleOfALog: who follows from now on does not know what is
// turned over, and claims nothing until the end says it.
func TestAToggleInTheMiddleOfALog(t *testing.T) {
	var out writes
	p := NewPlain(Options{Lang: vaiven.English, Out: Terminal{W: &out}, Err: Terminal{W: &out}, After: 1})
	for i, ev := range []vaiven.Event{
		&vaiven.Change{Device: "101", Key: "00000000000000aa", Toggle: []string{"LED"}, By: "terminal"},
		&vaiven.Sent{Device: "101", Key: "00000000000000aa", Rev: 8},
		&vaiven.ChangeEnd{Device: "101", Key: "00000000000000aa", Rev: 8, Outcome: vaiven.Confirmed, States: []vaiven.Value{{Name: "LED"}}},
	} {
		id := vaiven.ID{Record: uint64(i) + 2}
		if err := p.Apply(id.Record, []vaiven.Entry{{ID: id, Event: ev}}); err != nil {
			t.Fatal(err)
		}
	}
	if s := out.String(); strings.Contains(s, "LED=1") || !strings.Contains(s, "LED=0 confirmed") || !strings.Contains(s, "toggle LED asked") {
		t.Errorf("%s", s)
	}
}
