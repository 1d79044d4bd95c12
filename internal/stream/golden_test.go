package stream

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

// goldenFile holds one record a line, as the first version that wrote it did: its
// name, and its bytes in hexadecimal. A log is read for ever, so a line is never
// changed; a new kind of event or a new field brings a new line.
const goldenFile = "testdata/records.hex"

// goldenRecord is a record and what it is called in goldenFile.
type goldenRecord struct {
	name   string
	events []vaiven.Event
}

// firstKinds is how many kinds of events there were when the first lines were written.
const firstKinds = 16

// fullEvents has each kind of event once, with no field left at zero.
func fullEvents() []vaiven.Event {
	at := int64(1_795_333_377_000)
	st := vaiven.Stamp{At: at, Offset: -18000, Synced: true}
	values := []vaiven.Value{{Name: "TEMP", Num: 24.5}, {Name: "HUM", Num: 61}, {Name: "PI", Num: math.Pi}}
	states := []vaiven.Value{{Name: "LED", Num: 1}, {Name: "DIM", Num: 0.25}}
	const boot, key = vaiven.Boot("9f3c02aa"), vaiven.Key("00d1c0ffee5eed42")
	return []vaiven.Event{
		&vaiven.Reading{Stamp: st, Device: "101", Boot: boot, Seq: 17, Measured: at - 250, Values: values, States: states, Rev: 7, Uncounted: true},
		&vaiven.Refusal{Stamp: st, Device: "102", Boot: boot, Seq: 18, Code: vaiven.CodeNotANumber},
		&vaiven.Gap{Stamp: st, Device: "aula-3.nodo_12", Boot: boot, From: 19, To: 40},
		&vaiven.Rejected{Stamp: st, Device: "007", Code: vaiven.CodeNotJSON, Count: 5, Text: "falta una comilla: ñ", Remote: "[fe80::1]:9"},
		&vaiven.SessionStart{Stamp: st, Device: "101", Readings: 50, Deadline: at + 180_000, Interval: 2000},
		&vaiven.SessionEnd{Stamp: st, Device: "101", Reason: vaiven.EndReadings, Count: 50},
		&vaiven.Presence{Stamp: st, Device: "101", Connected: true, Silent: true, Remote: "192.168.1.20:4711", Reason: "silent", Sleep: 60_000},
		&vaiven.Report{Stamp: st, Device: "101", Boot: boot, Rev: 8, States: states},
		&vaiven.Hello{Stamp: st, Device: "101", Boot: boot, Oldest: 12, Next: 18, Lost: 3, Up: 734_000, FW: "1.0.0", States: states, Rev: 7, Names: []string{"RELAY", "DIM"}},
		&vaiven.Conflict{Stamp: st, Device: "101", Remotes: []string{"10.0.0.1:1", "10.0.0.2:2"}},
		&vaiven.LogStart{Stamp: st, Log: strings.Repeat("5a", 16)},
		&vaiven.Change{Stamp: st, Device: "101", Key: key, States: states, Toggle: []string{"RELAY", "FAN"}, By: "botón GPIO17", Deadline: at + 5000, HasIf: true, If: 7},
		&vaiven.Sent{Stamp: st, Device: "101", Key: key, Rev: 8},
		&vaiven.ChangeEnd{Stamp: st, Device: "101", Key: key, Rev: 8, Outcome: vaiven.Refused, Reason: vaiven.RefusedNoUp, States: states, By: "api 10.0.0.7", Asked: at - 900},
		&vaiven.Described{Stamp: st, Device: "101", Name: "mesa 3", Note: "junto a la ventana", Groups: []string{"lab", "ñ"}},
		&vaiven.Forgotten{Stamp: st, Device: "102", Through: 4711},
		&vaiven.Admitted{Stamp: st, Device: "101", Remote: "192.168.1.20", Concentrator: true, By: "terminal"},
		&vaiven.Granted{Stamp: st, Device: "101", Token: "00c0ffee", Use: vaiven.UseBoard, Sum: vaiven.HashToken("x"), Rights: vaiven.MaySend,
			Devices: []string{"1*", "lab-*"}, Expires: at + 900_000, Name: "jardín", By: "terminal", From: "deadbeef"},
		&vaiven.Verified{Stamp: st, Device: "101", Token: "00c0ffee"},
		&vaiven.Revoked{Stamp: st, Device: "101", Token: "00c0ffee", By: "api 10.0.0.7"},
		&vaiven.Opened{Stamp: st, Until: at + 600_000, By: "terminal"},
		&vaiven.Denied{Stamp: st, Device: "101", Reason: vaiven.DeniedProof, Remote: "10.0.0.9", Count: 12},
	}
}

