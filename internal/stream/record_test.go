package stream

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"vaiven"
)

// everyKind returns a record with each kind of event, every field set.
func everyKind() vaiven.Record {
	at := int64(1_795_333_377_000)
	st := func(ms int64) vaiven.Stamp { return vaiven.Stamp{At: at + ms, Offset: -18000, Synced: true} }
	states := []vaiven.Value{{Name: "LED", Num: 1}, {Name: "RELAY", Num: 0}}
	return vaiven.Record{Writer: 0xfedcba9876543210, N: 300, Events: []vaiven.Event{
		&vaiven.LogStart{Stamp: st(0), Log: strings.Repeat("5a", 16)},
		&vaiven.Hello{Stamp: st(1), Device: "101", Boot: "9f3c02aa", Oldest: 12, Next: 18, Lost: 3, Up: 734000, FW: "1.0.0", States: states, Rev: 7},
		&vaiven.Hello{Stamp: st(1), Device: "102", Up: -1},
		&vaiven.Presence{Stamp: st(2), Device: "101", Connected: true, Remote: "192.168.1.20:4711"},
		&vaiven.Presence{Stamp: st(2), Device: "007", Reason: "silent", Sleep: 60000},
		&vaiven.SessionStart{Stamp: st(3), Device: "101", Readings: 50, Deadline: at + 180000, Interval: 2000},
		&vaiven.Reading{Stamp: st(4), Device: "101", Boot: "9f3c02aa", Seq: 17, Measured: at - 3000, Rev: 7, States: states,
			Values: []vaiven.Value{{Name: "TEMP", Num: 24.5}, {Name: "HUM", Num: 61}, {Name: "P", Num: math.Pi}, {Name: "Z", Num: math.Copysign(0, -1)}}},
		&vaiven.Reading{Stamp: vaiven.Stamp{At: at - 5, Offset: 3600}, Device: "aula-3.nodo_12", Boot: "00000000000000ff", Seq: vaiven.MaxSeq,
			Values: []vaiven.Value{{Name: "TEMP", Num: -3.25}}},
		&vaiven.Reading{Stamp: st(6), Device: "101", Values: []vaiven.Value{{Name: "TEMP", Num: 24.55}}},
		&vaiven.Reading{Stamp: st(6), Device: "101", Values: []vaiven.Value{{Name: "TEMPERATURA", Num: 24.5}}, Uncounted: true},
		&vaiven.Report{Stamp: st(7), Device: "101", Boot: "9f3c02aa", Rev: 8, States: states},
		&vaiven.Refusal{Stamp: st(8), Device: "101", Boot: "9f3c02aa", Seq: 18, Code: vaiven.CodeNotANumber},
		&vaiven.Gap{Stamp: st(9), Device: "101", Boot: "9f3c02aa", From: 19, To: 40},
		&vaiven.Rejected{Stamp: st(10), Code: vaiven.CodeNotJSON, Count: 5, Text: "falta una comilla: ñ", Remote: "[fe80::1]:9"},
		&vaiven.SessionEnd{Stamp: st(11), Device: "101", Reason: vaiven.EndReadings, Count: 50},
		&vaiven.Conflict{Stamp: st(12), Device: "101", Remotes: []string{"10.0.0.1:1", "10.0.0.2:2"}},
		&vaiven.Hello{Stamp: st(13), Device: "101", Up: 5, Names: []string{"RELAY", "DIM"}},
		&vaiven.Presence{Stamp: st(14), Device: "101", Connected: true, Silent: true},
		&vaiven.Change{Stamp: st(15), Device: "101", Key: "00000000000000ff", States: states, Toggle: []string{"DIM"}, By: "botón GPIO17", Deadline: at + 5000, HasIf: true},
		&vaiven.Change{Stamp: st(15), Device: "aula-3", Key: "fedcba9876543210", Toggle: []string{"LED", "RELAY"}, HasIf: true, If: 7},
		&vaiven.Change{Stamp: st(15), Device: "101", Key: "0123456789abcdef", States: []vaiven.Value{{Name: "DIM", Num: 0.5}}},
		&vaiven.Sent{Stamp: st(16), Device: "101", Key: "0123456789abcdef", Rev: 8},
		&vaiven.ChangeEnd{Stamp: st(17), Device: "101", Key: "0123456789abcdef", Rev: 8, Outcome: vaiven.Refused, Reason: vaiven.RefusedNoUp, States: states, By: "api", Asked: at},
		&vaiven.Described{Stamp: st(18), Device: "101", Name: "mesa 3", Note: "junto a la ventana", Groups: []string{"lab", "ñ"}},
		&vaiven.Described{Stamp: st(18), Device: "101"},
		&vaiven.Forgotten{Stamp: st(19), Device: "102"},
	}}
}

