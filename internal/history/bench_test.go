//go:build unix

package history

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vaiven"
)

// dht makes readings as of a DHT22 every two seconds: one decimal, slow drift with a
// day's rhythm, noise of one digit, and some milliseconds of jitter.
type dht struct {
	rnd       *rand.Rand
	at        int64
	temp, hum float64
	entries   []vaiven.Entry
}

func newDHT(device vaiven.Device, seed uint64) *dht {
	d := &dht{rnd: rand.New(rand.NewPCG(seed, 7)), at: begun, temp: 22, hum: 60}
	r := &vaiven.Reading{Device: device, Values: []vaiven.Value{{Name: "TEMP"}, {Name: "HUM"}}}
	d.entries = []vaiven.Entry{{Event: r}}
	return d
}

// next returns the next reading's record, which is good until the one behind it.
func (d *dht) next() []vaiven.Entry {
	d.at += 2000 + int64(d.rnd.IntN(9)) - 4
	day := math.Sin(float64(d.at%86_400_000) / 86_400_000 * 2 * math.Pi)
	d.temp += (22+4*day-d.temp)/2000 + d.rnd.NormFloat64()*0.01
	d.hum += (60-10*day-d.hum)/2000 + d.rnd.NormFloat64()*0.02
	r := d.entries[0].Event.(*vaiven.Reading)
	r.At, r.Measured = d.at, d.at-3
	r.Values[0].Num, r.Values[1].Num = math.Round(d.temp*10)/10, math.Round(d.hum*10)/10
	return d.entries
}

// BenchmarkAppend is a reading of two values, the writing of blocks included.
func BenchmarkAppend(b *testing.B) {
	h, err := Open(Options{Dir: b.TempDir(), Log: "0f"})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	boards := make([]*dht, 50)
	for i := range boards {
		boards[i] = newDHT(vaiven.Device(rune('a'+i)), uint64(i))
	}
	b.ReportAllocs()
	pos, before := uint64(0), cpu()
	for b.Loop() {
		pos++
		entries := boards[pos%50].next()
		if err := h.Apply(pos, entries); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	h.work.Wait()
	b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op") // waits for the disk left out
}

// cpu is the processor time that the process has taken.
func cpu() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(unix.TimevalToNsec(r.Utime) + unix.TimevalToNsec(r.Stime))
}

// BenchmarkGenerate is what the generator takes of BenchmarkAppend.
func BenchmarkGenerate(b *testing.B) {
	d := newDHT("a", 1)
	for b.Loop() {
		_ = d.next()
	}
}

// BenchmarkYear asks for a year of one board that measures every two seconds, 15.8
// million readings, in 1,000 points, and says what they take on disk.
func BenchmarkYear(b *testing.B) {
	dir, err := os.MkdirTemp("", "year")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	h, err := Open(Options{Dir: dir, Log: "0f", cut: vaiven.Day})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	board, pos := newDHT("101", 1), uint64(0)
	for board.at < begun+365*86_400_000 {
		pos++
		if err := h.Apply(pos, board.next()); err != nil {
			b.Fatal(err)
		}
	}
	h.work.Wait()
	s := h.Stats()
	for _, q := range []struct {
		name string
		q    vaiven.CurveQuery
	}{
		{"TEMP", vaiven.CurveQuery{Devices: []vaiven.Device{"101"}, Names: []string{"TEMP"}, From: begun, To: begun + 365*86_400_000, Points: 1000}},
		{"both", vaiven.CurveQuery{From: begun + 12345, To: begun + 365*86_400_000, Points: 1000}},
		{"a day", vaiven.CurveQuery{Names: []string{"TEMP"}, From: begun + 100*86_400_000, To: begun + 101*86_400_000, Points: 1000}},
		{"a week", vaiven.CurveQuery{Names: []string{"TEMP"}, From: begun + 100*86_400_000, To: begun + 107*86_400_000, Points: 1000}},
	} {
		b.Run(q.name, func(b *testing.B) {
			points := 0
			for b.Loop() {
				got, err := h.Curves(context.Background(), q.q)
				if err != nil || len(got.Curves) == 0 {
					b.Fatal(err)
				}
				points = len(got.Curves[0].Buckets)
			}
			b.ReportMetric(float64(points), "points")
			b.ReportMetric(float64(s.Bytes)/float64(s.Samples), "B/value")
			b.ReportMetric(float64(s.Blocks), "blocks")
		})
	}
}
