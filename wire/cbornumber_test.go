package wire_test

import (
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"vaiven"
	"vaiven/wire"
)

// cborValue returns what is decoded of one CBOR item under a key that has no
// range.
func cborValue(item []byte) []wire.Item {
	return decode(true, append([]byte("\xa2\x68IDDEVICE\x01\x63CO2"), item...))
}

// TestFloat16: each half-precision number is kept exactly, by the arithmetic of
// IEEE 754's definition, and by another implementation.
func TestFloat16(t *testing.T) {
	for h := range 1 << 16 {
		item := []byte{0xf9, byte(h >> 8), byte(h)}
		items := cborValue(item)
		exponent, fraction := h>>10&31, h&1023
		if exponent == 31 {
			if len(items) != 1 || items[0].Err == nil || items[0].Err.Code != vaiven.CodeNotANumber {
				t.Fatalf("%04x: %+v", h, items)
			}
			continue
		}
		want := new(big.Rat).SetFrac64(int64(fraction), 1<<24)
		if exponent > 0 {
			want = new(big.Rat).SetFrac64(int64(1024+fraction)<<exponent, 1<<25)
		}
		if h>>15 == 1 {
			want.Neg(want)
		}
		var other float64
		if err := cbor.Unmarshal(item, &other); err != nil {
			t.Fatal(err)
		}
		if len(items) != 1 || items[0].Kind != wire.Reading {
			t.Fatalf("%04x: %+v", h, items)
		}
		got := items[0].Values[0].Num
		if new(big.Rat).SetFloat64(got).Cmp(want) != 0 || got != other {
			t.Fatalf("%04x: got %v, want %v and %v", h, got, want, other)
		}
	}
}

// TestCBORNumber: what a number becomes, by form and width.
func TestCBORNumber(t *testing.T) {
	for _, c := range []struct {
		hex  string
		want float64
	}{
		{"f94e03", 24.046875}, {"f94e04", 24.0625}, {"f970e3", 10008}, {"f94e13", 24.296875}, {"f90001", 0x1p-24},
		{"fa41c26666", 24.3}, {"fa41c08000", 24.0625}, {"fa4ceb79a3", 123456792}, {"fa4b800000", 16777216}, {"fa7f7fffff", math.MaxFloat32},
		{"fa45000080", 2048.03125}, {"fa41c02000", 24.015625}, {"fa41c00800", 24.00390625}, {"fa42c80400", 100.0078125},
		{"fa47c35026", 100000.3}, {"fa3dcccccd", 0.1}, {"fa80000000", 0}, {"fac1c26666", -24.3}, {"fa00000001", 1e-45},
		{"fb40384ccccccccccd", 24.3}, {"fb40384ccccccccccc", 24.299999999999997}, {"fb40384cccc0000000", 24.29999923706054688},
		{"17", 23}, {"1818", 24}, {"192718", 10008}, {"1a075bcd18", 123456792}, {"1b001fffffffffffff", 1<<53 - 1}, {"1800", 0},
		{"1b0020000000000001", 1 << 53}, {"1b0020000000000003", 1<<53 + 4}, {"1bffffffffffffffff", 0x1p64},
		{"20", -1}, {"3903e7", -1000}, {"3b001ffffffffffffe", -(1<<53 - 1)}, {"3b7fffffffffffffff", -0x1p63}, {"3bffffffffffffffff", -0x1p64},
		{"3b8000000000000400", -0x1.0000000000001p63}, {"3b80000000000003ff", -0x1p63},
		{"f5", 1}, {"f4", 0},
	} {
		item, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		items := cborValue(item)
		if len(items) != 1 || items[0].Kind != wire.Reading || items[0].Values[0].Num != c.want {
			t.Errorf("%s: want %v, got %+v", c.hex, c.want, items)
		}
	}
}