func encoded(t testing.TB, r vaiven.Record) []byte {
	t.Helper()
	b, err := AppendRecord(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryKindOfEventComesBack(t *testing.T) {
	want := everyKind()
	got, err := DecodeRecord(9, encoded(t, want))
	if err != nil {
		t.Fatal(err)
	}
	want.Seq = 9
	if d := cmp.Diff(want, got, cmp.Comparer(sameBits)); d != "" {
		t.Error(d)
	}
}

// sameBits tells -0 from 0.
func sameBits(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

func TestAReadingIsShort(t *testing.T) {
	one := len(encoded(t, vaiven.Record{Writer: math.MaxUint64, N: 100_000, Events: []vaiven.Event{reading(101, 17)}}))
	var many []vaiven.Event
	for i := range 256 {
		many = append(many, reading(i%50, 1000+i))
	}
	each := float64(len(encoded(t, vaiven.Record{Writer: math.MaxUint64, N: 100_000, Events: many}))) / 256
	t.Logf("alone %d bytes, with 255 others %.1f", one, each)
	if one > 90 || each > 40 {
		t.Errorf("a reading takes %d bytes alone, %.1f in a batch; at most 90 and 40 are wanted", one, each)
	}
}

func TestRoundTripOfAnyRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := vaiven.Record{
			Writer: rapid.Uint64().Draw(t, "writer"),
			N:      rapid.Uint64().Draw(t, "n"),
			Events: rapid.SliceOfN(rapid.Custom(drawEvent), 1, 20).Draw(t, "events"),
		}
		size := headRoom
		for _, ev := range want.Events {
			n, err := new(codec).bound(ev)
			if err != nil {
				t.Fatal(err)
			}
			size += n
		}
		b, err := AppendRecord([]byte("before"), want)
		if err != nil {
			t.Fatal(err)
		}
		b = b[len("before"):]
		if len(b) > size {
			t.Fatalf("%d bytes, and bound said %d", len(b), size)
		}
		got, err := DecodeRecord(0, b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmp.Comparer(sameBits)); d != "" {
			t.Fatal(d)
		}
	})
}

func drawEvent(t *rapid.T) vaiven.Event {
	st := vaiven.Stamp{
		At:     rapid.Int64().Draw(t, "at"),
		Offset: rapid.Int32().Draw(t, "offset"),
		Synced: rapid.Bool().Draw(t, "synced"),
	}
	dev := vaiven.Device(rapid.StringMatching(`|[0-9]{3}|[A-Za-z0-9._-]{1,64}`).Draw(t, "device"))
	boot := vaiven.Boot(rapid.StringMatching(`|[0-9a-f]{8}|[0-9a-f]{8,16}`).Draw(t, "boot"))
	u := rapid.Uint64()
	text := rapid.String()
	switch rapid.IntRange(1, 11).Draw(t, "kind") {
	case 1:
		return &vaiven.Reading{Stamp: st, Device: dev, Boot: boot, Seq: u.Draw(t, "seq"), Measured: rapid.Int64().Draw(t, "measured"),
			Values: drawValues(t), States: drawValues(t), Rev: u.Draw(t, "rev")}
	case 2:
		return &vaiven.Refusal{Stamp: st, Device: dev, Boot: boot, Seq: u.Draw(t, "seq"), Code: vaiven.Code(text.Draw(t, "code"))}
	case 3:
		return &vaiven.Gap{Stamp: st, Device: dev, Boot: boot, From: u.Draw(t, "from"), To: u.Draw(t, "to")}
	case 4:
		return &vaiven.Rejected{Stamp: st, Device: dev, Code: vaiven.CodeBadName, Count: u.Draw(t, "count"), Text: text.Draw(t, "text"), Remote: text.Draw(t, "remote")}
	case 5:
		return &vaiven.SessionStart{Stamp: st, Device: dev, Readings: u.Draw(t, "readings"), Deadline: rapid.Int64().Draw(t, "deadline"), Interval: rapid.Int64().Draw(t, "interval")}
	case 6:
		return &vaiven.SessionEnd{Stamp: st, Device: dev, Reason: vaiven.EndReason(text.Draw(t, "reason")), Count: u.Draw(t, "count")}
	case 7:
		return &vaiven.Presence{Stamp: st, Device: dev, Connected: rapid.Bool().Draw(t, "connected"), Remote: text.Draw(t, "remote"), Reason: text.Draw(t, "reason"), Sleep: rapid.Int64().Draw(t, "sleep")}
	case 8:
		return &vaiven.Report{Stamp: st, Device: dev, Boot: boot, Rev: u.Draw(t, "rev"), States: drawValues(t)}
	case 9:
		return &vaiven.Hello{Stamp: st, Device: dev, Boot: boot, Oldest: u.Draw(t, "oldest"), Next: u.Draw(t, "next"), Lost: u.Draw(t, "lost"),
			Up: rapid.Int64().Draw(t, "up"), FW: text.Draw(t, "fw"), States: drawValues(t), Rev: u.Draw(t, "rev")}
	case 10:
		c := &vaiven.Conflict{Stamp: st, Device: dev}
		for range rapid.IntRange(0, 3).Draw(t, "remotes") {
			c.Remotes = append(c.Remotes, text.Draw(t, "remote"))
		}
		return c
	}
	return &vaiven.LogStart{Stamp: st, Log: text.Draw(t, "log")}
}

func drawValues(t *rapid.T) []vaiven.Value {
	var vs []vaiven.Value
	for range rapid.IntRange(0, 40).Draw(t, "values") {
		num := rapid.OneOf(
			rapid.Float64(),
			rapid.Map(rapid.Int32(), func(i int32) float64 { return float64(i) / 100 }),
			rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 24.5, 1e15, 1e-7, 1 << 48, math.MaxFloat64}),
		).Draw(t, "num")
		vs = append(vs, vaiven.Value{Name: rapid.StringMatching(`[A-Z0-9][A-Z0-9_]{0,15}`).Draw(t, "name"), Num: num})
	}
	return vs
}

// envelope seals a body made by hand.
func envelope(body []byte) []byte {
	b := protowire.AppendTag(nil, fieldCRC, protowire.Fixed32Type)
	b = protowire.AppendFixed32(b, crc32.Checksum(body, castagnoli))
	b = protowire.AppendTag(b, fieldBody, protowire.BytesType)
	return protowire.AppendBytes(b, body)
}

func head(kind, version uint64) []byte {
	return appendNumber(appendNumber(nil, fieldKind, kind), fieldVersion, version)
}

const presenceKind = 7

// sub appends a message as a field.
func sub(b []byte, num protowire.Number, in []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), in)
}

func TestWhatALaterVaivenWroteIsAnError(t *testing.T) {
	presence := sub(nil, presenceKind, appendNumber(nil, fieldNumber, 101))
	for name, body := range map[string][]byte{
		"kind of record":             head(2, recordVersion),
		"version":                    head(recordKind, 2),
		"no version":                 nil,
		"kind of event":              sub(head(recordKind, recordVersion), fieldEvent, sub(nil, protowire.Number(len(eventKinds)), nil)),
		"second field of an event":   sub(head(recordKind, recordVersion), fieldEvent, sub(presence, protowire.Number(len(eventKinds)), nil)),
		"more decimals in a column":  sub(head(recordKind, recordVersion), fieldColumn, appendNumber(nil, fieldColDecimals, 7)),
		"later version, other shape": append(head(recordKind, 9), 0xff),
	} {
		if _, err := DecodeRecord(1, envelope(body)); !errors.Is(err, ErrLater) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAColumnWithoutANameIsDamage(t *testing.T) {
	body := sub(head(recordKind, recordVersion), fieldColumn, appendNumber(nil, fieldColDecimals, 1))
	if _, err := DecodeRecord(1, envelope(body)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v: want it damaged", err)
	}
}

func TestUnknownOptionalFieldsAreIgnored(t *testing.T) {
	in := appendNumber(nil, fieldNumber, 101)
	in = appendNumber(in, 9, 1) // connected
	in = appendNumber(in, 1000, 5)
	body := sub(head(recordKind, recordVersion), fieldEvent, sub(nil, presenceKind, in))
	body = sub(body, 1000, []byte("anything"))
	got, err := DecodeRecord(1, appendNumber(envelope(body), 1000, 1))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]vaiven.Event{&vaiven.Presence{Device: "101", Connected: true}}, got.Events); d != "" {
		t.Error(d)
	}
}

func TestEveryDamagedByteIsFound(t *testing.T) {
	good := encoded(t, everyKind())
	for i := range good {
		for bit := range 8 {
			bad := append([]byte(nil), good...)
			bad[i] ^= 1 << bit
			got, err := DecodeRecord(1, bad)
			if err == nil {
				t.Fatalf("bit %d of byte %d flipped, and it reads as %d events", bit, i, len(got.Events))
			}
		}
	}
	for n := range good {
		if _, err := DecodeRecord(1, good[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	if _, err := AppendRecord(nil, vaiven.Record{Events: []vaiven.Event{&vaiven.Gap{Boot: "XYZ"}}}); err == nil {
		t.Error("a boot that is not hexadecimal was written")
	}
	var many []vaiven.Event
	for i := range 5000 {
		many = append(many, reading(1, i+1))
	}
	parts, err := cutTickets(many, 7)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range parts {
		if n += len(p.Events); p.size > maxTicket || p.Owner != 7 {
			t.Errorf("a part of %d bytes, owner %v", p.size, p.Owner)
		}
	}
	if n != len(many) || len(parts) < 2 {
		t.Errorf("%d parts with %d events", len(parts), n)
	}
	_, err = cutTickets([]vaiven.Event{&vaiven.Rejected{Text: strings.Repeat("x", MaxRecord)}}, nil)
	var e *vaiven.Error
	if !errors.As(err, &e) || e.Code != vaiven.CodeTooLarge {
		t.Errorf("an event larger than a record: %v", err)
	}
}

// An event of a change is nothing without the change's key, and a log that
// holds one is damaged: it must not be carried on with an empty key.
func TestAChangeWithoutItsKeyIsDamage(t *testing.T) {
	for kind, ev := range map[string]vaiven.Event{
		"change": &vaiven.Change{Device: "101", Key: "00d1c0ffee5eed42"},
		"sent":   &vaiven.Sent{Device: "101", Key: "00d1c0ffee5eed42", Rev: 7},
		"end":    &vaiven.ChangeEnd{Device: "101", Key: "00d1c0ffee5eed42", Outcome: vaiven.Confirmed},
	} {
		body, err := openEnvelope(encoded(t, vaiven.Record{Events: []vaiven.Event{ev}}))
		if err != nil {
			t.Fatal(err)
		}
		key := protowire.AppendFixed64(protowire.AppendTag(nil, 9, protowire.Fixed64Type), 0x00d1c0ffee5eed42)
		at := bytes.Index(body, key)
		if at < 0 {
			t.Fatalf("%s: no key in %x", kind, body)
		}
		// The key's number is read as a revision, which a change may do without.
		copy(body[at:], protowire.AppendTag(nil, 14, protowire.Fixed64Type))
		if _, err := DecodeRecord(1, envelope(body)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(encoded(f, everyKind()))
	f.Add(encoded(f, vaiven.Record{Events: []vaiven.Event{reading(101, 1)}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		body, err := openEnvelope(b)
		if err != nil {
			body = b // a checksum is not guessed: what is behind it is tried all the same
		}
		rec, err := DecodeRecord(1, envelope(body))
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrLater) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		again, err := AppendRecord(nil, rec)
		if err != nil {
			t.Fatalf("decoded, but does not encode: %v", err)
		}
		back, err := DecodeRecord(1, again)
		if err != nil {
			t.Fatalf("encoded again, but does not decode: %v", err)
		}
		if len(back.Events) != len(rec.Events) {
			t.Fatalf("%d events became %d", len(rec.Events), len(back.Events))
		}
	})
}

func batch(n int) (evs []vaiven.Event, rec []byte) {
	for i := range n {
		r := reading(i%50, 1000+i)
		r.Boot = vaiven.Boot(fmt.Sprintf("%08x", (i%50+1)*0x1234567))
		evs = append(evs, r)
	}
	rec, _ = AppendRecord(nil, vaiven.Record{Writer: math.MaxUint64, N: 1000, Events: evs})
	return evs, rec
}
