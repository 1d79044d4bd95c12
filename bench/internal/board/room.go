package board

import (
	"math/rand/v2"
	"strconv"
)

// room is the climate that a board's DHT11 sees. A step changes a value by its
// sensor's resolution, up or down, rarely.
type room struct {
	rand        *rand.Rand
	tenths, hum int // of a degree Celsius; percent
}

// One reading in so many shows another value than the one before it: at one reading
// every 2 s a room's temperature moves by 0.1 degrees in 20 s, its humidity by 1 % in
// a minute.
const (
	tempSteps = 10
	humSteps  = 30
)

func newRoom(i int) *room {
	r := rand.New(rand.NewPCG(uint64(i), 11))
	return &room{rand: r, tenths: 180 + r.IntN(80), hum: 35 + r.IntN(30)}
}

// appendReading appends the next reading, in the form of [Identity.appendReading].
func (r *room) appendReading(b []byte, id Identity, seq uint64) []byte {
	r.tenths = r.step(r.tenths, tempSteps, 0, 500)
	r.hum = r.step(r.hum, humSteps, 20, 90)
	b = append(b, '{')
	b = id.appendTo(b)
	b = append(b, `,"SEQ":`...)
	b = strconv.AppendUint(b, seq, 10)
	b = append(b, `,"AGE":0,"TEMP":`...)
	b = strconv.AppendFloat(b, float64(r.tenths)/10, 'f', 1, 64)
	b = append(b, `,"HUM":`...)
	b = strconv.AppendInt(b, int64(r.hum), 10)
	return append(b, '}')
}

// step moves v by one in one of so many calls, within lo..hi.
func (r *room) step(v, in, lo, hi int) int {
	if r.rand.IntN(in) > 0 {
		return v
	}
	return min(max(v+2*r.rand.IntN(2)-1, lo), hi)
}