// TestCBORNarrowest: an encoder that takes the narrowest form for a number
// (RFC 8949 section 4.2.1) changes none of up to ten digits.
func TestCBORNarrowest(t *testing.T) {
	narrow, err := cbor.EncOptions{ShortestFloat: cbor.ShortestFloat16}.EncMode()
	if err != nil {
		t.Fatal(err)
	}
	check := func(f float64) {
		t.Helper()
		item, err := narrow.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		items := cborValue(item)
		if len(items) != 1 || items[0].Kind != wire.Reading || items[0].Values[0].Num != f {
			t.Fatalf("%v as %x: %+v", f, item, items)
		}
	}
	for digits := int64(1); digits < 10_000_000_000; digits = digits*9/8 + 1 {
		for places := range 13 {
			f, err := strconv.ParseFloat(strconv.FormatInt(digits, 10)+"e-"+strconv.Itoa(places), 64)
			if err != nil {
				t.Fatal(err)
			}
			check(f)
			check(-f)
		}
	}
	for k := range 11 { // exact in binary: what sensors with a fixed resolution measure
		for m := range 2000 {
			check(math.Ldexp(float64(m), -k))
		}
	}
	for f := 1.0; f < math.MaxFloat32; f = math.Trunc(f*1.37) + 1 {
		check(float64(float32(f)))
	}
}

// appendixA are the examples of RFC 8949, Appendix A, and what a board is told
// that sends each under CO2: the number, or the verdict.
var appendixA = []struct{ hex, verdict string }{
	{"00", "0"}, {"01", "1"}, {"0a", "10"}, {"17", "23"}, {"1818", "24"}, {"1819", "25"}, {"1864", "100"}, {"1903e8", "1000"},
	{"1a000f4240", "1000000"}, {"1b000000e8d4a51000", "1000000000000"}, {"1bffffffffffffffff", "18446744073709551615"},
	{"c249010000000000000000", "tag"}, {"3bffffffffffffffff", "-18446744073709551616"}, {"c349010000000000000000", "tag"},
	{"20", "-1"}, {"29", "-10"}, {"3863", "-100"}, {"3903e7", "-1000"},
	{"f90000", "0.0"}, {"f98000", "-0.0"}, {"f93c00", "1.0"}, {"fb3ff199999999999a", "1.1"}, {"f93e00", "1.5"}, {"f97bff", "65504.0"},
	{"fa47c35000", "100000.0"}, {"fa7f7fffff", "3.4028234663852886e+38"}, {"fb7e37e43c8800759c", "1.0e+300"},
	{"f90001", "5.960464477539063e-8"}, {"f90400", "0.00006103515625"}, {"f9c400", "-4.0"}, {"fbc010666666666666", "-4.1"},
	{"f97c00", "nan"}, {"f97e00", "nan"}, {"f9fc00", "nan"}, {"fa7f800000", "nan"}, {"fa7fc00000", "nan"}, {"faff800000", "nan"},
	{"fb7ff0000000000000", "nan"}, {"fb7ff8000000000000", "nan"}, {"fbfff0000000000000", "nan"},
	{"f4", "0"}, {"f5", "1"}, {"f6", "null"}, {"f7", "null"}, {"f0", "opaque"}, {"f8ff", "opaque"},
	{"c074323031332d30332d32315432303a30343a30305a", "tag"}, {"c11a514b67b0", "tag"}, {"c1fb41d452d9ec200000", "tag"}, {"d74401020304", "tag"},
	{"d818456449455446", "tag"}, {"d82076687474703a2f2f7777772e6578616d706c652e636f6d", "tag"},
	{"40", "opaque"}, {"4401020304", "opaque"}, {"60", "text"}, {"6161", "text"}, {"6449455446", "text"}, {"62225c", "text"},
	{"62c3bc", "text"}, {"63e6b0b4", "text"}, {"64f0908591", "text"},
	{"80", "nested"}, {"83010203", "nested"}, {"8301820203820405", "nested"},
	{"98190102030405060708090a0b0c0d0e0f101112131415161718181819", "nested"},
	{"a0", "nested"}, {"a201020304", "nested"}, {"a26161016162820203", "nested"}, {"826161a161626163", "nested"},
	{"a56161614161626142616361436164614461656145", "nested"},
	{"5f42010243030405ff", "opaque"}, {"7f657374726561646d696e67ff", "text"}, {"9fff", "nested"},
	{"9f018202039f0405ffff", "nested"}, {"9f01820203820405ff", "nested"}, {"83018202039f0405ff", "nested"}, {"83019f0203ff820405", "nested"},
	{"9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", "nested"},
	{"bf61610161629f0203ffff", "nested"}, {"826161bf61626163ff", "nested"}, {"bf6346756ef563416d7421ff", "nested"},
}

