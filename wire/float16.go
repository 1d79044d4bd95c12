package wire

import (
	"math"
	"strconv"
)

// widenFloat16 returns the float64 whose decimal is the shortest that reads
// back as the half-precision number h (IEEE 754 binary16): a board's 24.3 is
// 24.3, not 24.296875.
func widenFloat16(h uint16) float64 {
	exponent, fraction := int(h>>10&0x1f), int(h&0x3ff)
	if exponent == 0x1f {
		if fraction != 0 {
			return math.NaN()
		}
		return math.Copysign(math.Inf(1), 1-2*float64(h>>15))
	}
	unit := math.Ldexp(1, max(exponent, 1)-25) // the distance to the next number
	f := float64(fraction) * unit
	if exponent > 0 {
		f += 1024 * unit
	}
	below := unit
	if fraction == 0 && exponent > 1 {
		below = unit / 2 // a power of two: the number before it is closer
	}
	f = shortest(f, below/2, unit/2)
	return math.Copysign(f, 1-2*float64(h>>15))
}

// shortest returns the number of the fewest decimal digits that is closer to f
// than below and above; a tie would round elsewhere.
func shortest(f, below, above float64) float64 {
	var buf [32]byte
	for digits := range 5 {
		text := strconv.AppendFloat(buf[:0], f, 'e', digits, 64)
		d, err := strconv.ParseFloat(string(text), 64)
		if err == nil && d > f-below && d < f+above {
			return d
		}
	}
	return f
}
