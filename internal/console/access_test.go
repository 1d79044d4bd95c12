package console

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"vaiven"
)

// hostile is what a stranger may call himself.
const hostile = "x\x1b[2J\x1b]0;owned\x07\u009b31m\nerror: \u202ey"

// TestAccessDrawsNothing: nothing that a stranger controls in an event about who may do
// what, in a list or in a link, can draw on a terminal or begin a line.
func TestAccessDrawsNothing(t *testing.T) {
	d := vaiven.Device(hostile)
	var all []string
	for _, ev := range []vaiven.Event{
		&vaiven.Admitted{Device: d, Remote: hostile, By: hostile},
		&vaiven.Granted{Device: d, Token: hostile, Use: hostile, Name: hostile, Devices: []string{hostile}, By: hostile, From: hostile},
		&vaiven.Granted{Token: hostile, Use: vaiven.UseBrowser, By: hostile},
		&vaiven.Revoked{Device: d, Token: hostile, By: hostile},
		&vaiven.Opened{Stamp: stamp(0), Until: start + 1, By: hostile},
		&vaiven.Denied{Device: d, Reason: hostile, Remote: hostile, Count: 3},
	} {
		for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
			text, _ := describeAccess(l, ev)
			if text == "" {
				t.Errorf("%T says nothing", ev)
			}
			all = append(all, text)
		}
	}
	w := vaiven.Waiting{Device: d, Remote: hostile, FW: hostile}
	var out strings.Builder
	term := Terminal{W: &out}
	if err := errors.Join(
		WriteWaiting(term, vaiven.English, []WaitingRow{{Device: d, Remote: hostile, FW: hostile, Hello: true}}, time.Unix(0, 0)),
		WriteTokens(term, vaiven.English, []TokenRow{{ID: hostile, Name: hostile, Can: hostile, Devices: hostile, By: hostile}}, time.Unix(0, 0)),
		WriteListing(term, vaiven.English, []Listed{{Device: "101", Trust: hostile}}, time.Unix(0, 0)),
		WriteLink(term, vaiven.English, Link{URLs: []string{hostile}, Minutes: 15}),
	); err != nil {
		t.Fatal(err)
	}
	snippet := BoardSnippet(vaiven.English, BoardFacts{Device: "101", Token: hostile, Addresses: []string{"ws://" + hostile + ":80/", "wss://a\"b\\c:8443/"}, CA: hostile + "\nx"})
	for _, text := range append(all, out.String(), snippet, waits(vaiven.English, []vaiven.Waiting{w})) {
		noEscape(t, text)
		if strings.Contains(text, "\u202e") {
			t.Errorf("turned round: %q", text)
		}
	}
	for _, text := range all {
		if strings.Contains(text, "\n") {
			t.Errorf("two lines: %q", text)
		}
	}
}

func TestAccessTables(t *testing.T) {
	at := time.Date(2026, 11, 22, 14, 3, 7, 0, time.UTC)
	for _, lang := range []string{"en", "es"} {
		l, _ := vaiven.ParseLang(lang)
		var out strings.Builder
		term := Terminal{W: &out}
		if err := errors.Join(
			WriteWaiting(term, l, []WaitingRow{
				{Device: "101", Remote: "192.168.1.20", Since: at.Add(-time.Minute), Count: 4, Hello: true, FW: "1.0.0"},
				{Device: "102", Remote: "192.168.1.21", Since: at.Add(-48 * time.Hour), Count: 15},
			}, at),
			WriteTokens(term, l, []TokenRow{
				{ID: "9f3c02aa51d0", Name: "garden", Can: "read,set", Devices: "1*", Created: at.Add(-time.Hour), Expires: at.Add(30 * 24 * time.Hour), By: "api 127.0.0.1"},
				{ID: "7e449f3c02aa", Browser: true, Can: "admin", Created: at, By: "192.168.1.5"},
			}, at),
			WriteListing(term, l, []Listed{
				{Device: "101", Trust: vaiven.TrustVerified, Status: vaiven.StatusConnected, Since: at},
				{Device: "102", Trust: vaiven.TrustUnverified, Status: vaiven.StatusConnected, Since: at},
				{Device: "103", Trust: vaiven.TrustUnapproved, Status: vaiven.StatusDisconnected, Since: at},
			}, at),
			WriteLink(term, l, Link{URLs: []string{"http://192.168.1.2:8080/login#vvn_x", "https://192.168.1.2:8443/login#vvn_x", "http://pi.local:8080/login#vvn_x", "a fourth"}, Minutes: 15, QR: true}),
			Banner(term, Facts{Lang: l, Command: "lab", Class: true, Addresses: []string{"192.168.1.2:8080"}, Synced: true, Data: "lab-1", CSV: "lab-1/readings.csv"}),
			Banner(term, Facts{Lang: l, Command: "serve", View: true, Addresses: []string{"192.168.1.2:8080"}, Synced: true, Data: "vaiven-data", CSV: "vaiven-data/readings.csv"}),
		); err != nil {
			t.Fatal(err)
		}
		out.WriteString(BoardSnippet(l, BoardFacts{
			Device: "101", Token: "vvn_x", Addresses: []string{"ws://192.168.1.2:8080/", "wss://192.168.1.2:8443/"},
			CA: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		}))
		out.WriteString(BoardSnippet(l, BoardFacts{Device: "greenhouse", Token: "vvn_x", Addresses: []string{"wss://192.168.1.2:8443/", "ws://192.168.1.2:8080/"}}))
		golden(t, "access-"+lang+".golden", out.String())
	}
}

