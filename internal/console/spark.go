package console

import "slices"

// blocks are the eight heights of a sparkline.
var blocks = []rune("▁▂▃▄▅▆▇█")

// minSpread keeps the noise of a still sensor from looking like a storm: the
// full height stands for at least this much.
const minSpread = 1.0

// sparkline draws values, the newest on the right, in w columns.
func sparkline(values []float64, w int) string {
	if len(values) > w {
		values = values[len(values)-w:]
	}
	if len(values) == 0 {
		return spaces(w)
	}
	lo, hi := slices.Min(values), slices.Max(values)
	if spread := hi - lo; spread < minSpread {
		mid := lo + spread/2
		lo, hi = mid-minSpread/2, mid+minSpread/2
	}
	out := make([]rune, 0, len(values))
	for _, v := range values {
		// Halves first: hi-lo of two large numbers may not be finite.
		i := int((v/2 - lo/2) / (hi/2 - lo/2) * float64(len(blocks)))
		out = append(out, blocks[min(max(i, 0), len(blocks)-1)])
	}
	return spaces(w-len(out)) + string(out)
}
