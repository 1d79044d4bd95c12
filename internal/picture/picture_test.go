package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"vaiven"
)

const start = int64(1795374187250)

// wave is a curve with a gap of some buckets.
func wave(device vaiven.Device, name string, offset float64) vaiven.Curve {
	c := vaiven.Curve{Device: device, Name: name}
	for i := range int64(240) {
		if i >= 140 && i < 180 {
			continue
		}
		mean := offset + 3*math.Sin(float64(i)/38)
		c.Buckets = append(c.Buckets, vaiven.Bucket{Start: start + i*15_000, Count: 7, Min: mean - 0.4, Max: mean + 0.3, Mean: mean})
	}
	return c
}

func gap(_ []vaiven.Bucket, width int64) int64 { return 3 * width }

// TestPNG looks at the pixels: ink where the curve is, none in the gap.
func TestPNG(t *testing.T) {
	led := vaiven.Curve{Device: "101", Name: "LED", State: true, Buckets: []vaiven.Bucket{
		{Start: start, Count: 1}, {Start: start + 900_000, Count: 1, Min: 1, Max: 1, Mean: 1}, {Start: start + 2_700_000, Count: 1},
	}}
	one := vaiven.Curve{Device: "103", Name: "CO2", Buckets: []vaiven.Bucket{{Start: start + 900_000, Count: 1, Min: 417, Max: 417, Mean: 417}}}
	all := vaiven.Curves{From: start, To: start + 3_600_000, Width: 15_000, Curves: []vaiven.Curve{wave("101", "TEMP", 22), wave("102", "TEMP", 24), led, one}}
	o := Options{Zone: time.FixedZone("", -5*3600), Gap: gap, Unit: func(string) string { return "°C" }}
	ink := inkOf(drawn(t, o, all), 0, 0.38)
	at := func(part float64) int { return ink[int(float64(len(ink))*(0.09+0.87*part))] }
	if at(0.1) == 0 || at(0.4) == 0 || at(0.85) == 0 || at(0.66) != 0 {
		t.Errorf("ink at a tenth: %d, at four tenths: %d, at the end: %d; in the gap: %d", at(0.1), at(0.4), at(0.85), at(0.66))
	}
}