// TestQR proves that a code is drawn where a person looks and there is room, and not
// where it would be cut.
func TestQR(t *testing.T) {
	text := "http://192.168.1.20:8080/login#vvn_" + strings.Repeat("x", 43)
	code := QR(Terminal{TTY: true, Width: 80, Height: 24}, text)
	lines := strings.Split(strings.TrimRight(code, "\n"), "\n")
	if len(lines) < 15 || len(lines) > 23 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		if width(line) != width(lines[0]) || width(line) > 80 {
			t.Fatalf("a line of %d columns", width(line))
		}
	}
	coloured := QR(Terminal{TTY: true, Color: true, Width: 80, Height: 24}, text)
	if plain := strings.NewReplacer("\x1b[97;40m", "", "\x1b[0m", "").Replace(coloured); plain != code {
		t.Error("colours change the code")
	}
	for _, small := range []Terminal{{}, {TTY: true, Width: 80, Height: 15}, {TTY: true, Width: 30, Height: 50}} {
		if QR(small, text) != "" {
			t.Errorf("drawn on %+v", small)
		}
	}
	if QR(Terminal{TTY: true, Width: 1000, Height: 1000}, strings.Repeat("x", 5000)) != "" {
		t.Error("what is too long is drawn")
	}
}

// TestKeyLetsIn proves that one key lets in who waits longest, says what came of it, and
// is a board's name where there is such a board.
func TestKeyLetsIn(t *testing.T) {
	list := []vaiven.Waiting{{Device: "101", Remote: "192.168.1.20", Hello: true}, {Device: "102", Remote: "192.168.1.21"}}
	var approved []vaiven.Device
	var fails error
	var out strings.Builder
	k := NewKeys(KeysOptions{
		Err: Terminal{W: &out}, Waiting: func() []vaiven.Waiting { return list },
		Approve: func(_ context.Context, w vaiven.Waiting) error {
			if fails == nil {
				approved = append(approved, w.Device)
				list = list[1:]
			}
			return fails
		},
	})
	say := func(line, want string) {
		t.Helper()
		out.Reset()
		k.runLine(t.Context(), line)
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q: %q, want %q", line, out.String(), want)
		}
	}
	say("a", "101 at 192.168.1.20 is let in\n")
	say("A", "102 at 192.168.1.21 is let in, unverified")
	say("a", "no board waits")
	list, fails = []vaiven.Waiting{{Device: "103"}}, errors.New("two boards wait as 103\x1b[2J")
	say("a", "two boards wait as 103")
	noEscape(t, out.String())
	fails = context.DeadlineExceeded
	say("a", "the log takes nothing")
	if len(approved) != 2 {
		t.Errorf("approved %q", approved)
	}
	fails = nil
	k.Seed(0, []Known{{Info: vaiven.DeviceInfo{ID: "a", Connected: true}}})
	say("a", "a is chosen")
	if say("?", "let the board in"); len(approved) != 2 {
		t.Errorf("approved %q", approved)
	}
}

// TestScreenLetsIn proves that the full screen says who waits, and that its key lets in
// who waits longest.
func TestScreenLetsIn(t *testing.T) {
	list := []vaiven.Waiting{{Device: "107", Remote: "192.168.1.20"}, {Device: "108", Remote: "192.168.1.21"}}
	m := lampModel("en", 100, 24, false)
	m.t.o.Waiting = func() []vaiven.Waiting { return list }
	m.t.o.Approve = func(context.Context, vaiven.Waiting) error { list = list[1:]; return nil }
	m.t.o.Trust = func(d vaiven.Device) vaiven.Trust {
		if d == "101" {
			return vaiven.TrustVerified
		}
		return vaiven.TrustUnverified
	}
	m.redraw(true)
	checkFrame(t, m)
	for _, want := range []string{"107 at 192.168.1.20 waits: a lets it in (and 1 more)", "unverified", "TRUST"} {
		if !strings.Contains(m.content, want) {
			t.Errorf("no %q in\n%s", want, m.content)
		}
	}
	m.pressKey("a")
	r := <-m.t.requests
	d, text, _ := m.t.do(t.Context(), r)
	if d != "107" || text != "107 at 192.168.1.20 is let in, unverified: it cannot hold a token" {
		t.Errorf("%s: %q", d, text)
	}
	list = nil
	m.redraw(true)
	if strings.Contains(m.content, "lets it in") {
		t.Error("nobody waits, and the screen says so")
	}
	if m.pressKey("a"); m.view.problem == "" || len(m.t.requests) != 0 {
		t.Errorf("with nobody there: %q", m.view.problem)
	}
}
