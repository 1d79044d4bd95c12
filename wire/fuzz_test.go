package wire_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"vaiven"
	"vaiven/wire"
)

// received is a message's items, after the message itself was overwritten: they
// must not depend on it. Every item is checked for what any item promises.
func received(t *testing.T, d *wire.Decoder, binary bool, p []byte) []wire.Item {
	t.Helper()
	var items []wire.Item
	own := bytes.Clone(p)
	d.Decode(binary, own, func(it *wire.Item) { items = append(items, *it) })
	before := text(items)
	for i := range own {
		own[i] = 'X'
	}
	if diff := cmp.Diff(before, text(items)); diff != "" {
		t.Fatalf("items changed with the message: %s", diff)
	}
	if len(items) == 0 {
		t.Fatal("no item")
	}
	for i := range items {
		checkItem(t, &items[i], len(p))
	}
	return items
}

func checkItem(t *testing.T, it *wire.Item, size int) {
	t.Helper()
	if it.Device != "" {
		if d, err := vaiven.ParseDevice(string(it.Device)); err != nil || d != it.Device {
			t.Fatalf("device %q: %v", it.Device, err)
		}
	}
	if it.Boot != "" {
		if b, err := vaiven.ParseBoot(string(it.Boot)); err != nil || b != it.Boot {
			t.Fatalf("boot %q: %v", it.Boot, err)
		}
	}
	if it.Seq > vaiven.MaxSeq || it.Oldest > vaiven.MaxSeq || it.Next > vaiven.MaxSeq || it.Lost > vaiven.MaxSeq || it.Rev > vaiven.MaxSeq {
		t.Fatalf("beyond MaxSeq: %+v", it)
	}
	if it.Age < wire.AgeUnknown || it.Age > vaiven.MaxAge || it.Up < -1 || it.Sleep < 0 || it.Time < 0 || len(it.FW) > wire.MaxFW || !utf8.ValidString(it.FW) {
		t.Fatalf("out of bounds: %+v", it)
	}
	for _, h := range it.Hints {
		if !utf8.ValidString(h.Text(vaiven.English)) || h.Text(vaiven.English) == h.Text(vaiven.Spanish) {
			t.Fatalf("hint %+v", h)
		}
	}
	if it.Kind == wire.Invalid {
		checkInvalid(t, it, size)
		return
	}
	checkValid(t, it)
}

func checkInvalid(t *testing.T, it *wire.Item, size int) {
	t.Helper()
	e := it.Err
	if e != nil && e.Code == vaiven.CodeNotJSON && (it.Device != "" || it.Boot != "" || it.Seq != 0) {
		t.Fatalf("an identity out of what does not parse: %+v", it)
	}
	if e == nil || e.Code == "" || e.At < -1 || e.At > size || e.Device != it.Device || e.Boot != it.Boot || e.Seq != it.Seq || it.Values != nil || it.States != nil {
		t.Fatalf("invalid item %+v with %+v", it, e)
	}
	en, es := wire.Explain(e, vaiven.English), wire.Explain(e, vaiven.Spanish)
	if en == es || len(en) < 10 || len(en) > 400 || !utf8.ValidString(en+es) || strings.ContainsAny(en+es, "\x00\x1b\n\r\t") {
		t.Fatalf("%+v: %q, %q", e, en, es)
	}
	m, err := wire.DecodeServer(wire.AppendError(nil, e, vaiven.Spanish))
	if err != nil || m.Text != es || m.Code != e.Code || m.At != e.At || m.Device != e.Device || m.Boot != e.Boot || m.Seq != e.Seq {
		t.Fatalf("%+v: %v, came back as %+v", e, err, m)
	}
}

func checkValid(t *testing.T, it *wire.Item) {
	t.Helper()
	if it.Err != nil || it.Device == "" || len(it.States) > wire.MaxStates {
		t.Fatalf("valid item %+v with %v", it, it.Err)
	}
	rules := vaiven.DefaultRules()
	if err := rules.Check(it.Values); (err == nil) != (it.Kind == wire.Reading) {
		t.Fatalf("kind %d, values %v: %v", it.Kind, it.Values, err)
	}
	if it.Kind == wire.Report && len(it.States) == 0 {
		t.Fatal("a report of nothing")
	}
	names := map[string]bool{}
	for _, v := range append(append([]vaiven.Value(nil), it.Values...), it.States...) {
		if names[v.Name] || !vaiven.ValidName(v.Name) || math.IsNaN(v.Num) || math.IsInf(v.Num, 0) {
			t.Fatalf("value %+v", v)
		}
		names[v.Name] = true
	}
}

