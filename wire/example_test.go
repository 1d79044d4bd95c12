package wire_test

import (
	"fmt"

	"vaiven"
	"vaiven/wire"
)

// A connection's messages go through one Decoder.
func ExampleDecoder_Decode() {
	var d wire.Decoder
	show := func(it *wire.Item) {
		if it.Kind == wire.Invalid {
			fmt.Println(it.Device, "refused:", wire.Explain(it.Err, vaiven.English))
			return
		}
		fmt.Println(it.Device, it.Values, it.States)
	}
	d.Decode(false, []byte(`{"IDDEVICE":101,"TEMP":24.5,"HUM":61,"LED":1}`), show)
	d.Decode(false, []byte(`{IDDEVICE: 7, TEMP: 024}`), show)
	d.Decode(false, []byte(`{"IDDEVICE":101,"TEMP":"24.5"}`), show)
	// Output:
	// 101 [{TEMP 24.5} {HUM 61}] [{LED 1}]
	// 007 [{TEMP 24}] []
	// 101 refused: TEMP is "24.5" (text): send the number without quotes
}

// A refusal keeps the SEQ that it settles, and is told in the server's
// language.
func ExampleAppendError() {
	var d wire.Decoder
	d.Decode(false, []byte(`{"TEMP":200,"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":17}`), func(it *wire.Item) {
		fmt.Printf("%s\n", wire.AppendError(nil, it.Err, vaiven.Spanish))
	})
	// Output:
	// {"ERROR":"TEMP es 200, fuera de -40 a 125: revisa el sensor y su unidad","CODE":"out_of_range","AT":8,"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":17}
}

// What a device sends, and what it makes of the answer.
func ExampleDecodeServer() {
	fmt.Printf("%s\n", wire.AppendReading(nil, wire.DeviceReading{
		Device: "101", Boot: "9f3c02aa", Seq: 17,
		Values: []vaiven.Value{{Name: "TEMP", Num: 24.5}, {Name: "HUM", Num: 61}},
	}))
	m, err := wire.DecodeServer(wire.AppendAck(nil, "101", "9f3c02aa", 17))
	fmt.Println(m.Kind == wire.ServerAck, m.Device, m.Ack, err)
	// Output:
	// {"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":17,"AGE":0,"TEMP":24.5,"HUM":61}
	// true 101 17 <nil>
}
