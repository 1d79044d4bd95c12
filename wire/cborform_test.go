package wire_test

import (
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// encodeCBOR writes pairs as a map of definite length, in their order, which
// no Go map would keep.
func encodeCBOR(tb testing.TB, pairs [][2]any) []byte {
	tb.Helper()
	if len(pairs) > 23 {
		tb.Fatal("encodeCBOR: more pairs than fit the first byte")
	}
	b := []byte{0xa0 | byte(len(pairs))}
	for _, p := range pairs {
		for _, x := range p {
			item, err := cbor.Marshal(x)
			if err != nil {
				tb.Fatal(err)
			}
			b = append(b, item...)
		}
	}
	return b
}
