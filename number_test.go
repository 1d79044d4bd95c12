package vaiven

import (
	"math"
	"math/big"
	"strconv"
	"testing"
)

// TestWidenFloat32: the float32 of every decimal of up to six digits is that
// decimal, but where a shorter binary fraction is the float32 itself.
func TestWidenFloat32(t *testing.T) {
	for places := range 12 {
		for n := 1; n < 1_000_000; n += 1 + n/4096*3 {
			text := strconv.Itoa(n) + "e-" + strconv.Itoa(places)
			want, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			if got := WidenFloat32(float32(want)); got != want {
				t.Fatalf("%s: got %v", text, got)
			}
			if got := WidenFloat32(float32(-want)); got != -want {
				t.Fatalf("-%s: got %v", text, got)
			}
		}
	}
}

// TestWidenFloat32Exact: which float32s stay themselves, by their exact decimal.
func TestWidenFloat32Exact(t *testing.T) {
	for b := uint64(0); b < 1<<32; b += 65_537*3 + b%7 {
		f := math.Float32frombits(uint32(b))
		got := WidenFloat32(f)
		if f != f || math.IsInf(float64(f), 0) {
			if got == got && !math.IsInf(got, 0) {
				t.Fatalf("%08x: got %v", b, got)
			}
			continue
		}
		exact := new(big.Float).SetFloat64(float64(f)).Text('g', 200)
		want, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
		if err != nil {
			t.Fatal(err)
		}
		if significant(exact) <= 10 || math.Trunc(float64(f)) == float64(f) {
			want = float64(f)
		}
		if got != want {
			t.Fatalf("%08x, exactly %s: got %v, want %v", b, exact, got, want)
		}
	}
}

// significant counts the digits from the first to the last that is not 0.
func significant(s string) int {
	count, zeros := 0, 0
	for _, c := range s {
		switch {
		case c == 'e':
			return count
		case c < '0' || c > '9' || c == '0' && count == 0:
		case c == '0':
			zeros++
		default:
			count, zeros = count+zeros+1, 0
		}
	}
	return count
}
