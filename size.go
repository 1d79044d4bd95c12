package vaiven

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseSize reads how much of a disk something may take: a number with a unit, as
// 500MB, 20G or 1.5TiB. Units are powers of 1024, with or without B or iB, in either
// case; a number alone is bytes. It is never negative. The error quotes what was given.
func ParseSize(s string) (int64, error) {
	text := strings.ToUpper(strings.TrimSpace(s))
	text = strings.TrimSuffix(strings.TrimSuffix(text, "B"), "I")
	unit := 1.0
	if n := len(text); n > 0 {
		if i := strings.IndexByte("KMGT", text[n-1]); i >= 0 {
			unit, text = math.Pow(1024, float64(i+1)), text[:n-1]
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err == nil && n*unit >= math.MaxInt64 {
		return 0, fmt.Errorf("%q: %w: want 8000000TB at most", Shorten(s), ErrTooLarge)
	}
	if err != nil || !(n >= 0) {
		return 0, fmt.Errorf("%q: want a size as 500MB or 20GB", Shorten(s))
	}
	return int64(n * unit), nil
}
