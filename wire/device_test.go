package wire_test

import (
	"testing"

	"vaiven"
	"vaiven/wire"
)

// TestDeviceMessages: to the byte as PROTOCOL.md shows them.
func TestDeviceMessages(t *testing.T) {
	values := []vaiven.Value{{Name: "TEMP", Num: 24.5}, {Name: "HUM", Num: 61}}
	for _, c := range []struct {
		want string
		got  []byte
	}{
		{`{"IDDEVICE":101,"TEMP":24.5,"HUM":61}`, wire.AppendReading(nil, wire.DeviceReading{Device: "101", Values: values})},
		{`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":17,"AGE":0,"TEMP":24.5,"HUM":61}`,
			wire.AppendReading(nil, wire.DeviceReading{Device: "101", Boot: "9f3c02aa", Seq: 17, Values: values})},
		{`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":17,"TEMP":24.5,"HUM":61,"LED":1,"REV":7}`,
			wire.AppendReading(nil, wire.DeviceReading{Device: "101", Boot: "9f3c02aa", Seq: 17, Age: wire.AgeAbsent, Values: values, States: led, Rev: 7})},
		{`{"IDDEVICE":101,"SEQ":17,"AGE":null,"TEMP":24.5,"HUM":61}`,
			wire.AppendReading(nil, wire.DeviceReading{Device: "101", Seq: 17, Age: wire.AgeUnknown, Values: values})},
		{`{"IDDEVICE":101,"SEQ":17,"TIME":1795333377000,"TEMP":24.5,"HUM":61}`,
			wire.AppendReading(nil, wire.DeviceReading{Device: "101", Seq: 17, Time: 1795333377000, Values: values})},
		{`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":12,"NEXT":18,"LOST":0,"UP":734000,"LED":0,"FW":"1.0.0"}`,
			wire.AppendHello(nil, wire.DeviceHello{Device: "101", Boot: "9f3c02aa", Oldest: 12, Next: 18, Up: 734000, States: []vaiven.Value{{Name: "LED"}}, FW: "1.0.0"})},
		{`{"HELLO":1,"IDDEVICE":"x","SLEEP":60000,"STATES":"LED,RELAY","REV":3}`,
			wire.AppendHello(nil, wire.DeviceHello{Device: "x", Up: -1, Sleep: 60000, Declare: []string{"LED", "RELAY"}, Rev: 3})},
		{`{"HELLO":1,"IDDEVICE":101,"UP":0,"PROOF":"f650f0cece55951d4303620efea67685d712a9702c662eaa742fcba9893fc147"}`,
			wire.AppendHello(nil, wire.DeviceHello{Device: "101", Proof: "f650f0cece55951d4303620efea67685d712a9702c662eaa742fcba9893fc147"})},
		{`{"IDDEVICE":101,"LED":1,"REV":7}`, wire.AppendReport(nil, wire.DeviceReport{Device: "101", States: led, Rev: 7})},
		{`{"IDDEVICE":101,"BOOT":"9f3c02aa","LED":1}`, wire.AppendReport(nil, wire.DeviceReport{Device: "101", Boot: "9f3c02aa", States: led})},
	} {
		if string(c.got) != c.want {
			t.Errorf("got  %s\nwant %s", c.got, c.want)
		}
		if items := decode(false, c.got); len(items) != 1 || items[0].Kind == wire.Invalid {
			t.Errorf("%s: %+v", c.got, items)
		}
	}
}