// drawn is the picture as others read it; VAIVEN_PICTURES is a folder for those who want
// to look.
func drawn(t *testing.T, o Options, all vaiven.Curves) image.Image {
	t.Helper()
	var out bytes.Buffer
	if err := WritePNG(&out, o, all); err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("VAIVEN_PICTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, t.Name()+".png"), out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	img, err := png.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// inkOf counts the pixels of the first device's colour in each column, in a part of the
// height.
func inkOf(img image.Image, from, to float64) []int {
	size := img.Bounds()
	ink := make([]int, size.Dx())
	for x := range ink {
		for y := int(from * float64(size.Dy())); y < int(to*float64(size.Dy())); y++ {
			if r, g, b, _ := img.At(x, y).RGBA(); r>>8 < 0x20 && g>>8 > 0x60 && g>>8 < 0x85 && b>>8 > 0xa0 {
				ink[x]++
			}
		}
	}
	return ink
}

// TestTheNewestIsSeen has one point at the very end of a year, narrower than a pixel, and
// wider than the range.
func TestTheNewestIsSeen(t *testing.T) {
	year := vaiven.Year.Milliseconds()
	for _, width := range []int64{1000, year / 100, 2 * year} {
		one := vaiven.Curve{Device: "101", Name: "TEMP", Buckets: []vaiven.Bucket{{Start: (start + year) / width * width, Count: 30, Min: 19, Max: 29, Mean: 22}}}
		all := vaiven.Curves{From: start, To: start + year + 1, Width: width, Curves: []vaiven.Curve{one}}
		ink := inkOf(drawn(t, Options{Gap: gap}, all), 0.2, 1)
		state := one
		state.Name, state.State = "LED", true
		all.Curves[0] = state
		if total(inkOf(drawn(t, Options{Gap: gap}, all), 0.2, 1)) < 5 {
			t.Errorf("a state of %v is not seen", time.Duration(width)*time.Millisecond)
		}
		if sum := total(ink); sum < 5 || width < year && total(ink[len(ink)*9/10:]) != sum {
			t.Errorf("a point of %v: %v", time.Duration(width)*time.Millisecond, ink)
		}
	}
}

func total(list []int) (n int) {
	for _, v := range list {
		n += v
	}
	return n
}

// TestAStateFromBefore is a line from the left edge on, also where nothing was reported
// since.
func TestAStateFromBefore(t *testing.T) {
	led := vaiven.Curve{Device: "101", Name: "LED", State: true, Buckets: []vaiven.Bucket{{Start: start + 3_000_000, Count: 1, Min: 1, Max: 1, Mean: 1}}}
	left := func(c vaiven.Curve) (columns int) { // with something in colour
		img := drawn(t, Options{}, vaiven.Curves{From: start, To: start + 3_600_000, Width: 15_000, Curves: []vaiven.Curve{c}})
		size := img.Bounds()
		for x := size.Dx() / 10; x < size.Dx()/2; x++ {
			for y := size.Dy() / 4; y < size.Dy(); y++ {
				if colored(img, x, y) {
					columns++
					break
				}
			}
		}
		return columns
	}
	if n := left(led); n != 0 {
		t.Fatalf("nothing is known of the first half, and something is drawn in %d columns", n)
	}
	led.Before = &vaiven.Held{At: start - 1, Num: 0}
	with := left(led)
	led.Buckets = nil
	if without := left(led); with < 100 || without != with {
		t.Errorf("%d columns in the first half, %d without a report in the time", with, without)
	}
}

func colored(img image.Image, x, y int) bool {
	r, g, b, _ := img.At(x, y).RGBA()
	return max(r, g, b)-min(r, g, b) > 0x4000
}

// TestStatesThatAreAlike are all seen, until the end, although each has one point.
func TestStatesThatAreAlike(t *testing.T) {
	all := vaiven.Curves{From: start, To: start + 3_600_000, Width: 15_000}
	for i := range 3 {
		all.Curves = append(all.Curves, vaiven.Curve{Device: vaiven.Device(fmt.Sprint(101 + i)), Name: "LED", State: true, Buckets: []vaiven.Bucket{{Start: start, Count: 1}}})
	}
	img := drawn(t, Options{}, all)
	ink := inkOf(img, 0.2, 1)
	if n := total(ink[len(ink)/4 : len(ink)*9/10]); n < len(ink)/2 {
		t.Errorf("the first is seen in %d pixels", n)
	}
	lines, before := 0, false
	for y := range img.Bounds().Dy() {
		now := colored(img, img.Bounds().Dx()*9/10, y)
		if now && !before {
			lines++
		}
		before = now
	}
	if lines != 3 {
		t.Errorf("%d lines near the end", lines)
	}
}

// TestTicks are few, at round times of the zone, and in the range.
func TestTicks(t *testing.T) {
	zone := time.FixedZone("", -5*3600)
	for _, d := range []time.Duration{3 * time.Second, 10 * time.Minute, 5 * time.Hour, vaiven.Day, 20 * vaiven.Day, vaiven.Year, 100 * vaiven.Year} {
		low := float64(start) / 1000
		high := low + d.Seconds()
		list := times{zone}.Ticks(low, high)
		if len(list) < 2 || len(list) > maxTicks+1 {
			t.Errorf("%v: %d ticks", d, len(list))
		}
		for _, tick := range list {
			if at := time.Unix(int64(tick.Value), 0).In(zone); tick.Value < low || tick.Value > high || d > time.Hour && (at.Second() != 0 || at.Minute()%5 != 0) || d > 10*vaiven.Day && at.Hour() != 0 {
				t.Errorf("%v: a tick at %v", d, at)
			}
		}
	}
	if n := len((times{zone}).Ticks(-1e11, 1e11)); n > 4*maxTicks {
		t.Errorf("%d ticks", n)
	}
	texts := func(d time.Duration) (out []string) {
		for _, tick := range (times{zone}).Ticks(float64(start)/1000, float64(start)/1000+d.Seconds()) {
			out = append(out, tick.Label)
		}
		return out
	}
	for d, want := range map[time.Duration][]string{
		vaiven.Day:       {"15:00\n2026-11-22", "18:00", "21:00", "00:00\n2026-11-23", "03:00", "06:00", "09:00", "12:00"},
		3 * vaiven.Day:   {"00:00\n2026-11-23", "12:00", "00:00\n2026-11-24", "12:00", "00:00\n2026-11-25", "12:00"},
		10 * vaiven.Year: {"2028", "2030", "2032", "2034", "2036"},
		vaiven.Year:      {"2027-01", "2027-04", "2027-07", "2027-10"},
	} {
		if got := texts(d); !slices.Equal(got, want) {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// TestNumbers are round and told apart, whatever the range.
func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      []string
	}{
		{28.195, 28.305, []string{"28.20", "28.22", "28.24", "28.26", "28.28", "28.30"}},
		{22.3, 29.8, []string{"24", "26", "28"}},
		{-0.3, 1.3, []string{"0", "0.5", "1.0"}},
		{-40, 85, []string{"-40", "-20", "0", "20", "40", "60", "80"}},
		{416.5, 417.5, []string{"416.6", "416.8", "417.0", "417.2", "417.4"}},
		{1e12, 1.4e12, []string{"1e+12", "1.1e+12", "1.2e+12", "1.3e+12", "1.4e+12"}},
	} {
		var got []string
		for _, tick := range (numbers{}).Ticks(c.low, c.high) {
			got = append(got, tick.Label)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v to %v: %q, want %q", c.low, c.high, got, c.want)
		}
	}
	for _, r := range [][2]float64{{-math.MaxFloat64, math.MaxFloat64}, {0, 1e300}, {1e300, 1.1e300}, {0, 5e-324}, {1e15, 1e15 + 1}, {-1e-9, 1e-9}} {
		if n := len((numbers{}).Ticks(r[0], r[1])); n < 1 || n > maxNumbers+1 {
			t.Errorf("%v: %d ticks", r, n)
		}
	}
}

// TestTicksOverSummerTime are by the clock on the wall, and never go back.
func TestTicksOverSummerTime(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{time.Date(2026, 3, 28, 20, 10, 0, 0, madrid), time.Date(2026, 10, 24, 20, 10, 0, 0, madrid)} {
		for _, d := range []time.Duration{8 * time.Hour, vaiven.Day, 3 * vaiven.Day, 30 * vaiven.Day} {
			before := 0.0
			for _, tick := range (times{madrid}).Ticks(seconds(at.UnixMilli()), seconds(at.Add(d).UnixMilli())) {
				wall := time.Unix(int64(tick.Value), 0).In(madrid)
				if tick.Value <= before || wall.Minute() != 0 || d >= vaiven.Day && wall.Hour()%3 != 0 {
					t.Errorf("%v from %v: a tick at %v", d, at, wall)
				}
				before = tick.Value
			}
		}
	}
}

func TestNothingToDraw(t *testing.T) {
	if err := WritePNG(&bytes.Buffer{}, Options{}, vaiven.Curves{}); err == nil {
		t.Error("a picture of nothing")
	}
	all := vaiven.Curves{From: start, To: start + 3_600_000, Width: 15_000, Curves: []vaiven.Curve{wave("101", "X", 0)}}
	if err := WritePNG(failing{}, Options{}, all); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }
