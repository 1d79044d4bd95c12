//go:build suites && linux

package core

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vaiven"
	"vaiven/wire"
)

// online brings a board to where its readings flow, and returns its HELLO.
func online(t *testing.T, b *board, device vaiven.Device) wire.Item {
	t.Helper()
	b.do("tick 60000")
	b.do("open")
	items := b.sends("tick 0")
	if len(items) != 1 || items[0].Kind != wire.Hello {
		t.Fatalf("want a HELLO, got %+v", items)
	}
	b.hears(wire.AppendWelcome(nil, wire.Welcome{Device: device, Boot: b.boot, Now: time.Now().UnixMilli()}))
	return items[0]
}

// TestSent: the server's codec understands each message of the board as it was
// meant, whatever form the id has.
func TestSent(t *testing.T) {
	for _, id := range []string{"7", "101", "1234", "aula-3.b", strings.Repeat("x", vaiven.MaxDevice)} {
		t.Run(id, func(t *testing.T) {
			device, err := vaiven.ParseDevice(id)
			if err != nil {
				t.Fatal(err)
			}
			b := startBoard(t, id)
			got := []wire.Item{online(t, b, device)}
			b.do("record 24.5 61")
			b.do("record -0.25 nan")
			got = append(got, b.sends("tick 1500")...)
			b.do("switch 1 1")
			got = append(got, b.sends("tick 0")...)

			states := func(led, relay float64) []vaiven.Value {
				return []vaiven.Value{{Name: "LED", Num: led}, {Name: "RELAY", Num: relay}}
			}
			want := []wire.Item{
				{
					Kind: wire.Hello, Device: device, Boot: b.boot, Age: wire.AgeAbsent, Oldest: 1, Next: 1, Up: 60000,
					FW: "1.0.0", States: states(0, 0), Names: []string{"LED", "RELAY"},
				},
				{
					Kind: wire.Reading, Device: device, Boot: b.boot, Seq: 1, Age: 1500, Up: -1,
					Values: []vaiven.Value{{Name: "TEMP", Num: 24.5}, {Name: "HUM", Num: 61}},
				},
				{
					Kind: wire.Reading, Device: device, Boot: b.boot, Seq: 2, Age: 1500, Up: -1,
					Values: []vaiven.Value{{Name: "TEMP", Num: -0.3}},
				},
				{Kind: wire.Report, Device: device, Boot: b.boot, Age: wire.AgeAbsent, Up: -1, States: states(0, 1)},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestHeard: the board understands each message of the server's codec.
func TestHeard(t *testing.T) {
	b := startBoard(t, "101")
	b.do("trust")
	online(t, b, "101")
	b.do("record 24.5 61")
	b.do("record 24.6 62")
	b.sends("tick 0")
	on := []vaiven.Value{{Name: "LED", Num: 1}, {Name: "OTHER", Num: 5}, {Name: "RELAY", Num: 0}}
	// The numbers of notes are those of vaiven::Event.
	for _, c := range []struct {
		message []byte
		did     string
	}{
		{wire.AppendAck(nil, "101", b.boot, 1), "note 2 1 0 "},
		{wire.AppendAck(nil, "101", "00000000", 2), ""},
		{wire.AppendAck(nil, "102", b.boot, 2), ""},
		{wire.AppendDesired(nil, wire.Desired{Device: "101", States: on, Rev: 7}), "set 0 1; set 1 0; note 5 0 0 "},
		{wire.AppendDesired(nil, wire.Desired{Device: "101", States: on, Rev: 8, Until: 59999, HasUntil: true}), "note 6 0 0 "},
		{wire.AppendDesired(nil, wire.Desired{Device: "101", States: on, Rev: 8, Until: -1, HasUntil: true}), "note 6 0 0 "},
		{wire.AppendDesired(nil, wire.Desired{Device: "101", States: on, Rev: 9, Until: 60000, HasUntil: true}), "set 0 1; set 1 0; note 5 0 0 "},
		{wire.AppendToken(nil, "101", "vvn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"), "token vvn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8; note 9 0 0 "},
		{
			wire.AppendError(nil, &vaiven.Error{Code: vaiven.CodeBusy, At: -1, Device: "101", Boot: b.boot, Seq: 2, Retry: 1500 * time.Millisecond}, vaiven.Spanish),
			"note 4 2 1500 " + wire.Explain(&vaiven.Error{Code: vaiven.CodeBusy, At: -1, Device: "101", Boot: b.boot, Seq: 2, Retry: 1500 * time.Millisecond}, vaiven.Spanish),
		},
		{wire.AppendBye(nil, `adiós "amigo"`, 2*time.Second), `note 7 0 2000 adiós "amigo"`},
	} {
		if did := strings.Join(b.hears(c.message), "; "); did != c.did {
			t.Errorf("%s: did %q, want %q", c.message, did, c.did)
		}
	}
}

// TestRevComesBack: what was wished for is confirmed by the report, and by the
// HELLO of the next connection.
func TestRevComesBack(t *testing.T) {
	b := startBoard(t, "101")
	online(t, b, "101")
	on := []vaiven.Value{{Name: "LED", Num: 1}, {Name: "RELAY", Num: 0}}
	b.hears(wire.AppendDesired(nil, wire.Desired{Device: "101", States: on, Rev: 7}))
	reports := b.sends("tick 0")
	b.do("close 1006")
	hello := online(t, b, "101")
	for _, it := range append(reports, hello) {
		if !it.HasRev || it.Rev != 7 || !slices.Equal(it.States, on) {
			t.Errorf("%v says %v with REV %d", it.Kind, it.States, it.Rev)
		}
	}
	if len(reports) != 1 || reports[0].Kind != wire.Report {
		t.Errorf("want one report, got %+v", reports)
	}
}

// TestEveryRefusal: the board's verdict about each code is the protocol's.
func TestEveryRefusal(t *testing.T) {
	codes := []vaiven.Code{
		vaiven.CodeNotJSON, vaiven.CodeMissingDevice, vaiven.CodeBadDevice, vaiven.CodeNoValues, vaiven.CodeNotANumber,
		vaiven.CodeOutOfRange, vaiven.CodeBadName, vaiven.CodeBadSeq, vaiven.CodeTooManyDevices, vaiven.CodeDeviceInUse,
		vaiven.CodeNotApproved, vaiven.CodeBadToken, vaiven.CodeNotAuthorised, vaiven.CodeTooLarge, vaiven.CodeTooFast, vaiven.CodeBusy,
	}
	for _, code := range codes {
		t.Run(string(code), func(t *testing.T) {
			b := startBoard(t, "101")
			online(t, b, "101")
			b.do("record 24.5 61")
			b.sends("tick 0")
			b.hears(wire.AppendError(nil, &vaiven.Error{Code: code, At: -1, Device: "101", Boot: b.boot, Seq: 1, Retry: time.Second}, vaiven.English))
			again := len(b.sends("tick 999"))
			again += len(b.sends("tick 1"))
			want := 0
			if code.ForNow() {
				want = 1 // behind RETRY
			}
			if again != want {
				t.Errorf("sent again %d times within RETRY, want %d", again, want)
			}
		})
	}
}

// TestProof: what the board answers to the server's nonce is the proof that the server
// computes, for each form of an id; and the token is in nothing that it sends.
func TestProof(t *testing.T) {
	const nonce, token = "000102030405060708090a0b0c0d0e0f", "vvn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	for _, id := range []string{"7", "aula-3.b"} {
		t.Run(id, func(t *testing.T) {
			device, err := vaiven.ParseDevice(id)
			if err != nil {
				t.Fatal(err)
			}
			b := startBoard(t, id)
			b.do("tick 60000")
			b.do("open")
			b.sends("tick 0")
			b.hears(wire.AppendError(nil, &vaiven.Error{Code: vaiven.CodeNotApproved, At: -1, Device: device, Retry: time.Second}, vaiven.English))
			b.sends("tick 1000")
			if said := b.do("hear %s", wire.AppendToken(nil, device, token)); !slices.Contains(said, "token "+token) {
				t.Errorf("given a token: %q", said)
			}
			b.hears(wire.AppendNonce(nil, device, nonce))
			items := b.sends("tick 0")
			want := vaiven.Proof(vaiven.HashToken(token), nonce, device, b.boot)
			if len(items) != 1 || items[0].Kind != wire.Hello || !vaiven.SameProof(items[0].Proof, want) {
				t.Errorf("sent %+v, want a HELLO with the proof %s", items, want)
			}
		})
	}
}
