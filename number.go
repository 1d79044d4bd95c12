package vaiven

import (
	"math"
	"math/bits"
	"strconv"
)

// AppendNumber appends the shortest decimal that reads back as the same
// number, without an exponent for the magnitudes that sensors have.
func AppendNumber(b []byte, f float64) []byte {
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e15) {
		return strconv.AppendFloat(b, f, 'g', -1, 64)
	}
	if f == 0 {
		f = 0 // -0 is written as 0
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// FormatNumber is AppendNumber as a string.
func FormatNumber(f float64) string { return string(AppendNumber(nil, f)) }

// WidenFloat32 returns the number that whoever wrote the float32 f meant. If f is
// an integer, or its exact decimal has at most ten digits, that is f itself: an
// encoder that takes the narrowest form writes 123456792 and 2049.03125 so.
// Otherwise f is taken for a C float, and what it stands for is the shortest
// decimal that rounds to it: 24.3, not 24.299999237060547. The nearest float32
// of a decimal of up to six digits (FLT_DIG) that is not exact has at least
// eleven, so that no such decimal is mistaken.
func WidenFloat32(f float32) float64 {
	if fewDigits(f) {
		return float64(f)
	}
	w, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	if err != nil {
		return float64(f) // NaN and infinities; refused later by Rules.Check
	}
	return w
}

// fewDigits reports whether f is an integer or has a decimal of at most ten
// significant digits: m/2^k with odd m is m*5^k/10^k.
func fewDigits(f float32) bool {
	const tenDigits = 10_000_000_000
	b := math.Float32bits(f)
	exponent, m := int(b>>23&0xff), uint64(b&0x7fffff)
	if exponent == 0xff {
		return false // NaN and infinities
	}
	if exponent > 0 {
		m |= 1 << 23
	} else {
		exponent = 1
	}
	if m == 0 {
		return true
	}
	zeros := bits.TrailingZeros64(m)
	m >>= zeros
	for k := 150 - exponent - zeros; k > 0 && m < tenDigits; k-- { // f is m/2^k
		m *= 5
	}
	return m < tenDigits
}