// bareEvents has each kind of event once, with what may be left out left out.
func bareEvents() []vaiven.Event {
	return []vaiven.Event{
		&vaiven.Reading{}, &vaiven.Refusal{}, &vaiven.Gap{}, &vaiven.Rejected{}, &vaiven.SessionStart{}, &vaiven.SessionEnd{},
		&vaiven.Presence{}, &vaiven.Report{}, &vaiven.Hello{Up: -1}, &vaiven.Conflict{}, &vaiven.LogStart{},
		&vaiven.Change{Key: "0000000000000000"}, &vaiven.Sent{Key: "0000000000000000"}, &vaiven.ChangeEnd{Key: "0000000000000000"},
		&vaiven.Described{}, &vaiven.Forgotten{},
		&vaiven.Admitted{}, &vaiven.Granted{}, &vaiven.Verified{}, &vaiven.Revoked{}, &vaiven.Opened{}, &vaiven.Denied{},
	}
}

func goldenRecords() []goldenRecord {
	var out []goldenRecord
	for _, ev := range fullEvents() {
		out = append(out, goldenRecord{"full_" + vaiven.KindOf(ev).String(), []vaiven.Event{ev}})
	}
	for _, ev := range bareEvents() {
		out = append(out, goldenRecord{"bare_" + vaiven.KindOf(ev).String(), []vaiven.Event{ev}})
	}
	read := func(st vaiven.Stamp, d vaiven.Device, b vaiven.Boot, values, states []vaiven.Value) vaiven.Event {
		return &vaiven.Reading{Stamp: st, Device: d, Boot: b, Seq: 1, Values: values, States: states}
	}
	st := vaiven.Stamp{At: 1_795_333_377_000, Offset: -18000, Synced: true}
	var nums, batch []vaiven.Event
	for _, f := range []float64{0, math.Copysign(0, -1), 1, -1, 0.5, -3.25, 24.55, 0.125, 1.0625, 0.03125, 0.015625, 1e-6, 1e-7, math.Pi,
		1 << 47, 1 << 48, 281474976710655, -281474976710656, 1e15, math.MaxFloat64, math.SmallestNonzeroFloat64, 0.1 + 0.2, 123456.789012} {
		nums = append(nums, read(st, "101", "9f3c02aa", []vaiven.Value{{Name: "X", Num: f}}, nil))
	}
	for i := range 64 {
		batch = append(batch, reading(i%50, 1000+i))
	}
	everything := everyKind().Events
	return append(out,
		goldenRecord{"all_full", fullEvents()[:firstKinds]},
		goldenRecord{"all_bare", bareEvents()[:firstKinds]},
		goldenRecord{"all_full_with_access", fullEvents()},
		goldenRecord{"all_bare_with_access", bareEvents()},
		goldenRecord{"all_kinds_and_variants", everything},
		goldenRecord{"no_events", nil},
		goldenRecord{"numbers", nums},
		goldenRecord{"batch_of_64", batch},
		goldenRecord{"devices", []vaiven.Event{
			&vaiven.Forgotten{Stamp: st, Device: "000"}, &vaiven.Forgotten{Stamp: st, Device: "999"}, &vaiven.Forgotten{Stamp: st, Device: "07"},
			&vaiven.Forgotten{Stamp: st, Device: "0007"}, &vaiven.Forgotten{Stamp: st, Device: "1a1"}, &vaiven.Forgotten{Stamp: st, Device: "ñ"},
		}},
		goldenRecord{"forgotten_by_a_person", []vaiven.Event{&vaiven.Forgotten{Stamp: st, Device: "102"}}},
		goldenRecord{"boots", []vaiven.Event{
			&vaiven.Gap{Stamp: st, Device: "101", Boot: "0"}, &vaiven.Gap{Stamp: st, Device: "101", Boot: "00000000"},
			&vaiven.Gap{Stamp: st, Device: "101", Boot: "ffffffffffffffff"}, &vaiven.Gap{Stamp: st, Device: "101", Boot: "0123456789"},
		}},
		goldenRecord{"stamps", []vaiven.Event{
			&vaiven.Forgotten{Stamp: st}, &vaiven.Forgotten{Stamp: vaiven.Stamp{At: st.At - 5, Offset: 0}},
			&vaiven.Forgotten{Stamp: vaiven.Stamp{At: st.At + 70_000, Offset: 3600, Synced: true}}, &vaiven.Forgotten{},
			&vaiven.Forgotten{Stamp: vaiven.Stamp{At: math.MinInt64, Offset: math.MinInt32}}, &vaiven.Forgotten{Stamp: vaiven.Stamp{At: math.MaxInt64, Offset: math.MaxInt32}},
		}},
		goldenRecord{"columns_are_shared", []vaiven.Event{
			read(st, "101", "", []vaiven.Value{{Name: "TEMP", Num: 24.5}, {Name: "HUM", Num: 61}}, []vaiven.Value{{Name: "LED", Num: 1}}),
			read(st, "102", "", []vaiven.Value{{Name: "HUM", Num: 60}, {Name: "TEMP", Num: 24}}, nil),
			&vaiven.Report{Stamp: st, Device: "101", States: []vaiven.Value{{Name: "LED", Num: 0}, {Name: "TEMP", Num: 1.25}}},
			&vaiven.Change{Stamp: st, Device: "101", Key: "ffffffffffffffff", States: []vaiven.Value{{Name: "LED", Num: 0.1 + 0.2}}},
		}},
		goldenRecord{"states_only", []vaiven.Event{read(st, "101", "", nil, []vaiven.Value{{Name: "LED", Num: 1}})}},
		goldenRecord{"largest_numbers", []vaiven.Event{
			&vaiven.Reading{Stamp: st, Device: "101", Boot: "9f3c02aa", Seq: math.MaxUint64, Measured: math.MinInt64, Rev: math.MaxUint64},
			&vaiven.SessionStart{Stamp: st, Device: "101", Readings: math.MaxUint64, Deadline: math.MaxInt64, Interval: -1},
			&vaiven.Hello{Stamp: st, Device: "101", Oldest: math.MaxUint64, Up: math.MinInt64},
			&vaiven.Hello{Stamp: st, Device: "101", Up: 0},
			&vaiven.Change{Stamp: st, Device: "101", Key: "8000000000000000", HasIf: true},
		}},
		goldenRecord{"empty_texts_in_lists", []vaiven.Event{
			&vaiven.Conflict{Stamp: st, Device: "101", Remotes: []string{"", "x", ""}},
			&vaiven.Described{Stamp: st, Device: "101", Groups: []string{""}},
		}},
	)
}

