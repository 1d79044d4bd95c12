package picture

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// numbers puts ticks at round numbers, with as many decimals as tell them apart.
type numbers struct{}

// maxNumbers is how many there are on an axis, at most.
const maxNumbers = 7

// Ticks implements [plot.Ticker].
func (numbers) Ticks(low, high float64) []plot.Tick {
	span := high - low
	if !(span > 1e-300) || math.IsInf(span, 0) {
		return []plot.Tick{{Value: low, Label: number(low)}, {Value: high, Label: number(high)}}
	}
	exponent := math.Floor(math.Log10(span / maxNumbers))
	step := math.Pow(10, exponent)
	for _, m := range []float64{2, 5, 10} {
		if span/step <= maxNumbers {
			break
		}
		step = m * math.Pow(10, exponent)
	}
	digits := max(-int(math.Floor(math.Log10(step)+1e-9)), 0)
	var out []plot.Tick
	for n := math.Ceil(low / step); n*step <= high && len(out) <= maxNumbers; n++ {
		v := n * step
		label := strconv.FormatFloat(v, 'f', digits, 64)
		if n == 0 {
			label = "0"
		}
		if len(label) > 9 {
			label = strconv.FormatFloat(v, 'g', 6, 64)
		}
		out = append(out, plot.Tick{Value: v, Label: label})
	}
	return out
}

// number writes a single one.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
