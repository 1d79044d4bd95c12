package wire

import "math"

// float16 returns the half-precision number h (IEEE 754 binary16), exactly.
func float16(h uint16) float64 {
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	var f float64
	switch {
	case exponent == 0x1f && fraction != 0:
		return math.NaN()
	case exponent == 0x1f:
		f = math.Inf(1)
	case exponent == 0:
		f = math.Ldexp(fraction, -24) // subnormal
	default:
		f = math.Ldexp(1024+fraction, exponent-25)
	}
	return math.Copysign(f, 1-2*float64(h>>15))
}
