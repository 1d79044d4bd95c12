package wire_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
	"vaiven/wire"
)

// connection decodes several messages with one Decoder.
type connection struct{ d wire.Decoder }

func (c *connection) receive(text string) []wire.Item {
	var items []wire.Item
	c.d.Decode(false, []byte(text), func(it *wire.Item) { items = append(items, *it) })
	return items
}

// TestSlideHintOnce: a board that always sends the slide's form is told once.
func TestSlideHintOnce(t *testing.T) {
	var c connection
	for i, want := range []int{1, 0, 0} {
		items := c.receive(`{IDDEVICE: 101, TEMP: 024, HUM: 061}`)
		if len(items) != 1 || items[0].Kind != wire.Reading || len(items[0].Hints) != want {
			t.Errorf("message %d: %+v", i, items)
		}
	}
}

// TestDeviceRemembered: what a connection remembers of its last message is no
// more than a saving.
func TestDeviceRemembered(t *testing.T) {
	var c connection
	for _, step := range []struct{ id, want string }{
		{`-1`, "bad_device"}, {`0`, "000"}, {`0`, "000"}, {`"7"`, "007"}, {`-1`, "bad_device"}, {`7`, "007"}, {`7.0`, "007"}, {`"007"`, "007"}, {`8`, "008"},
		{`"007"`, "007"}, {`8`, "008"}, {`"8"`, "008"}, {`-8`, "bad_device"}, {`"a"`, "a"}, {`8`, "008"}, {`null`, "missing_device"}, {`0.5`, "bad_device"},
	} {
		it := c.receive(`{"IDDEVICE":` + step.id + `,"TEMP":1}`)[0]
		got := string(it.Device)
		if it.Err != nil {
			got = string(it.Err.Code)
		}
		if got != step.want {
			t.Errorf("%s: %s, want %s", step.id, got, step.want)
		}
	}
}

// TestKeyOrder: what a message means does not depend on the order of its keys.
func TestKeyOrder(t *testing.T) {
	for _, members := range [][]string{
		{`"IDDEVICE":101`, `"OLDEST":5`, `"NEXT":4`, `"UP":5`, `"TEMP":24.5`},
		{`"IDDEVICE":101`, `"BOOT":"9f3c02aa"`, `"SEQ":17`, `"OLDEST":5`, `"NEXT":4`, `"TEMP":24.5`},
		{`"IDDEVICE":101`, `"UP":"x"`, `"AGE":-1`, `"TEMP":24.5`},
		{`"IDDEVICE":101`, `"REV":"x"`, `"LED":1`, `"TEMP":24.5`},
	} {
		var want string
		for i := range 200 {
			items := decode(false, []byte("{"+strings.Join(members, ",")+"}"))
			for _, it := range items {
				slices.SortFunc(it.Hints, func(a, b wire.Hint) int { return strings.Compare(a.Key, b.Key) })
				it.Err = nil // where it is
			}
			if got := text(items); i == 0 {
				want = got
			} else if got != want {
				t.Fatalf("%s\ngot  %s\nwant %s", members, got, want)
			}
			rand.Shuffle(len(members), func(a, b int) { members[a], members[b] = members[b], members[a] })
			if at := func(key string) int {
				return slices.IndexFunc(members, func(m string) bool { return strings.HasPrefix(m, key) })
			}; at(`"OLDEST"`) > at(`"NEXT"`) && at(`"OLDEST"`) >= 0 {
				a, b := at(`"OLDEST"`), at(`"NEXT"`) // the one that comes second is named
				members[a], members[b] = members[b], members[a]
			}
		}
	}
}

// TestStates: what HELLO declares holds for that device, until its next HELLO.
func TestStates(t *testing.T) {
	var c connection
	kinds := func(text string) string {
		items := c.receive(text)
		if len(items) != 1 || items[0].Kind == wire.Invalid {
			t.Fatalf("%s: %+v", text, items)
		}
		return fmt.Sprint(len(items[0].Values), " values ", len(items[0].States), " states")
	}
	reading, other := `{"IDDEVICE":101,"TEMP":20,"RELAY":1,"LED":0}`, `{"IDDEVICE":102,"TEMP":20,"RELAY":1,"LED":0}`
	for i, step := range []struct{ text, want string }{
		{reading, "2 values 1 states"},
		{`{"HELLO":1,"STATES":"RELAY","RELAY":1,"IDDEVICE":101}`, "0 values 1 states"},
		{reading, "1 values 2 states"},
		{other, "2 values 1 states"},
		{`{"HELLO":1,"IDDEVICE":101}`, "0 values 0 states"},
		{reading, "2 values 1 states"},
	} {
		if got := kinds(step.text); got != step.want {
			t.Errorf("step %d: %s: got %s, want %s", i, step.text, got, step.want)
		}
	}
}

// TestStatesBounded: a concentrator cannot make the Decoder remember devices
// without limit.
func TestStatesBounded(t *testing.T) {
	c := connection{d: wire.Decoder{MaxDevices: 2}}
	var got []vaiven.Code
	for _, id := range []int{1, 2, 3, 1} {
		it := c.receive(fmt.Sprintf(`{"HELLO":1,"IDDEVICE":%d,"STATES":"A"}`, id))[0]
		code := vaiven.Code("")
		if it.Err != nil {
			code = it.Err.Code
		}
		got = append(got, code)
	}
	if diff := cmp.Diff([]vaiven.Code{"", "", vaiven.CodeTooManyDevices, ""}, got); diff != "" {
		t.Error(diff)
	}
}

