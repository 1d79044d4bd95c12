package vaiven

import (
	"math"
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

// WidenFloat32 returns the float64 whose shortest decimal is that of f: a
// board's float32 24.3 becomes 24.3, not 24.299999237060547.
func WidenFloat32(f float32) float64 {
	w, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	if err != nil {
		return float64(f) // NaN and infinities; refused later by Rules.Check
	}
	return w
}
