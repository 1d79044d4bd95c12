package wire

import (
	"testing"
	"vaiven"
)

func BenchmarkDecodeJSON(b *testing.B) {
	p := []byte(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":17,"AGE":0,"TEMP":24.5,"HUM":61}`)
	var d Decoder
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(false, p, func(it *Item) {
			if it.Kind != Reading {
				b.Fatal(Explain(it.Err, vaiven.English))
			}
			n++
		})
	}
}
