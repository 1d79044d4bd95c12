package picture

import (
	"time"

	"gonum.org/v1/plot"

	"vaiven"
)

// times puts ticks at round times of a zone.
type times struct{ zone *time.Location }

// steps are the distances that ticks may have: seconds, or months.
var steps = []struct{ seconds, months int }{
	{1, 0}, {5, 0}, {15, 0}, {60, 0}, {300, 0}, {900, 0}, {3600, 0}, {3 * 3600, 0}, {6 * 3600, 0}, {12 * 3600, 0},
	{day, 0}, {2 * day, 0}, {7 * day, 0}, {0, 1}, {0, 3}, {0, 6}, {0, 12}, {0, 24}, {0, 60}, {0, 120}, {0, 300},
}

// Lengths in seconds; of a month, on average.
const (
	day   = int(vaiven.Day / time.Second)
	month = 30.44 * float64(day)
)

// maxTicks is how many there may be between the ends.
const maxTicks = 9

// Ticks implements [plot.Ticker].
func (t times) Ticks(low, high float64) []plot.Tick {
	high = min(high, low+(200*vaiven.Year).Seconds())
	i := 0
	for i < len(steps)-1 && (high-low)/(float64(steps[i].seconds)+month*float64(steps[i].months)) > maxTicks {
		i++
	}
	step := steps[i]
	at := time.UnixMilli(int64(low * 1000)).In(t.zone)
	year, mon, date := at.Date()
	first := at.Hour()*3600 + at.Minute()*60 + at.Second()
	nth := func(n int) time.Time { // by the clock on the wall, whatever summer time does
		return time.Date(year, mon, date, 0, 0, first-first%step.seconds+n*step.seconds, 0, t.zone)
	}
	switch {
	case step.months > 0:
		months := year*12 + int(mon) - 1
		nth = func(n int) time.Time {
			return time.Date(0, time.Month(months-months%step.months+n*step.months+1), 1, 0, 0, 0, 0, t.zone)
		}
	case step.seconds >= day:
		nth = func(n int) time.Time { return time.Date(year, mon, date+n*step.seconds/day, 0, 0, 0, 0, t.zone) }
	}
	var out []plot.Tick
	before := ""
	for n := range 4 * maxTicks {
		at := nth(n)
		x := seconds(at.UnixMilli())
		if x < low || len(out) > 0 && x <= out[len(out)-1].Value {
			continue
		}
		if x > high {
			break
		}
		label, date := at.Format(time.DateOnly), at.Format(time.DateOnly)
		switch {
		case step.months >= 12:
			label = at.Format("2006")
		case step.months > 0:
			label = at.Format("2006-01")
		case step.seconds < day:
			label = at.Format("15:04")
			if step.seconds < 60 {
				label = at.Format(time.TimeOnly)
			}
			if date != before {
				label += "\n" + date
			}
		}
		before = date
		out = append(out, plot.Tick{Value: x, Label: label})
	}
	return out
}