// TestDeclared: a HELLO says which states it declared; what was declared
// elsewhere counts as well.
func TestDeclared(t *testing.T) {
	c := connection{d: wire.Decoder{Declared: func(d vaiven.Device) []string {
		if d == "102" {
			return []string{"FAN"}
		}
		return nil
	}}}
	if it := c.receive(`{"HELLO":1,"IDDEVICE":101,"STATES":"relay, VALVE"}`)[0]; !slices.Equal(it.Names, []string{"RELAY", "VALVE"}) {
		t.Errorf("declared %q", it.Names)
	}
	if it := c.receive(`{"IDDEVICE":101,"RELAY":1}`)[0]; it.Kind != wire.Report || it.Names != nil {
		t.Errorf("got %+v", it)
	}
	if it := c.receive(`{"IDDEVICE":102,"FAN":1}`)[0]; it.Kind != wire.Report {
		t.Errorf("declared elsewhere: %+v", it)
	}
	if it := c.receive(`{"IDDEVICE":101,"FAN":1}`)[0]; it.Kind != wire.Reading {
		t.Errorf("not declared: %+v", it)
	}
}

// TestRules: the server's own states and ranges decide.
func TestRules(t *testing.T) {
	c := connection{d: wire.Decoder{Rules: &vaiven.Rules{
		States: map[string]bool{"VALVE": true},
		Ranges: map[string]vaiven.Range{"CO2": {Lo: 0, Hi: 5000}},
	}}}
	it := c.receive(`{"IDDEVICE":101,"TEMP":900,"LED":1,"VALVE":1}`)[0]
	if it.Kind != wire.Reading || len(it.Values) != 2 || len(it.States) != 1 {
		t.Errorf("got %+v", it)
	}
	it = c.receive(`{"IDDEVICE":101,"CO2":5001}`)[0]
	if it.Err == nil || it.Err.Code != vaiven.CodeOutOfRange || it.Err.Hi != 5000 {
		t.Errorf("got %+v", it.Err)
	}
	it = c.receive(`{"IDDEVICE":101,"CO2":"5"}`)[0]
	if it.Err == nil || it.Err.Code != vaiven.CodeNotANumber {
		t.Errorf("got %+v", it.Err)
	}
}

// TestLimits: 32 measurements, 16 states, and not one more.
func TestLimits(t *testing.T) {
	message := func(values, declared int) []wire.Item {
		var names, members []string
		for i := range declared {
			names = append(names, fmt.Sprintf("S%d", i))
			members = append(members, fmt.Sprintf(`"S%d":1`, i))
		}
		for i := range values {
			members = append(members, fmt.Sprintf(`"V%d":1`, i))
		}
		var c connection
		c.receive(`{"HELLO":1,"IDDEVICE":101,"STATES":"` + strings.Join(names[:min(declared, wire.MaxStates)], ",") + `"}`)
		if declared > wire.MaxStates {
			return c.receive(`{"HELLO":1,"IDDEVICE":101,"STATES":"` + strings.Join(names, ",") + `"}`)
		}
		return c.receive(`{"IDDEVICE":101,` + strings.Join(members, ",") + `}`)
	}
	if it := message(vaiven.MaxValues, wire.MaxStates)[0]; it.Kind != wire.Reading || len(it.Values) != 32 || len(it.States) != 16 {
		t.Errorf("at the limits: %+v", it)
	}
	for _, it := range []wire.Item{message(vaiven.MaxValues+1, 0)[0], message(1, wire.MaxStates+1)[0]} {
		if it.Err == nil || it.Err.Code != vaiven.CodeTooLarge {
			t.Errorf("beyond the limits: %+v", it)
		}
	}
}

// TestKept: what an item holds outlives the message and the next ones.
func TestKept(t *testing.T) {
	p := []byte(`[{"IDDEVICE":"placa-1","BOOT":"9f3c02aa","SEQ":1,"AN\u0041LOG":5,"LED":1,"HUM":7,"X":"y"},{"HELLO":1,"IDDEVICE":"b","STATES":"DOOR","FW":"1.2"},{"IDDEVICE":"c","TEMP":"hot"}]`)
	var d wire.Decoder
	var items []wire.Item
	d.Decode(false, p, func(it *wire.Item) { items = append(items, *it) })
	before := text(items)
	clear(p)
	for range 10 {
		d.Decode(false, []byte(`[{"IDDEVICE":"zzzzzzz","BOOT":"00000000","SEQ":9,"OTHERS":9,"LED":0,"W":"vvvv"}]`), func(*wire.Item) {})
	}
	if diff := cmp.Diff(before, text(items)); diff != "" {
		t.Error(diff)
	}
}

func text(items []wire.Item) string {
	var b strings.Builder
	for i := range items {
		describe(&b, &items[i])
	}
	return b.String()
}

// TestPanickingYield: a caller's panic leaves the shared memory in order.
func TestPanickingYield(t *testing.T) {
	func() {
		defer func() { _ = recover() }()
		new(wire.Decoder).Decode(false, []byte(`{"IDDEVICE":1,"TEMP":1}`), func(*wire.Item) { panic("caller") })
	}()
	if items := decode(false, []byte(`{"IDDEVICE":1,"TEMP":1}`)); len(items) != 1 || items[0].Kind != wire.Reading {
		t.Errorf("afterwards: %+v", items)
	}
}

// TestNestedDecode: a caller may decode inside of yield.
func TestNestedDecode(t *testing.T) {
	var got []vaiven.Device
	new(wire.Decoder).Decode(false, []byte(`[{"IDDEVICE":1,"TEMP":1},{"IDDEVICE":2,"TEMP":1}]`), func(it *wire.Item) {
		for _, inner := range decode(false, []byte(`{"IDDEVICE":9,"HUM":1}`)) {
			got = append(got, it.Device, inner.Device)
		}
	})
	if diff := cmp.Diff([]vaiven.Device{"001", "009", "002", "009"}, got); diff != "" {
		t.Error(diff)
	}
}
