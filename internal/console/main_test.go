package console

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vaiven"
	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

// noEscape fails if text could do anything to a terminal but print.
func noEscape(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0) {
			t.Fatalf("control character %q in %q", r, text)
		}
	}
}

// start is 2026-11-22 14:03:07.250 in Bogota.
const start = int64(1795374187250)

const bogota = int32(-5 * 3600)

func stamp(afterMs int64) vaiven.Stamp {
	return vaiven.Stamp{At: start + afterMs, Offset: bogota, Synced: true}
}

func vals(pairs ...any) (out []vaiven.Value) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, vaiven.Value{Name: pairs[i].(string), Num: pairs[i+1].(float64)})
	}
	return out
}

// everything has an event of every kind, as a log would have them; hostile
// text included.
func everything() []vaiven.Entry {
	evs := []vaiven.Event{
		&vaiven.LogStart{Stamp: stamp(0), Log: "00112233445566778899aabbccddeeff"},
		&vaiven.Presence{Stamp: stamp(100), Device: "101", Connected: true, Remote: "192.168.1.37:51234"},
		&vaiven.SessionStart{Stamp: stamp(100), Device: "101", Readings: 50, Deadline: start + 180000, Interval: 2000},
		&vaiven.SessionStart{Stamp: stamp(110), Device: "7"},
		&vaiven.Hello{Stamp: stamp(200), Device: "101", Boot: "9f3c02aa", Oldest: 12, Next: 18, Lost: 3, Up: 734000, FW: "1.0.0", States: vals("LED", 0.0), Rev: 2},
		&vaiven.Hello{Stamp: stamp(210), Device: "101", Boot: "9f3c02aa", Up: -1},
		&vaiven.Reading{Stamp: stamp(1000), Device: "101", Values: vals("TEMP", 24.5, "HUM", 61.0)},
		&vaiven.Reading{Stamp: stamp(2000), Device: "102", Values: vals("TEMP", 9.0, "HUM", 61.25, "CO2", 412.0), States: vals("LED", 1.0, "RELAY", 0.0), Rev: 7},
		&vaiven.Reading{Stamp: vaiven.Stamp{At: start + 3000}, Device: "invernadero-norte", Boot: "9f3c02aa", Seq: 17, Measured: start - 60000, Values: vals("TEMP", -12.5)},
		&vaiven.Reading{Stamp: stamp(3500), Device: "101", Boot: "9f3c02aa", Seq: 18, Measured: start + 3400, Values: vals("PRESSURE", 101325.25)},
		&vaiven.Rejected{Stamp: stamp(4000), Device: "102", Code: vaiven.CodeNotANumber, Count: 1, Text: `TEMP is "24.5" (text): send the number without quotes`, Remote: "192.168.1.38:50000"},
		&vaiven.Rejected{Stamp: stamp(4100), Code: vaiven.CodeNotJSON, Count: 12, Text: "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m\xff<html>\r\n", Remote: "192.168.1.99:4000"},
		&vaiven.Refusal{Stamp: stamp(5000), Device: "101", Boot: "9f3c02aa", Seq: 19, Code: vaiven.CodeOutOfRange},
		&vaiven.Gap{Stamp: stamp(5100), Device: "101", Boot: "9f3c02aa", From: 20, To: 23},
		&vaiven.Gap{Stamp: stamp(5200), Device: "101", Boot: "9f3c02aa", From: 25, To: 25},
		&vaiven.Report{Stamp: stamp(5300), Device: "101", Boot: "9f3c02aa", Rev: 7, States: vals("LED", 1.0)},
		&vaiven.Conflict{Stamp: stamp(6000), Device: "101", Remotes: []string{"192.168.1.37:51234", "192.168.1.41:50112"}},
		&vaiven.Presence{Stamp: stamp(7000), Device: "102", Remote: "192.168.1.38:50000", Reason: "no answer for 60 s"},
		&vaiven.Presence{Stamp: stamp(7100), Device: "7", Sleep: 900000},
		&vaiven.SessionEnd{Stamp: stamp(8000), Device: "101", Reason: vaiven.EndReadings, Count: 50},
		&vaiven.SessionEnd{Stamp: stamp(8100), Device: "102", Reason: vaiven.EndElapsed, Count: 1},
		&vaiven.SessionEnd{Stamp: stamp(8200), Device: "7", Reason: vaiven.EndRenewed, Count: 0},
		&vaiven.Presence{Stamp: stamp(9000), Device: "101", Connected: true, Silent: true, Remote: "192.168.1.37:51234"},
		&vaiven.Presence{Stamp: stamp(12400), Device: "101", Connected: true, Remote: "192.168.1.37:51234"},
		&vaiven.Presence{Stamp: stamp(12500), Device: "7", Connected: true, Remote: "192.168.1.40:40000"},
		&vaiven.Hello{Stamp: stamp(12600), Device: "103", Up: 0, Names: []string{"RELAY", "DIM"}},
		&vaiven.Presence{Stamp: stamp(74000), Device: "102", Connected: true, Remote: "192.168.1.38:50001"},
	}
	return entries(1, append(evs, changes()...)...)
}

