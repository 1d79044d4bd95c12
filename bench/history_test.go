package main

import (
	"testing"

	"vaiven/bench/internal/report"
)

func TestBenchmarksAreRead(t *testing.T) {
	found := parseBenchmarks(`goos: linux
BenchmarkAppend-2   	 3000000	       512.5 ns/op	       600 cpu-ns/op	      12 B/op
BenchmarkYear/a_day-2 	     100	  40000000 ns/op	         2.5 B/value
PASS
`)
	if got := found["BenchmarkAppend"]["cpu-ns/op"]; got != 600 {
		t.Errorf("append: %v", got)
	}
	if got := found["BenchmarkYear/a_day"]["B/value"]; got != 2.5 {
		t.Errorf("year: %v", got)
	}
	var g report.Goals
	if err := g.AddBenchmark(found, "BenchmarkYear/a_day", "ns/op", "a day", "ms", 1e-6, 40); err != nil || g.Rows[0].Value != 40 {
		t.Errorf("%v, %+v", err, g.Rows)
	}
	if err := g.AddBenchmark(found, "BenchmarkYear/a_day", "s/op", "a day", "s", 1, 1); err == nil {
		t.Error("a figure that was not printed was taken in")
	}
}