// TestCBORAppendixA: each example of the RFC has its verdict, under a key and as
// the whole message.
func TestCBORAppendixA(t *testing.T) {
	for _, c := range appendixA {
		item, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		if got := cborValue(item); len(got) != 1 || !hasVerdict(&got[0], c.verdict) {
			t.Errorf("%s: want %s, got %+v", c.hex, c.verdict, got)
		}
		whole := decode(true, item)
		if len(whole) == 0 {
			t.Errorf("%s alone: no item", c.hex)
		}
		for _, it := range whole {
			if it.Kind != wire.Invalid || (it.Err.Code == vaiven.CodeNotJSON) != (c.verdict == "tag") {
				t.Errorf("%s alone: %+v, %v", c.hex, it, it.Err)
			}
		}
	}
}

func hasVerdict(it *wire.Item, verdict string) bool {
	refused := func(code vaiven.Code, reason string) bool {
		return it.Kind == wire.Invalid && it.Err.Code == code && it.Err.Reason == reason
	}
	switch verdict {
	case "tag":
		return refused(vaiven.CodeNotJSON, "cbor_tag")
	case "nan":
		return refused(vaiven.CodeNotANumber, "nan")
	case "null":
		return refused(vaiven.CodeNoValues, "null")
	case "text":
		return refused(vaiven.CodeNoValues, "text")
	case "nested":
		return refused(vaiven.CodeNoValues, "nested") && it.Err.Got == ""
	case "opaque":
		return refused(vaiven.CodeNoValues, "nested") && it.Err.Got != ""
	}
	want, err := strconv.ParseFloat(verdict, 64)
	return err == nil && it.Kind == wire.Reading && it.Values[0].Num == want && !math.Signbit(it.Values[0].Num-want)
}

// cborMalformed is what RFC 8949, Appendix F, lists as not well-formed, and what
// package cbor leaves to whoever reads on.
var cborMalformed = []string{
	"18", "19", "1a", "1b", "1901", "1a0102", "1b01020304050607", "38", "58", "78", "98", "9a01ff00", "b8", "d8", "f8", "f900", "fa0000", "fb000000",
	"41", "61", "5affffffff00", "5bffffffffffffffff010203", "7affffffff00", "7b7fffffffffffffff010203",
	"81", "818181818181818181", "8200", "a1", "a20102", "a100", "a2000000", "c0", "5f4100", "7f6100", "9f", "9f0102", "bf", "bf01020102", "819f", "9f8000",
	"9f9f9f9f9fffffffff", "9f819f819f9fffffff", "1c", "1d", "1e", "3c", "3d", "3e", "5c", "5d", "5e", "7c", "7d", "7e", "9c", "9d", "9e", "bc", "bd", "be",
	"dc", "dd", "de", "fc", "fd", "fe", "f800", "f801", "f818", "f81f", "5f00ff", "5f21ff", "5f6100ff", "5f80ff", "5fa0ff", "5fc000ff", "5fe0ff", "7f4100ff",
	"5f5f4100ffff", "7f7f6100ffff", "ff", "81ff", "8200ff", "a1ff", "a1ff00", "a100ff", "a20000ff", "9f81ff", "9f829f819f9fffffffff", "bf00ff", "bf000000ff",
	"1f", "3f", "df", "0000",
}

func TestCBORMalformed(t *testing.T) {
	for _, h := range cborMalformed {
		p, err := hex.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		for _, items := range [][]wire.Item{decode(true, p), cborValue(p)} {
			if len(items) != 1 || items[0].Kind != wire.Invalid || items[0].Err.Code != vaiven.CodeNotJSON && items[0].Err.Code != vaiven.CodeTooLarge {
				t.Errorf("%s: %+v", h, items)
			}
		}
	}
	deep := strings.Repeat("\x81", 60_000) + "\x01"
	if items := cborValue([]byte(deep)); len(items) != 1 || items[0].Err == nil || items[0].Err.Code != vaiven.CodeTooLarge {
		t.Errorf("60,000 levels: %+v", items)
	}
}
