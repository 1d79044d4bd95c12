package wire_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"vaiven/wire"
)

// cborCorpus is written by hand, as RFC 8949 has it.
var cborCorpus = []struct{ name, hex string }{
	{"course", "a3 68 4944444556494345 1865 64 54454d50 f94e20 63 48554d 183d"},
	{"float32 24.3", "a2 68 4944444556494345 1865 64 54454d50 fa41c26666"},
	{"float64 24.3", "a2 68 4944444556494345 1865 64 54454d50 fb40384ccccccccccd"},
	{"float16 24.3", "a2 68 4944444556494345 1865 64 54454d50 f94e13"},
	{"indefinite map and text", "bf 7f 63 494444 65 4556494345 ff 1865 7f 64 54454d50 ff 18 18 ff"},
	{"array", "82 a2 68 4944444556494345 01 64 54454d50 18 18 a2 68 4944444556494345 02 63 48554d 18 3d"},
	{"indefinite array", "9f a2 68 4944444556494345 01 64 54454d50 18 18 05 ff"},
	{"lower case, null, bool", "a4 68 6964646576696365 63 303037 64 74656d70 20 63 68756d f6 63 6c6564 f5"},
	{"undefined", "a2 68 4944444556494345 01 64 54454d50 f7"},
	{"bytes and nested ignored", "a4 68 4944444556494345 01 64 54454d50 18 18 61 41 43 010203 61 42 82 01 a1 61 78 5f 41 01 ff"},
	{"bytes under a measurement", "a2 68 4944444556494345 01 64 54454d50 42 0102"},
	{"bytes alone", "a2 68 4944444556494345 01 63 50414b 42 0102"},
	{"simple value under a measurement", "a2 68 4944444556494345 01 64 54454d50 f0"},
	{"bytes as the id", "a2 68 4944444556494345 41 07 64 54454d50 01"},
	{"bignum", "a2 68 4944444556494345 01 63 434f32 c2 49 010000000000000000"},
	{"half-precision nan", "a2 68 4944444556494345 01 64 54454d50 f97e00"},
	{"single-precision -inf", "a2 68 4944444556494345 01 64 54454d50 faff800000"},
	{"huge integer", "a2 68 4944444556494345 01 63 434f32 1bffffffffffffffff"},
	{"huge negative integer", "a2 68 4944444556494345 01 63 434f32 3bffffffffffffffff"},
	{"id of 64 bits", "a2 68 4944444556494345 1bffffffffffffffff 63 434f32 01"},
	{"seq as float", "a4 68 4944444556494345 01 64 424f4f54 68 3966336330326161 63 534551 f94c40 64 54454d50 01"},

	{"duplicate", "a3 68 4944444556494345 01 64 54454d50 01 64 54656d70 01"},
	{"key that is no text", "a2 68 4944444556494345 01 01 02"},
	{"tag", "a2 68 4944444556494345 01 64 54454d50 c1 01"},
	{"key not utf-8", "a2 68 4944444556494345 01 61 ff 01"},
	{"text not utf-8", "a3 68 4944444556494345 01 64 54454d50 01 61 41 61 ff"},
	{"text split inside a character", "a3 68 4944444556494345 01 64 54454d50 01 61 41 7f 61 c3 61 a9 ff"},
	{"text not utf-8, behind a good element", "82 a2 68 4944444556494345 01 64 54454d50 01 a1 61 41 61 ff"},
	{"unclosed", "a2 68 4944444556494345 01 64 5445"},
	{"unclosed indefinite", "bf 68 4944444556494345 01"},
	{"something behind", "a0 00"},
	{"empty", ""},
	{"empty map", "a0"},
	{"empty array", "80"},
	{"number", "01"},
	{"break alone", "ff"},
	{"reserved length", "1c"},
	{"nine levels", "81 81 81 81 81 81 81 81 81 01"},
	{"text in a binary message", "7b 22 4944 22 3a 31 7d"},
}

func TestCBOR(t *testing.T) {
	var b strings.Builder
	for _, c := range cborCorpus {
		p, err := hex.DecodeString(strings.ReplaceAll(c.hex, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		fmt.Fprintf(&b, "== %s\n%s\n", c.name, c.hex)
		for _, it := range decode(true, p) {
			describe(&b, &it)
		}
		b.WriteByte('\n')
	}
	golden(t, "cbor.golden", b.String())
}

// TestCBORCut: no prefix of a message is a message.
func TestCBORCut(t *testing.T) {
	whole := encodeCBOR(t, [][2]any{{"IDDEVICE", 101}, {"BOOT", "9f3c02aa"}, {"SEQ", 17}, {"TEMP", 24.5}, {"X", []any{1, map[string]any{"a": "b"}}}})
	for n := range whole {
		for _, it := range decode(true, whole[:n]) {
			if it.Kind != wire.Invalid {
				t.Errorf("%d of %d bytes: accepted", n, len(whole))
			}
		}
	}
}
