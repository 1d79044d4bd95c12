package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"vaiven/bench/internal/board"
	"vaiven/bench/internal/load"
	"vaiven/bench/internal/machine"
	"vaiven/bench/internal/peer"
	"vaiven/bench/internal/report"
)

// The table of what years of data cost: the program's own benchmarks of its history,
// with what is asked of them, and a server with 50 devices.

const (
	starts       = 5
	filledBoards = 50
	// Two hours of them: what the history holds in memory at most is in memory then.
	filledReadings = filledBoards * 2 * 3600 / 2
	filledRate     = 2500.0
)

// historyOptions are what the flags of `bench history` say.
type historyOptions struct {
	program, source string
	dir, out        string
	filled          uint64
	benchtime       string // of go test
	year            bool
}

func runHistory(ctx context.Context, args []string, stdout io.Writer, stderr *os.File) error {
	o := historyOptions{filled: filledReadings, benchtime: "2s", year: true}
	f := flag.NewFlagSet("bench history", flag.ContinueOnError)
	f.SetOutput(stderr)
	program := f.String("vaiven", "../bin/vaiven", "the `program` under test")
	f.StringVar(&o.source, "source", "..", "`folder` of the program's source, whose own benchmarks are run")
	f.StringVar(&o.dir, "dir", ".work", "`folder` for the server's data, on the disk to be measured")
	f.StringVar(&o.out, "out", "results", "`folder` for AAAA-MM-DD-history.md; empty: kept nowhere")
	quick := f.Bool("quick", false, "a few seconds: proves that it works, its figures prove nothing; kept nowhere")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *quick {
		o.filled, o.benchtime, o.year, o.out = 2500, "10x", false, ""
	}
	var err error
	if o.program, err = filepath.Abs(*program); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Minute, errors.New("not finished within half an hour"))
	defer cancel()
	return o.measure(ctx, stdout, stderr)
}

