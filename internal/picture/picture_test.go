package picture

import (
	"bytes"
	"errors"
	"image/png"
	"math"
	"os"
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
	var out bytes.Buffer
	o := Options{Zone: time.FixedZone("", -5*3600), Gap: gap, Unit: func(string) string { return "°C" }}
	if err := WritePNG(&out, o, all); err != nil {
		t.Fatal(err)
	}
	if path := os.Getenv("VAIVEN_PICTURE"); path != "" { // to be looked at
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	img, err := png.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	size := img.Bounds()
	ink := make([]int, size.Dx()) // of the first curve's colour, by column, in the uppermost plot
	for x := range ink {
		for y := range size.Dy() / 3 {
			if r, g, b, _ := img.At(x, y).RGBA(); r>>8 < 0x20 && g>>8 > 0x60 && g>>8 < 0x85 && b>>8 > 0xa0 {
				ink[x]++
			}
		}
	}
	at := func(part float64) int { return ink[int(float64(size.Dx())*(0.08+0.88*part))] }
	if at(0.1) == 0 || at(0.4) == 0 || at(0.85) == 0 || at(0.66) != 0 {
		t.Errorf("ink at a tenth: %d, at four tenths: %d, at the end: %d; in the gap: %d", at(0.1), at(0.4), at(0.85), at(0.66))
	}
}

// TestTicks are few, at round times of the zone, and in the range.
func TestTicks(t *testing.T) {
	zone := time.FixedZone("", -5*3600)
	for _, d := range []time.Duration{3 * time.Second, 10 * time.Minute, 5 * time.Hour, vaiven.Day, 20 * vaiven.Day, vaiven.Year, 100 * vaiven.Year} {
		low := float64(start) / 1000
		high := low + d.Seconds()
		list := times{zone}.Ticks(low, high)
		if len(list) < 2 || len(list) > 12 {
			t.Errorf("%v: %d ticks", d, len(list))
		}
		for _, tick := range list {
			if at := time.Unix(int64(tick.Value), 0).In(zone); tick.Value < low || tick.Value > high || d > time.Hour && (at.Second() != 0 || at.Minute()%5 != 0) || d > 10*vaiven.Day && at.Hour() != 0 {
				t.Errorf("%v: a tick at %v", d, at)
			}
		}
	}
	if n := len((times{zone}).Ticks(-1e11, 1e11)); n > 1000 {
		t.Errorf("%d ticks", n)
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
