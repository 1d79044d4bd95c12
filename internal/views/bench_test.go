package views_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"vaiven"
	"vaiven/internal/csvfile"
	"vaiven/internal/registry"
	"vaiven/internal/views"
)

// batch makes a record's events: one reading of each of so many devices.
func batch(seq uint64, devices int) []vaiven.Event {
	events := make([]vaiven.Event, devices)
	for i := range events {
		dev := vaiven.Device(fmt.Sprintf("%03d", i))
		r := views.TestReading(dev, "9f3c02aa", seq)
		r.Measured = r.At
		events[i] = r
	}
	return events
}

// BenchmarkAll is what a reading costs between the log and the files: deciding,
// the queues, the CSV and the registry.
func BenchmarkAll(b *testing.B) {
	for _, size := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(size, " a record"), func(b *testing.B) {
			log := views.NewMemLog()
			n := 0
			for seq := uint64(1); n < b.N; seq++ {
				log.Add(batch(seq, size)...)
				n += size
			}
			last, _ := log.Last(context.Background())
			csv, err := csvfile.Open(csvfile.Options{Path: filepath.Join(b.TempDir(), "r.csv"), Log: log.ID(), Zone: "America/Bogota"})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = csv.Close() }()
			b.ReportAllocs()
			b.ResetTimer()
			p, err := views.Open(context.Background(), views.Options{Source: log, Views: []views.View{csv, registry.New()}})
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if decided, _ := p.Position(); decided != last {
				b.Fatal("not at the end")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/reading")
		})
	}
}

// BenchmarkDecide is the deciding alone.
func BenchmarkDecide(b *testing.B) {
	recs := make([]vaiven.Record, 0, b.N/256+2)
	recs = append(recs, vaiven.Record{Seq: 1, Writer: 1, N: 1, Events: []vaiven.Event{&vaiven.LogStart{Log: "x"}}})
	for seq := uint64(1); len(recs)*256 < b.N+256; seq++ {
		recs = append(recs, vaiven.Record{Seq: seq + 1, Writer: 1, N: seq + 1, Events: batch(seq, 256)})
	}
	d := views.NewDecider("x")
	b.ReportAllocs()
	b.ResetTimer()
	for _, rec := range recs {
		if _, err := d.Decide(rec); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLive is the same through the queues of a running pump.
func BenchmarkLive(b *testing.B) {
	for _, size := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(size, " a record"), func(b *testing.B) {
			log := views.NewMemLog()
			csv, err := csvfile.Open(csvfile.Options{Path: filepath.Join(b.TempDir(), "r.csv"), Log: log.ID(), Zone: "America/Bogota"})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = csv.Close() }()
			p, err := views.Open(context.Background(), views.Options{Source: log, Views: []views.View{csv, registry.New()}})
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			for seq := uint64(1); n < b.N; seq++ {
				log.Add(batch(seq, size)...)
				n += size
			}
			last, _ := log.Last(context.Background())
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			b.ReportAllocs()
			b.ResetTimer()
			go func() { ended <- p.Run(ctx) }()
			if err := p.Wait(ctx, last); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			cancel()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/reading")
		})
	}
}

// BenchmarkClone is what it costs when a view of a fleet falls behind.
func BenchmarkClone(b *testing.B) {
	d := views.NewDecider("x")
	start := []vaiven.Event{&vaiven.LogStart{Log: "x"}}
	if _, err := d.Decide(vaiven.Record{Seq: 1, Writer: 1, N: 1, Events: start}); err != nil {
		b.Fatal(err)
	}
	for seq := uint64(1); seq <= 20; seq++ {
		events := make([]vaiven.Event, 100_000)
		for i := range events {
			events[i] = views.TestReading(vaiven.Device(fmt.Sprintf("device-%06d", i)), "9f3c02aa", seq)
		}
		if _, err := d.Decide(vaiven.Record{Seq: seq + 1, Writer: 1, N: seq + 1, Events: events}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		d.Clone()
	}
}