// measure takes every figure and writes the table.
func (o historyOptions) measure(ctx context.Context, stdout io.Writer, stderr io.Writer) error {
	dir, err := scratch(o.dir)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &report.Goals{Title: "Years of data", Date: time.Now().Format(time.DateOnly)}
	if r.Version, err = peer.Vaiven(o.program, nil).Version(ctx); err != nil {
		return err
	}
	if r.Machine, err = machine.Inspect(dir); err != nil {
		return err
	}
	for _, step := range []struct {
		name string
		take func(context.Context, string, *report.Goals) error
	}{
		{"starts in an empty folder", o.ready},
		{"50 devices", o.resident},
		{"readings into the history", o.appends},
		{"the last values of 1,000 devices", o.lastValues},
		{"a year of one device", o.aYear},
	} {
		fmt.Fprintln(stderr, step.name)
		if err := step.take(ctx, filepath.Join(dir, "data"), r); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if o.out != "" {
		path, err := r.Keep(o.out, "history")
		if err != nil {
			return err
		}
		fmt.Fprintln(stderr, "kept in", path)
	}
	return r.Markdown(stdout)
}

// ready measures how long a start in an empty folder takes until /readyz says so.
func (o historyOptions) ready(ctx context.Context, dir string, r *report.Goals) error {
	var took []time.Duration
	for range starts {
		begin := time.Now()
		s, err := peer.Start(ctx, peer.Vaiven(o.program, nil), dir)
		if err != nil {
			return err
		}
		err = awaitReady(ctx, s.Addr)
		took = append(took, time.Since(begin))
		if err := errors.Join(s.Wrap(err), s.Stop(), os.RemoveAll(dir)); err != nil {
			return err
		}
	}
	slices.Sort(took)
	r.Add("serve in an empty folder, until it is ready", ms(took[len(took)/2]), "ms", 1000)
	return nil
}

func awaitReady(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close() // nothing was asked of it
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("/readyz: %w", ctx.Err())
}

// resident measures the memory of a server with 50 devices, when two hours of their
// readings have come, in haste.
func (o historyOptions) resident(ctx context.Context, dir string, r *report.Goals) error {
	s, err := peer.Start(ctx, peer.Vaiven(o.program, nil), dir)
	if err != nil {
		return err
	}
	f, err := load.NewFleet(s.Addr, filledBoards, board.NewSensor)
	if err != nil {
		return errors.Join(err, s.Stop())
	}
	defer f.Close()
	rss, err := o.fill(ctx, s, f)
	if err := errors.Join(s.Wrap(err), s.Stop()); err != nil {
		return err
	}
	r.Add(fmt.Sprintf("resident memory with %d devices, %d readings in", filledBoards, f.Acked()), float64(rss)/1e6, "MB", 100)
	return os.RemoveAll(dir)
}

func (o historyOptions) fill(ctx context.Context, s *peer.Server, f *load.Fleet) (rss uint64, err error) {
	if _, err := f.Connect(ctx, filledBoards); err != nil {
		return 0, err
	}
	if err := f.Greet(ctx, filledBoards); err != nil {
		return 0, err
	}
	if err := f.SetLoad(load.Load{Window: load.MaxWindow, Rate: filledRate}); err != nil {
		return 0, err
	}
	for f.Sent() < o.filled {
		if _, err := f.Run(ctx, time.Second); err != nil {
			return 0, err
		}
	}
	if err := f.Drain(ctx, patience); err != nil {
		return 0, err
	}
	return s.Resident()
}

func (o historyOptions) appends(ctx context.Context, _ string, r *report.Goals) error {
	rows, err := o.benchmark(ctx, "./internal/history", "^BenchmarkAppend$")
	if err != nil {
		return err
	}
	return r.AddBenchmark(rows, "BenchmarkAppend", "cpu-ns/op", "CPU of a reading of two values into the history, its blocks included", "ns", 1, 700)
}

func (o historyOptions) lastValues(ctx context.Context, _ string, r *report.Goals) error {
	rows, err := o.benchmark(ctx, "./internal/web", "^BenchmarkDeviceMetrics$")
	if err != nil {
		return err
	}
	return r.AddBenchmark(rows, "BenchmarkDeviceMetrics", "ns/op", "last values of 1,000 devices, over HTTP", "ms", 1e-6, 50)
}

func (o historyOptions) aYear(ctx context.Context, _ string, r *report.Goals) error {
	if !o.year {
		return nil
	}
	rows, err := o.benchmark(ctx, "./internal/history", "^BenchmarkYear$")
	if err != nil {
		return err
	}
	const reading = 2 // values
	return errors.Join(
		r.AddBenchmark(rows, "BenchmarkYear/TEMP", "ns/op", "a year of one device at 2 s (15.8 million readings), one measurement, 1,000 points", "ms", 1e-6, 100),
		r.AddBenchmark(rows, "BenchmarkYear/both", "ns/op", "the same, all its measurements", "ms", 1e-6, 100),
		r.AddBenchmark(rows, "BenchmarkYear/TEMP", "B/value", "kept in the history, of a reading of two values", "B", reading, 4),
	)
}

// benchmark runs benchmarks of the program's source, and returns the values of each
// by name and unit.
func (o historyOptions) benchmark(ctx context.Context, pkg, pattern string) (map[string]map[string]float64, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", pattern, "-benchtime", o.benchtime, "-timeout", "20m", pkg)
	cmd.Dir = o.source
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	return parseBenchmarks(string(out)), nil
}

// parseBenchmarks reads what go test prints: a name, the runs, and pairs of value and
// unit. The number of processors behind a name is left out.
func parseBenchmarks(out string) map[string]map[string]float64 {
	found := make(map[string]map[string]float64)
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name, _, _ := strings.Cut(f[0], "-")
		found[name] = make(map[string]float64)
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil {
				found[name][f[i+1]] = v
			}
		}
	}
	return found
}