func readGolden(t *testing.T) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string][]byte)
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, digits, _ := strings.Cut(lines.Text(), " ")
		b, err := hex.DecodeString(digits)
		if err != nil || out[name] != nil {
			t.Fatalf("%s: line %q: %v", goldenFile, name, err)
		}
		out[name] = b
	}
	return out
}

// TestRecordsStayAsTheyWereWritten: what was once written is read as the same
// events, and the same events are written as the same bytes.
func TestRecordsStayAsTheyWereWritten(t *testing.T) {
	golden := readGolden(t)
	for _, g := range goldenRecords() {
		rec := vaiven.Record{Seq: 9, Writer: 0xfedcba9876543210, N: 300, Events: g.events}
		b := encoded(t, rec)
		want, ok := golden[g.name]
		delete(golden, g.name)
		if !ok {
			t.Errorf("%s has no line for this record:\n%s %x", goldenFile, g.name, b)
			continue
		}
		if !bytes.Equal(b, want) {
			t.Errorf("%s is written otherwise:\n got %x\nwant %x", g.name, b, want)
		}
		got, err := DecodeRecord(9, want)
		if err != nil {
			t.Errorf("%s: %v", g.name, err)
			continue
		}
		if len(g.events) == 0 {
			rec.Events = []vaiven.Event{}
		}
		if d := cmp.Diff(rec, got, cmp.Comparer(sameBits)); d != "" {
			t.Errorf("%s is read otherwise:\n%s", g.name, d)
		}
	}
	for name := range golden {
		t.Errorf("%s: line %q is of no record here", goldenFile, name)
	}
}

// TestTheCodecKnowsEveryKindAndField: a kind of event that the domain has, or a
// field of it, that this package does not write would be lost without a word.
func TestTheCodecKnowsEveryKindAndField(t *testing.T) {
	missing := make(map[string]bool)
	for _, name := range vaiven.KindNames() {
		missing[name] = true
	}
	for _, ev := range fullEvents() {
		kind := vaiven.KindOf(ev).String()
		delete(missing, kind)
		v := reflect.ValueOf(ev).Elem()
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s.%s is zero in the example: whether it is written is not seen", kind, v.Type().Field(i).Name)
			}
		}
		rec, err := AppendRecord(nil, vaiven.Record{Events: []vaiven.Event{ev}})
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		got, err := DecodeRecord(1, rec)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if d := cmp.Diff([]vaiven.Event{ev}, got.Events); d != "" {
			t.Errorf("%s:\n%s", kind, d)
		}
	}
	for kind := range missing {
		t.Errorf("%s: no example of this kind of event, so the codec may not know it", kind)
	}
}

// TestTextsThatAreNotUTF8 are written with U+FFFD in the place of what is not.
func TestTextsThatAreNotUTF8(t *testing.T) {
	b := encoded(t, vaiven.Record{Events: []vaiven.Event{
		&vaiven.Rejected{Text: "a\xffb", Remote: "\xc3"}, &vaiven.Conflict{Remotes: []string{"\xff\xfe", "c"}},
	}})
	got, err := DecodeRecord(0, b)
	if err != nil {
		t.Fatal(err)
	}
	want := []vaiven.Event{&vaiven.Rejected{Text: "a\uFFFDb", Remote: "\uFFFD"}, &vaiven.Conflict{Remotes: []string{"\uFFFD", "c"}}}
	if d := cmp.Diff(want, got.Events); d != "" {
		t.Error(d)
	}
}