// encoded is what a device sends to say the same as it.
func encoded(it *wire.Item) []byte {
	switch it.Kind {
	case wire.Reading:
		return wire.AppendReading(nil, wire.DeviceReading{
			Device: it.Device, Boot: it.Boot, Seq: it.Seq, Age: it.Age, Time: it.Time, Values: it.Values, States: it.States, Rev: it.Rev,
		})
	case wire.Hello:
		return wire.AppendHello(nil, wire.DeviceHello{
			Device: it.Device, Boot: it.Boot, Oldest: it.Oldest, Next: it.Next, Lost: it.Lost, Up: it.Up, Sleep: it.Sleep,
			Declare: it.Names, States: it.States, Rev: it.Rev, FW: it.FW, Proof: it.Proof,
		})
	}
	return wire.AppendReport(nil, wire.DeviceReport{Device: it.Device, Boot: it.Boot, States: it.States, Rev: it.Rev})
}

// checkRoundTrip encodes each valid item and decodes it again, on the same
// connection, since that remembers the declared states.
func checkRoundTrip(t *testing.T, d *wire.Decoder, items []wire.Item) {
	t.Helper()
	for i := range items {
		it := items[i]
		if it.Kind == wire.Invalid || it.Kind != wire.Hello && !statesKnown(d, &it) {
			continue
		}
		it.Hints = nil
		if it.Rev == 0 {
			it.HasRev = false // not sent
		}
		if it.Kind == wire.Reading {
			it.Oldest, it.Next, it.Lost, it.Up, it.Sleep, it.FW, it.Proof = 0, 0, 0, -1, 0, "", "" // said by a HELLO only
			if it.Age == 0 && (it.Seq == 0 || it.Time != 0) {
				it.Age = wire.AgeAbsent
			}
		}
		if it.Kind == wire.Report {
			it.Age, it.Time, it.Oldest, it.Next, it.Lost, it.Up, it.Sleep, it.FW, it.Proof = wire.AgeAbsent, 0, 0, 0, 0, -1, 0, "", ""
		}
		if it.Kind == wire.Hello {
			it.Seq, it.Age, it.Time = 0, wire.AgeAbsent, 0
			if it.Next == 0 {
				it.Oldest = 0
			}
			if it.Next != 0 && it.Oldest == 0 {
				continue // half a range is not what a device sends
			}
		}
		p := encoded(&it)
		again := received(t, d, false, p)
		for j := range again {
			again[j].Hints = nil
		}
		if diff := cmp.Diff([]wire.Item{it}, again); diff != "" {
			t.Fatalf("%s:\n%s", p, diff)
		}
	}
}

// statesKnown reports whether the connection still takes the item's states for
// states: a later HELLO of the same message may have declared others.
func statesKnown(d *wire.Decoder, it *wire.Item) bool {
	known := true
	for _, v := range append(append([]vaiven.Value(nil), it.States...), it.Values...) {
		isState := false
		d.Decode(false, fmt.Appendf(nil, `{"IDDEVICE":%q,"%s":1}`, it.Device, v.Name), func(r *wire.Item) { isState = r.Kind == wire.Report })
		_, listed := vaiven.Find(it.States, v.Name)
		known = known && isState == listed
	}
	return known
}

func FuzzDecodeJSON(f *testing.F) {
	for _, c := range corpus {
		f.Add([]byte(c.text))
	}
	for _, s := range append(append(notJSON.whole, notJSON.values...), isJSON...) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) > vaiven.MaxMessage {
			return
		}
		var d wire.Decoder
		items := received(t, &d, false, p)
		checkRoundTrip(t, &d, items)
		checkJSONVerdict(t, p, items)
	})
}

