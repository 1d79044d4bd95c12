package wire_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"vaiven"
	"vaiven/wire"
)

var led = []vaiven.Value{{Name: "LED", Num: 1}}

// TestServerMessages: to the byte as PROTOCOL.md shows them.
func TestServerMessages(t *testing.T) {
	for _, c := range []struct {
		want string
		got  []byte
	}{
		{`{"WELCOME":1,"IDDEVICE":101,"BOOT":"9f3c02aa","ACK":16,"NOW":1795333377000,"LED":1,"REV":7}`,
			wire.AppendWelcome(nil, wire.Welcome{Device: "101", Boot: "9f3c02aa", Ack: 16, Now: 1795333377000, States: led, Rev: 7})},
		{`{"WELCOME":1,"IDDEVICE":7,"ACK":0,"NOW":5}`, wire.AppendWelcome(nil, wire.Welcome{Device: "007", Now: 5})},
		{`{"IDDEVICE":101,"BOOT":"9f3c02aa","ACK":17}`, wire.AppendAck(nil, "101", "9f3c02aa", 17)},
		{`{"IDDEVICE":"sala-2","BOOT":"9f3c02aa","ACK":17}`, wire.AppendAck(nil, "sala-2", "9f3c02aa", 17)},
		{`{"IDDEVICE":"1234","BOOT":"9f3c02aa","ACK":17}`, wire.AppendAck(nil, "1234", "9f3c02aa", 17)},
		{`{"IDDEVICE":0,"BOOT":"9f3c02aa","ACK":17}`, wire.AppendAck(nil, "000", "9f3c02aa", 17)},
		{`{"IDDEVICE":101,"LED":1,"REV":7}`, wire.AppendDesired(nil, wire.Desired{Device: "101", States: led, Rev: 7})},
		{`{"IDDEVICE":101,"LED":1,"REV":7,"UNTIL":739000}`,
			wire.AppendDesired(nil, wire.Desired{Device: "101", States: led, Rev: 7, Until: 739000, HasUntil: true})},
		{`{"IDDEVICE":101,"TOKEN":"a\"b"}`, wire.AppendToken(nil, "101", `a"b`)},
		{`{"IDDEVICE":101,"NONCE":"000102030405060708090a0b0c0d0e0f"}`, wire.AppendNonce(nil, "101", "000102030405060708090a0b0c0d0e0f")},
		{`{"BYE":"50 readings received","RETRY":0}`, wire.AppendBye(nil, "50 readings received", 0)},
		{`{"BYE":"server stops","RETRY":2500}`, wire.AppendBye(nil, "server stops", 2500*time.Millisecond)},
		{`{"ERROR":"TEMP is \"24.5\" (text): send the number without quotes","CODE":"not_a_number","AT":58,"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":17}`,
			wire.AppendError(nil, decode(false, []byte(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":17,"HUM":1,"TEMP":"24.5"}`))[0].Err, vaiven.English)},
		{`{"ERROR":"the server cannot store readings now: keep them and send them again (again in 2 s)","CODE":"busy","IDDEVICE":101,"RETRY":1500}`,
			wire.AppendError(nil, &vaiven.Error{Code: vaiven.CodeBusy, At: -1, Device: "101", Retry: 1500 * time.Millisecond}, vaiven.English)},
	} {
		if string(c.got) != c.want {
			t.Errorf("got  %s\nwant %s", c.got, c.want)
		}
	}
}

// TestAppend: the messages go behind what is there.
func TestAppend(t *testing.T) {
	b := []byte("x")
	b = wire.AppendAck(b, "101", "9f3c02aa", 1)
	b = wire.AppendError(b, &vaiven.Error{Code: vaiven.CodeBusy, At: -1}, vaiven.Spanish)
	b = wire.AppendDesired(b, wire.Desired{Device: "101", States: led, Rev: 1})
	if !strings.HasPrefix(string(b), `x{"IDDEVICE":101,"BOOT":"9f3c02aa","ACK":1}{"ERROR":`) || !strings.HasSuffix(string(b), `}{"IDDEVICE":101,"LED":1,"REV":1}`) {
		t.Errorf("got %s", b)
	}
}

// TestServerMessageSize: nothing is larger than 1 KiB, whatever it is made of,
// and it stays JSON.
func TestServerMessageSize(t *testing.T) {
	var states []vaiven.Value
	for i := range 40 {
		states = append(states, vaiven.Value{Name: fmt.Sprintf("STATE_OF_MANY_%02d", i), Num: -1.2345678901234567e-101})
	}
	device := vaiven.Device(strings.Repeat("d", vaiven.MaxDevice))
	boot := vaiven.Boot("0123456789abcdef")
	const most = ^uint64(0)
	long := []string{strings.Repeat("ñandú ", 400), strings.Repeat("\x01", 2000), strings.Repeat("\xff", 2000), strings.Repeat(`"\`, 1000), strings.Repeat("🌡", 600)}
	var messages [][]byte
	for _, n := range []int{wire.MaxStates, len(states)} {
		messages = append(messages,
			wire.AppendWelcome(nil, wire.Welcome{Device: device, Boot: boot, Ack: most, Now: -1 << 63, States: states[:n], Rev: most}),
			wire.AppendDesired(nil, wire.Desired{Device: device, States: states[:n], Rev: most, Until: -1 << 63, HasUntil: true}))
	}
	for _, s := range long {
		e := &vaiven.Error{Code: vaiven.Code(s), At: 1 << 62, Device: device, Boot: boot, Seq: most, Key: s, Got: s}
		messages = append(messages, wire.AppendError(nil, e, vaiven.English), wire.AppendBye(nil, s, 1<<62), wire.AppendToken(nil, device, s))
		e.Code, e.Retry = vaiven.CodeNotANumber, 1<<62
		messages = append(messages, wire.AppendError(nil, e, vaiven.Spanish))
	}
	for _, m := range messages {
		if len(m) > wire.MaxServerMessage || !json.Valid(m) || !utf8.Valid(m) {
			t.Errorf("%d bytes: %s", len(m), m)
		}
	}
	for _, m := range messages[:2] { // MaxStates always fit
		got, err := wire.DecodeServer(m)
		if err != nil || len(got.States) != wire.MaxStates || got.Rev != most {
			t.Errorf("%v: %d states, rev %d in %s", err, len(got.States), got.Rev, m)
		}
	}
}

// TestDecodeServer reads back what the server writes.
func TestDecodeServer(t *testing.T) {
	for _, c := range []struct {
		message []byte
		want    wire.ServerMessage
	}{
		{wire.AppendWelcome(nil, wire.Welcome{Device: "101", Boot: "9f3c02aa", Ack: 16, Now: 1795333377000, States: led, Rev: 7}),
			wire.ServerMessage{Kind: wire.ServerWelcome, Device: "101", Boot: "9f3c02aa", Ack: 16, Now: 1795333377000, States: led, Rev: 7, At: -1}},
		{wire.AppendAck(nil, "007", "9f3c02aa", 17),
			wire.ServerMessage{Kind: wire.ServerAck, Device: "007", Boot: "9f3c02aa", Ack: 17, At: -1}},
		{wire.AppendDesired(nil, wire.Desired{Device: "a.b", States: led, Rev: 7, Until: -5, HasUntil: true}),
			wire.ServerMessage{Kind: wire.ServerDesired, Device: "a.b", States: led, Rev: 7, Until: -5, HasUntil: true, At: -1}},
		{wire.AppendNonce(nil, "101", "000102030405060708090a0b0c0d0e0f"),
			wire.ServerMessage{Kind: wire.ServerNonce, Device: "101", Nonce: "000102030405060708090a0b0c0d0e0f", At: -1}},
		{wire.AppendToken(nil, "101", "ü\n"),
			wire.ServerMessage{Kind: wire.ServerToken, Device: "101", Token: "ü\n", At: -1}},
		{wire.AppendError(nil, &vaiven.Error{Code: vaiven.CodeTooFast, At: 22, Device: "101", Boot: "9f3c02aa", Seq: 17, Retry: time.Second}, vaiven.English),
			wire.ServerMessage{Kind: wire.ServerError, Text: "readings come too fast: send fewer (again in 1 s)", Code: vaiven.CodeTooFast, At: 22,
				Device: "101", Boot: "9f3c02aa", Seq: 17, Retry: time.Second, HasRetry: true}},
		{wire.AppendBye(nil, "adiós", 0), wire.ServerMessage{Kind: wire.ServerBye, Text: "adiós", HasRetry: true, At: -1}},
		{[]byte(`{"ACK":16,"IDDEVICE":101,"WELCOME":1}`), wire.ServerMessage{Kind: wire.ServerWelcome, Device: "101", Ack: 16, At: -1}},
		{[]byte(` { "REV" : 7 , "IDDEVICE" : "101", "LATER":"x", "LED":0 } `),
			wire.ServerMessage{Kind: wire.ServerDesired, Device: "101", States: []vaiven.Value{{Name: "LED"}}, Rev: 7, At: -1}},
	} {
		got, err := wire.DecodeServer(c.message)
		if err != nil {
			t.Errorf("%s: %v", c.message, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", c.message, diff)
		}
	}
}

func TestDecodeServerRefuses(t *testing.T) {
	for _, message := range []string{
		``, `ON`, `1`, `[]`, `{}`, `{"ACK":1`, `{"IDDEVICE":1,"ACK":1}x`, `{"IDDEVICE":1,"ACK":1}{}`, `{"ACK":1}`, `{"IDDEVICE":1,"ACK":-1}`, `{"IDDEVICE":1,"ACK":1.5}`,
		`{"IDDEVICE":1,"ACK":"1"}`, `{"IDDEVICE":1,"ACK":1,"ACK":2}`, `{"IDDEVICE":true,"ACK":1}`, `{"IDDEVICE":"a b","ACK":1}`, `{"IDDEVICE":1,"BOOT":"x","ACK":1}`,
		`{"IDDEVICE":1,"LED":{}}`, `{"IDDEVICE":1,"LED":1e999,"REV":1}`, `{"BYE":1}`, `{"BYE":"x","RETRY":-1}`, `{"BYE":"x","RETRY":1e3}`, `{"BYE":"x","RETRY":9223372036854775807}`,
		`{"ERROR":"x","CODE":"busy","AT":"y"}`, `{"IDDEVICE":1}`, `{"IDDEVICE":1,"BOOT":12345678,"ACK":1}`,
		`{"IDDEVICE":1,"NONCE":"x"}`, `{"IDDEVICE":1,"NONCE":1}`, `{"NONCE":"000102030405060708090a0b0c0d0e0f"}`, `{"IDDEVICE":1,"NONCE":"000102030405060708090A0B0C0D0E0F"}`,
	} {
		if m, err := wire.DecodeServer([]byte(message)); err == nil {
			t.Errorf("%s: accepted as %+v", message, m)
		}
	}
}

// TestExplainAll: every code has words of its own in both languages, with and
// without its facts.
func TestExplainAll(t *testing.T) {
	seen := map[string]vaiven.Code{}
	for _, code := range []vaiven.Code{
		vaiven.CodeNotJSON, vaiven.CodeMissingDevice, vaiven.CodeBadDevice, vaiven.CodeNoValues, vaiven.CodeNotANumber, vaiven.CodeOutOfRange, vaiven.CodeBadName,
		vaiven.CodeBadSeq, vaiven.CodeBadBoot, vaiven.CodeTooManyDevices, vaiven.CodeDeviceInUse, vaiven.CodeNotApproved, vaiven.CodeBadToken, vaiven.CodeNotAuthorised, vaiven.CodeTooLarge, vaiven.CodeTooFast, vaiven.CodeBusy,
	} {
		for _, reason := range []string{"", wire.ReasonNoBoot, wire.ReasonReused, wire.ReasonDifferent, wire.ReasonNoColumn, "nothing known"} {
			en, es := wire.Explain(&vaiven.Error{Code: code, Reason: reason}, vaiven.English), wire.Explain(&vaiven.Error{Code: code, Reason: reason}, vaiven.Spanish)
			if en == es || len(en) < 10 || len(es) < 10 || en == string(code) {
				t.Errorf("%s %s: %q, %q", code, reason, en, es)
			}
			if other, ok := seen[en]; ok && other != code {
				t.Errorf("%s and %s say the same: %q", code, other, en)
			}
			seen[en] = code
		}
	}
}