// changes has changes with every end, toggles, a local one, and names; hostile
// text included.
func changes() []vaiven.Event {
	one := vals("LED", 1.0)
	const ana, luis = vaiven.Device("101"), vaiven.Device("102")
	end := func(at int64, d vaiven.Device, key vaiven.Key, rev uint64, o vaiven.Outcome, reason string, states []vaiven.Value, by string) *vaiven.ChangeEnd {
		return &vaiven.ChangeEnd{Stamp: stamp(at), Device: d, Key: key, Rev: rev, Outcome: o, Reason: reason, States: states, By: by, Asked: start + 80000}
	}
	return []vaiven.Event{
		&vaiven.Change{Stamp: stamp(80000), Device: ana, Key: "00000000000000a1", Toggle: []string{"LED"}, By: "button GPIO17"},
		&vaiven.Sent{Stamp: stamp(80010), Device: ana, Key: "00000000000000a1", Rev: 8},
		&vaiven.Report{Stamp: stamp(80085), Device: ana, Boot: "9f3c02aa", Rev: 8, States: vals("LED", 0.0)},
		end(80085, ana, "00000000000000a1", 8, vaiven.Confirmed, "", vals("LED", 0.0), "button GPIO17"),
		&vaiven.Change{Stamp: stamp(81000), Device: luis, Key: "00000000000000a2", States: vals("LED", 1.0, "DIM", 40.5), By: "api 192.168.0.7", Deadline: start + 86000},
		end(81000, luis, "00000000000000a2", 1, vaiven.Refused, vaiven.RefusedNoUp, vals("LED", 1.0, "DIM", 40.5), "api 192.168.0.7"),
		&vaiven.Change{Stamp: stamp(82000), Device: luis, Key: "00000000000000a3", States: one, By: "terminal"},
		&vaiven.Sent{Stamp: stamp(82010), Device: luis, Key: "00000000000000a3", Rev: 2},
		&vaiven.Change{Stamp: stamp(83000), Device: luis, Key: "00000000000000a4", Toggle: []string{"LED"}, By: "\x1b[31mapi\u202e"},
		end(83000, luis, "00000000000000a3", 2, vaiven.Overtaken, "", one, "terminal"),
		end(84000, luis, "00000000000000a4", 3, vaiven.Expired, "", vals("LED", 0.0), "api"),
		&vaiven.Change{Stamp: stamp(85000), Device: "7", Key: "00000000000000a5", States: one, By: "", HasIf: true},
		end(85000, "7", "00000000000000a5", 0, vaiven.Refused, vaiven.RefusedRev, one, ""),
		end(85000, "7", "00000000000000a6", 0, vaiven.Refused, vaiven.RefusedStates, one, "api"),
		end(85000, "7", "00000000000000a7", 0, vaiven.Refused, "\x1b[2Jnew", nil, "api"),
		end(85000, "7", "00000000000000a8", 0, "\x1b[2Jother", "", nil, "api"),
		&vaiven.Change{Stamp: stamp(86000), Device: "invernadero-norte", Key: "00000000000000a9", Toggle: []string{"LED", "RELAY"}, By: "terminal"},
		&vaiven.Presence{Stamp: stamp(86500), Device: ana, Remote: "192.168.1.37:51234", Reason: "lost"},
		&vaiven.Change{Stamp: stamp(87000), Device: ana, Key: "00000000000000aa", Toggle: []string{"LED"}, By: "terminal"},
		&vaiven.Presence{Stamp: stamp(88000), Device: luis, Remote: "192.168.1.38:50001", Sleep: 600000},
		&vaiven.Change{Stamp: stamp(88500), Device: luis, Key: "00000000000000ab", States: one, By: "terminal"},
		&vaiven.Report{Stamp: stamp(89000), Device: "103", States: one},
		&vaiven.Change{Stamp: stamp(89000), Device: "103", Key: "00000000000000ac", States: one, By: vaiven.ByBoard},
		end(89000, "103", "00000000000000ac", 0, vaiven.Confirmed, "", one, vaiven.ByBoard),
		&vaiven.Described{Stamp: stamp(90000), Device: "103", Name: "Mesa 3\x1b[31m \u202e", Note: "by the window\n", Groups: []string{"north", "demo\x07"}},
		&vaiven.Described{Stamp: stamp(90100), Device: ana},
		&vaiven.Report{Stamp: stamp(90200), Device: "103", States: vals("LED", 0.0)},
		&vaiven.Forgotten{Stamp: stamp(91000), Device: "7"},
		&vaiven.Forgotten{Stamp: stamp(92000), Device: "8", Through: 4711},
		&vaiven.Admitted{Stamp: stamp(93000), Device: "101", Remote: "192.168.1.20", Concentrator: true, By: "terminal"},
		&vaiven.Granted{Stamp: stamp(93000), Device: "101", Token: "00c0ffee", Use: vaiven.UseBoard, Rights: vaiven.MaySend, By: "terminal"},
		&vaiven.Granted{
			Stamp: stamp(93000), Token: "0badcafe", Use: vaiven.UseAPI, Rights: vaiven.MayRead | vaiven.MaySet, Devices: []string{"1*", "lab-*"},
			Expires: start + 93000 + 30*24*3600*1000, Name: "jardín", By: "browser", From: "deadbeef",
		},
		&vaiven.Verified{Stamp: stamp(94000), Device: "101", Token: "00c0ffee"},
		&vaiven.Revoked{Stamp: stamp(95000), Device: "101", Token: "00c0ffee", By: "api 10.0.0.7"},
		&vaiven.Opened{Stamp: stamp(96000), Until: start + 96000 + 600_000, By: "terminal"},
		&vaiven.Denied{Stamp: stamp(97000), Device: "101", Reason: vaiven.DeniedProof, Remote: "10.0.0.9", Count: 12},
	}
}

func entries(record uint64, evs ...vaiven.Event) []vaiven.Entry {
	out := make([]vaiven.Entry, len(evs))
	for i, ev := range evs {
		out[i] = vaiven.Entry{ID: vaiven.ID{Record: record, Index: uint32(i)}, Event: ev}
	}
	return out
}

var names = Roster{"101": "Ana Gómez", "102": "Luis"}

// writes counts the writes that it takes.
type writes struct {
	bytes.Buffer
	n int
}

func (w *writes) Write(p []byte) (int, error) {
	w.n++
	return w.Buffer.Write(p)
}

// broken refuses writes.
type broken struct{}

var errBroken = errors.New("broken pipe")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

// manual is a clock that moves when it is told to.
type manual struct{ t time.Time }

func (m *manual) now() time.Time { return m.t }

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if k, v, _ := strings.Cut(p, "="); k == name {
				return v
			}
		}
		return ""
	}
}
