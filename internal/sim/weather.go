package sim

import (
	"math"
	"math/rand/v2"

	"vaiven"
)

// weather is the room around one board, as a DHT11 sees it: temperature in
// tenths of a degree, humidity in whole percent. Both wander about a value of
// their own and are drawn back to it.
type weather struct {
	rand      *rand.Rand
	temp, hum walk
}

type walk struct {
	value, home, step, lo, hi float64
}

func newWeather(r *rand.Rand) *weather {
	temp := 20 + 8*r.Float64()
	hum := 45 + 25*r.Float64()
	return &weather{
		rand: r,
		temp: walk{value: temp, home: temp, step: 0.15, lo: 0, hi: 50},
		hum:  walk{value: hum, home: hum, step: 0.6, lo: 20, hi: 90},
	}
}

func (w *walk) next(r *rand.Rand) float64 {
	w.value += w.step*r.NormFloat64() + 0.02*(w.home-w.value)
	w.value = min(max(w.value, w.lo), w.hi)
	return w.value
}

// measure takes the next reading.
func (w *weather) measure() []vaiven.Value {
	return []vaiven.Value{
		{Name: "TEMP", Num: math.Round(w.temp.next(w.rand)*10) / 10},
		{Name: "HUM", Num: math.Round(w.hum.next(w.rand))},
	}
}
