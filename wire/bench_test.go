package wire_test

import (
	"testing"

	"vaiven"
	"vaiven/wire"
)

func benchmarkDecode(b *testing.B, binary bool, message []byte) {
	var d wire.Decoder
	yield := func(it *wire.Item) {
		if it.Kind != wire.Reading {
			b.Fatal(wire.Explain(it.Err, vaiven.English))
		}
	}
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(binary, message, yield)
	}
}

func BenchmarkDecodeJSON(b *testing.B) {
	benchmarkDecode(b, false, []byte(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":17,"AGE":0,"TEMP":24.5,"HUM":61}`))
}

func BenchmarkDecodeCourse(b *testing.B) {
	benchmarkDecode(b, false, []byte(`{"IDDEVICE":101,"TEMP":24.5,"HUM":61}`))
}

func BenchmarkDecodeSlide(b *testing.B) {
	benchmarkDecode(b, false, []byte(`{IDDEVICE: 101, TEMP: 024, HUM: 061}`))
}

func BenchmarkDecodeCBOR(b *testing.B) {
	benchmarkDecode(b, true, encodeCBOR(b, [][2]any{
		{"IDDEVICE", 101}, {"BOOT", "9f3c02aa"}, {"SEQ", 17}, {"AGE", 0}, {"TEMP", float32(24.5)}, {"HUM", 61},
	}))
}

func BenchmarkAppendAck(b *testing.B) {
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = wire.AppendAck(buf[:0], "101", "9f3c02aa", 17)
	}
}

func BenchmarkDecodeServer(b *testing.B) {
	p := []byte(`{"IDDEVICE":101,"BOOT":"9f3c02aa","ACK":17}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.DecodeServer(p); err != nil {
			b.Fatal(err)
		}
	}
}