// checkJSONVerdict compares with two other readers of the same grammar: jsontext,
// which is as strict, and encoding/json, an older one, which lets bad UTF-8 and
// lone surrogates pass.
func checkJSONVerdict(t *testing.T, p []byte, items []wire.Item) {
	t.Helper()
	strict := json.Valid(p)
	for i := range items {
		it := &items[i]
		if strict && it.Kind == wire.Invalid && it.Err.Code == vaiven.CodeNotJSON && utf8.Valid(p) && !bytes.Contains(p, []byte(`\u`)) {
			t.Fatalf("JSON called not_json: %+v", it.Err)
		}
	}
	first := &items[0]
	if form := jsontext.Value(p); form.IsValid(jsontext.AllowDuplicateNames(true)) {
		for i := range items {
			if e := items[i].Err; e != nil && e.Code == vaiven.CodeNotJSON || slices.ContainsFunc(items[i].Hints, func(h wire.Hint) bool { return h.Kind == wire.HintSlide }) {
				t.Fatalf("strict JSON called otherwise: %+v", items[i])
			}
		}
	} else if first.Kind != wire.Invalid && strict {
		t.Fatal("accepted bad UTF-8 or half a character")
	}
	if !strict {
		hinted := slices.ContainsFunc(first.Hints, func(h wire.Hint) bool { return h.Kind == wire.HintSlide })
		lower := bytes.ToLower(p)
		nan := bytes.Contains(lower, []byte("nan")) || bytes.Contains(lower, []byte("in")) || bytes.Contains(lower, []byte("ovf"))
		if first.Kind != wire.Invalid && !hinted && !nan {
			t.Fatal("accepted without a hint what is not JSON")
		}
		return
	}
	var members map[string]json.RawMessage
	if len(items) != 1 || first.Kind != wire.Reading || json.Unmarshal(p, &members) != nil {
		return
	}
	upper := map[string]json.RawMessage{}
	for k, v := range members {
		upper[strings.ToUpper(k)] = v
	}
	for _, v := range append(append([]vaiven.Value(nil), first.Values...), first.States...) {
		want := 0.0
		switch raw := string(upper[v.Name]); raw {
		case "true":
			want = 1
		case "false":
		default:
			var err error
			if want, err = strconv.ParseFloat(raw, 64); err != nil {
				t.Fatalf("%s: %v", v.Name, err)
			}
		}
		if want != v.Num {
			t.Fatalf("%s: %v, want %v", v.Name, v.Num, want)
		}
	}
	checkAsCBOR(t, first)
}

// checkAsCBOR sends the same numbers as CBOR.
func checkAsCBOR(t *testing.T, it *wire.Item) {
	t.Helper()
	if len(it.Values)+len(it.States) > 20 || it.Device == "" {
		return
	}
	pairs := [][2]any{{"IDDEVICE", string(it.Device)}}
	for _, v := range append(append([]vaiven.Value(nil), it.Values...), it.States...) {
		pairs = append(pairs, [2]any{v.Name, v.Num})
	}
	got := decode(true, encodeCBOR(t, pairs))
	if len(got) != 1 || got[0].Kind != wire.Reading {
		t.Fatalf("as CBOR: %+v", got)
	}
	if diff := cmp.Diff(it.Values, got[0].Values); diff != "" {
		t.Fatalf("as CBOR: %s", diff)
	}
}

func FuzzDecodeCBOR(f *testing.F) {
	for _, c := range cborCorpus {
		if p, err := hex.DecodeString(strings.ReplaceAll(c.hex, " ", "")); err == nil {
			f.Add(p)
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) > vaiven.MaxMessage {
			return
		}
		var d wire.Decoder
		items := received(t, &d, true, p)
		checkRoundTrip(t, &d, items)
		wellFormed := cbor.Wellformed(p) == nil
		for i := range items {
			if !wellFormed && items[i].Kind != wire.Invalid {
				t.Fatal("accepted what is not well-formed")
			}
		}
	})
}

