//go:build unix

package stream

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"

	"vaiven"
)

// cpu is the time that this process has used so far.
func cpu() time.Duration {
	var ru syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// BenchmarkCommit measures one append after the other: the latency of a commit
// alone, and its CPU.
func BenchmarkCommit(b *testing.B) {
	got := make(chan struct{}, 1)
	l := open(b, Options{Dir: b.TempDir(), OnCommit: func([]vaiven.Ticket) { got <- struct{}{} }})
	var took []time.Duration
	before := cpu()
	for b.Loop() {
		start := time.Now()
		if err := l.Append(context.Background(), []vaiven.Event{reading(101, 1)}, nil); err != nil {
			b.Fatal(err)
		}
		<-got
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(len(took)), "cpu-us/commit")
}

// BenchmarkCommit256 measures full speed with 256 readings an append.
func BenchmarkCommit256(b *testing.B) {
	window := make(chan struct{}, 32)
	l := open(b, Options{Dir: b.TempDir(), OnCommit: func(ts []vaiven.Ticket) {
		for range ts {
			<-window
		}
	}})
	evs, _ := batch(256)
	before := cpu()
	for b.Loop() {
		window <- struct{}{}
		if err := l.Append(context.Background(), evs, nil); err != nil {
			b.Fatal(err)
		}
	}
	for range cap(window) {
		window <- struct{}{}
	}
	n := float64(b.N) * 256
	b.ReportMetric(n/b.Elapsed().Seconds(), "readings/s")
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/n, "cpu-ns/reading")
}

// BenchmarkReplay reads records of 256 readings, and of one.
func BenchmarkReplay(b *testing.B) {
	for _, c := range []struct {
		name           string
		records, batch int
	}{{"of256", 2000, 256}, {"of1", 20000, 1}} {
		b.Run(c.name, func(b *testing.B) {
			l := filled(b, c.records, c.batch)
			before := cpu()
			n := 0
			for b.Loop() {
				if err := l.Read(context.Background(), 1, uint64(c.records), func(r vaiven.Record) error {
					n += len(r.Events)
					return nil
				}); err != nil {
					b.Fatal(err)
				}
			}
			records := float64(b.N * c.records)
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "readings/s")
			b.ReportMetric(records/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64((cpu()-before).Microseconds())/records, "cpu-us/record")
		})
	}
}

// BenchmarkFollow measures how soon after its commit a record is read.
func BenchmarkFollow(b *testing.B) {
	l := open(b, Options{Dir: b.TempDir()})
	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan uint64, 1)
	done := make(chan error, 1)
	go func() {
		done <- l.Read(ctx, 2, 0, func(r vaiven.Record) error { got <- r.Seq; return nil })
	}()
	before := cpu()
	n := 0
	for b.Loop() {
		if err := l.Append(ctx, []vaiven.Event{reading(101, 1)}, nil); err != nil {
			b.Fatal(err)
		}
		<-got
		n++
	}
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(n), "cpu-us/record")
	cancel()
	<-done
}

// open runs a log without remembering what was acknowledged.
func open(b *testing.B, o Options) *Log {
	b.Helper()
	o.Logger = quiet()
	l, err := Open(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		<-done
		l.Close()
	})
	return l
}

// filled is a log with so many records, written without fsync.
func filled(b *testing.B, records, each int) *Log {
	got := make(chan struct{}, 1)
	l := open(b, Options{Dir: b.TempDir(), NoSync: true, OnCommit: func([]vaiven.Ticket) { got <- struct{}{} }})
	evs, _ := batch(each)
	for range records {
		if err := l.Append(context.Background(), evs, nil); err != nil {
			b.Fatal(err)
		}
		<-got
	}
	return l
}

func BenchmarkEncode(b *testing.B) {
	evs, _ := batch(256)
	var e encoder
	var buf []byte
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		for _, ev := range evs {
			if _, err := e.bound(ev); err != nil {
				b.Fatal(err)
			}
			e.add(ev)
		}
		buf = e.finish(buf[:0], 1, 2)
	}
	perEvent(b, 256, before)
}

func BenchmarkDecode(b *testing.B) {
	_, rec := batch(256)
	var d codec
	b.ReportAllocs()
	before := cpu()
	for b.Loop() {
		if _, err := d.decode(1, rec); err != nil {
			b.Fatal(err)
		}
	}
	perEvent(b, 256, before)
}

func perEvent(b *testing.B, n int, before time.Duration) {
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/float64(b.N)/float64(n), "cpu-ns/event")
}
