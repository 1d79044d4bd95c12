package wire_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"vaiven"
	"vaiven/wire"
)

// FuzzCBORNumber holds each form of a number against arithmetic of another kind.
func FuzzCBORNumber(f *testing.F) {
	for _, arg := range []uint64{0, 1, 23, 24, 10008, 0x41c26666, 0x4ceb79a3, 0x4e03, 0x7e00, math.MaxUint32, 1 << 53, math.MaxUint64, math.Float64bits(24.3)} {
		for form := range byte(10) {
			f.Add(form, arg)
		}
	}
	f.Fuzz(func(t *testing.T, form byte, arg uint64) {
		item, want := cborNumber(t, form%10, arg)
		items := received(t, new(wire.Decoder), true, append([]byte("\xa2\x68IDDEVICE\x01\x63CO2"), item...))
		if len(items) != 1 || (items[0].Kind == wire.Reading) == (math.IsNaN(want) || math.IsInf(want, 0)) {
			t.Fatalf("%x: want %v, got %+v", item, want, items)
		}
		if items[0].Kind == wire.Reading && items[0].Values[0].Num != want {
			t.Fatalf("%x: want %v, got %v", item, want, items[0].Values[0].Num)
		}
	})
}

// cborNumber writes arg in one of ten forms, and returns what that means.
func cborNumber(t *testing.T, form byte, arg uint64) (item []byte, want float64) {
	var whole [8]byte
	binary.BigEndian.PutUint64(whole[:], arg)
	width := []int{1, 2, 4, 8, 1, 2, 4, 8, 2, 4}[form]
	arg &= math.MaxUint64 >> (64 - 8*width)
	head := []byte{0x18, 0x19, 0x1a, 0x1b, 0x38, 0x39, 0x3a, 0x3b, 0xf9, 0xfa}[form]
	item = append([]byte{head}, whole[8-width:]...)
	exact := new(big.Int).SetUint64(arg)
	switch {
	case form == 9:
		return item, meant(t, math.Float32frombits(uint32(arg)))
	case form == 8:
		if err := cbor.Unmarshal(item, &want); err != nil {
			t.Fatal(err)
		}
		return item, want
	case form >= 4:
		exact.Not(exact) // -1 - n
	}
	want, _ = new(big.Float).SetInt(exact).Float64()
	return item, want
}

// meant is what a float32 stands for, by its decimals.
func meant(t *testing.T, f float32) float64 {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return float64(f)
	}
	digits, _, _ := strings.Cut(new(big.Float).SetFloat64(float64(f)).Text('e', 200), "e")
	digits = strings.Trim(strings.ReplaceAll(strings.TrimLeft(digits, "-"), ".", ""), "0")
	if len(digits) <= 10 || float64(f) == math.Trunc(float64(f)) {
		return float64(f)
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	if err != nil {
		t.Fatal(err)
	}
	return short
}

// FuzzOptional: whatever stands under a key that only describes a reading, the
// measurements beside it are taken as without it.
func FuzzOptional(f *testing.F) {
	for _, v := range []string{`"12:30:05"`, `-1`, `1e300`, `null`, `true`, `{"a":[1]}`, `[]`, `""`, `"9f3c02aa"`, `1.5`, `"LED,TEMP"`, `9007199254740993`} {
		for key := range byte(11) {
			f.Add(key, v, key%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, key byte, v string, numbered bool) {
		names := []string{"AGE", "TIME", "UP", "SLEEP", "LOST", "OLDEST", "NEXT", "FW", "STATES", "REV", "BOOT"}
		name := names[int(key)%len(names)]
		text := `"TEMP":24.5,"` + name + `":` + v + `,"HUM":61,"IDDEVICE":101}`
		if numbered && name != "BOOT" {
			text = `"BOOT":"9f3c02aa","SEQ":17,` + text
		}
		text = "{" + text
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &members) != nil || len(members) > 6 || len(members[name]) != len(strings.TrimSpace(v)) {
			return // v is more than a value
		}
		items := received(t, new(wire.Decoder), false, []byte(text))
		if items[0].Err != nil && (items[0].Err.Code == vaiven.CodeNotJSON || items[0].Err.Reason == "deep") {
			return // stricter than encoding/json, or too deep
		}
		want := []vaiven.Value{{Name: "TEMP", Num: 24.5}, {Name: "HUM", Num: 61}}
		if len(items) != 1 || items[0].Kind != wire.Reading || (items[0].Seq == 17) != (numbered && name != "BOOT") {
			t.Fatalf("%s: %+v", text, items)
		}
		if diff := cmp.Diff(want, items[0].Values); diff != "" {
			t.Fatalf("%s: %s", text, diff)
		}
	})
}