// FuzzSlide writes one message as the slide does and as JSON: both mean the
// same.
func FuzzSlide(f *testing.F) {
	f.Add(uint16(101), "024", "061", "TEMP", true)
	f.Add(uint16(7), "-00.5", "0e1", "hum", false)
	f.Add(uint16(1), "nan", "1e400", "_x", false)
	f.Fuzz(func(t *testing.T, id uint16, a, b, key string, padded bool) {
		if !slideKey(key) || !slideNumber(a) || !slideNumber(b) {
			return
		}
		zeros := ""
		if padded {
			zeros = "000"
		}
		slide := fmt.Sprintf("{IDDEVICE: %s%d, %s: %s, OTHER :%s}", zeros, id, key, a, b)
		strict := fmt.Sprintf(`{"IDDEVICE":%d,"%s":%s,"OTHER":%s}`, id, key, bare(a), bare(b))
		got, want := received(t, new(wire.Decoder), false, []byte(slide)), received(t, new(wire.Decoder), false, []byte(strict))
		about := func(h wire.Hint) bool { return h.Kind == wire.HintSlide }
		if !slices.ContainsFunc(got[0].Hints, about) {
			t.Fatalf("%s: no hint", slide)
		}
		got[0].Hints = slices.DeleteFunc(got[0].Hints, about)
		for _, items := range [][]wire.Item{got, want} {
			if items[0].Err != nil {
				items[0].Err.At, items[0].Err.Got = 0, "" // it stands elsewhere
			}
			if len(items[0].Hints) == 0 {
				items[0].Hints = nil
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s and %s:\n%s", slide, strict, diff)
		}
	})
}

func slideKey(s string) bool {
	if s == "" || s[0] >= '0' && s[0] <= '9' || len(s) > 40 {
		return false
	}
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// slideNumber reports whether s is a number of JSON but for leading zeros.
func slideNumber(s string) bool {
	return len(s) < 40 && json.Valid([]byte(bare(s))) && strings.Trim(s, "-+.eE0123456789") == ""
}

// bare removes leading zeros.
func bare(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9' {
		s = s[1:]
	}
	return sign + s
}

func FuzzDecodeServer(f *testing.F) {
	for _, s := range []string{
		`{"WELCOME":1,"IDDEVICE":101,"BOOT":"9f3c02aa","ACK":16,"NOW":1795333377000,"LED":1,"REV":7}`, `{"IDDEVICE":101,"BOOT":"9f3c02aa","ACK":17}`,
		`{"IDDEVICE":101,"LED":1,"REV":7,"UNTIL":739000}`, `{"IDDEVICE":101,"TOKEN":"..."}`, `{"IDDEVICE":101,"NONCE":"000102030405060708090a0b0c0d0e0f"}`, `{"BYE":"50 readings received","RETRY":0}`,
		`{"ERROR":"TEMP is \"24.5\" (text)","CODE":"not_a_number","AT":22,"IDDEVICE":101,"SEQ":17}`, `{"ERROR":"","CODE":"busy","RETRY":5}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := wire.DecodeServer(p)
		if err != nil {
			return
		}
		var b []byte
		switch m.Kind {
		case wire.ServerWelcome:
			b = wire.AppendWelcome(nil, wire.Welcome{Device: m.Device, Boot: m.Boot, Ack: m.Ack, Now: m.Now, States: m.States, Rev: m.Rev})
		case wire.ServerAck:
			b = wire.AppendAck(nil, m.Device, m.Boot, m.Ack)
		case wire.ServerDesired:
			b = wire.AppendDesired(nil, wire.Desired{Device: m.Device, States: m.States, Rev: m.Rev, Until: m.Until, HasUntil: m.HasUntil})
		case wire.ServerNonce:
			b = wire.AppendNonce(nil, m.Device, m.Nonce)
		case wire.ServerToken:
			b = wire.AppendToken(nil, m.Device, m.Token)
		case wire.ServerBye:
			b = wire.AppendBye(nil, m.Text, m.Retry)
		default:
			return // its text is made here
		}
		if len(b) > wire.MaxServerMessage {
			t.Fatalf("%d bytes: %s", len(b), b)
		}
		again, err := wire.DecodeServer(b)
		if err != nil || again.Kind != m.Kind || again.Device != m.Device || again.Rev != m.Rev && m.Kind <= wire.ServerDesired && m.Kind != wire.ServerAck {
			t.Fatalf("%s: %v, %+v", b, err, again)
		}
		if m.Kind != wire.ServerAck && len(m.States) <= wire.MaxStates && m.Kind <= wire.ServerDesired {
			if diff := cmp.Diff(m.States, again.States); diff != "" {
				t.Fatalf("%s: %s", b, diff)
			}
		}
	})
}
