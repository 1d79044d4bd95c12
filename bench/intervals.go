package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"vaiven/bench/internal/board"
	"vaiven/bench/internal/load"
	"vaiven/bench/internal/machine"
	"vaiven/bench/internal/peer"
	"vaiven/bench/internal/report"
)

// The table of commit intervals: what `vaiven serve --commit-every` costs and saves.
// A board sends a reading every 2 s. Boards and intervals are those that one asks
// about.
var (
	intervalBoards = []int{1, 20, 200}
	intervals      = []time.Duration{0, 100 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second}
)

const (
	boardRate  = 0.5 // readings/s
	keptBoards = 20
	keptBlocks = 1 // full ones, which are compressed
)

// hasty is by how much time is hurried where only what is kept is measured: so much that
// a record still holds as many readings.
func hasty(every time.Duration) time.Duration {
	if every == 0 {
		return 100
	}
	return 400
}

// intervalOptions are what the flags of `bench intervals` say.
type intervalOptions struct {
	program       string
	dir           string
	out           string // "": kept nowhere
	boards        []int
	every         []time.Duration
	warm, measure time.Duration
	kept          int // full blocks of the log
}

func runIntervals(ctx context.Context, args []string, stdout io.Writer, stderr *os.File) error {
	o := intervalOptions{boards: intervalBoards, every: intervals, warm: 12 * time.Second, kept: keptBlocks}
	f := flag.NewFlagSet("bench intervals", flag.ContinueOnError)
	f.SetOutput(stderr)
	program := f.String("vaiven", "../bin/vaiven", "the `program` under test")
	f.StringVar(&o.dir, "dir", "", "`folder` for the server's data, on the disk to be measured; empty: an ext4 of one's own in memory, which needs root")
	f.StringVar(&o.out, "out", "results", "`folder` for AAAA-MM-DD-intervals.md; empty: kept nowhere")
	f.DurationVar(&o.measure, "measure", time.Minute, "how long each is measured")
	quick := f.Bool("quick", false, "a few seconds: proves that it works, its figures prove nothing; kept nowhere")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *quick {
		o.boards, o.every, o.kept, o.out = []int{2}, []time.Duration{0, 100 * time.Millisecond}, 0, ""
		o.warm, o.measure = 200*time.Millisecond, 3*time.Second
	}
	var err error
	if o.program, err = filepath.Abs(*program); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Hour, errors.New("not finished within an hour"))
	defer cancel()
	return o.table(ctx, stdout, stderr)
}

// table measures every cell and writes the table.
func (o intervalOptions) table(ctx context.Context, stdout io.Writer, stderr *os.File) (fail error) {
	dir, err := scratch(cmp.Or(o.dir, ".work"))
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.dir == "" {
		unmount, err := machine.Mount(ctx, dir)
		if err != nil {
			return err
		}
		defer func() { fail = errors.Join(fail, unmount()) }()
	}
	r := &report.Intervals{Date: time.Now().Format(time.DateOnly), Method: o.method()}
	if r.Version, err = peer.Vaiven(o.program, nil).Version(ctx); err != nil {
		return err
	}
	if r.Machine, err = machine.Inspect(dir); err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	show := newProgress(stderr, (len(o.boards)+1)*len(o.every))
	for _, n := range o.boards {
		for _, every := range o.every {
			name := fmt.Sprintf("in real time, %d boards, every %v", n, every)
			show.say(name, "measuring")
			row := report.Interval{Boards: n, Every: every}
			err := o.trial(ctx, data, n, every, func(t *intervalTrial) error { return o.live(ctx, t, &row) })
			if show.finish(name, err); err != nil {
				return err
			}
			r.Live = append(r.Live, row)
		}
	}
	for _, every := range o.every {
		name := fmt.Sprintf("in haste, every %v", every)
		show.say(name, "measuring")
		row := report.Kept{Boards: keptBoards, Every: every}
		err := o.trial(ctx, data, keptBoards, every/hasty(every), func(t *intervalTrial) error { return o.hurry(ctx, t, &row) })
		if show.finish(name, err); err != nil {
			return err
		}
		r.Kept = append(r.Kept, row)
	}
	show.clear()
	if o.out != "" {
		path, err := r.Keep(o.out)
		if err != nil {
			return err
		}
		fmt.Fprintln(stderr, "kept in", path)
	}
	return r.Markdown(stdout)
}

// intervalTrial is one server with its boards.
type intervalTrial struct {
	server *peer.Server
	fleet  *load.Fleet
}

// trial starts a server in an empty folder, plays, stops it, and has it verified.
func (o intervalOptions) trial(ctx context.Context, dir string, boards int, every time.Duration, play func(*intervalTrial) error) error {
	defer os.RemoveAll(dir)
	p := peer.Vaiven(o.program, []string{"--commit-every", every.String()})
	t := &intervalTrial{}
	var err error
	if t.server, err = peer.Start(ctx, p, dir); err != nil {
		return err
	}
	if t.fleet, err = load.NewFleet(t.server.Addr, boards, board.NewSensor); err != nil {
		return errors.Join(err, t.server.Stop())
	}
	defer t.fleet.Close()
	if _, err = t.fleet.Connect(ctx, boards); err == nil {
		err = t.fleet.Greet(ctx, boards)
	}
	if err == nil {
		err = play(t)
	}
	if err := errors.Join(t.server.Wrap(err), t.server.Stop()); err != nil {
		return err
	}
	rows, err := p.Rows(dir)
	if err != nil {
		return err
	}
	if rows != t.fleet.Acked() {
		return fmt.Errorf("the CSV holds %d readings, %d were acknowledged", rows, t.fleet.Acked())
	}
	_, err = p.Verify(ctx, dir)
	return err
}

// live measures at the boards' own pace: what is written, and when it is acknowledged.
func (o intervalOptions) live(ctx context.Context, t *intervalTrial, row *report.Interval) error {
	if err := t.fleet.SetLoad(load.Load{Window: pacedWindow, Rate: boardRate * float64(row.Boards)}); err != nil {
		return err
	}
	if _, err := t.fleet.Run(ctx, o.warm); err != nil {
		return err
	}
	before, device, err := t.written()
	if err != nil {
		return err
	}
	m, err := t.fleet.Run(ctx, o.measure)
	if err != nil {
		return err
	}
	after, deviceAfter, err := t.written()
	if err != nil {
		return err
	}
	if m.Acked == 0 {
		return errors.New("not one reading was acknowledged")
	}
	n := float64(m.Acked)
	row.Device, row.Process = float64(deviceAfter-device)/n, float64(after.Written-before.Written)/n
	row.CPU = (after.CPU - before.CPU) / time.Duration(m.Acked)
	row.P50, row.P99 = m.Latency.Quantile(0.50), m.Latency.Quantile(0.99)
	return t.fleet.Drain(ctx, patience)
}

// written reads the counters when all that is dirty has gone to the device.
func (t *intervalTrial) written() (peer.Usage, uint64, error) {
	syscall.Sync()
	u, err := t.server.Usage()
	if err != nil {
		return u, 0, err
	}
	device, err := machine.DeviceWritten(t.server.Dir)
	return u, device, err
}

// hurry plays hours in minutes: rate and interval are so many times faster, so that a
// record holds as many readings as in real time, and as much is kept of each.
func (o intervalOptions) hurry(ctx context.Context, t *intervalTrial, row *report.Kept) error {
	rate := boardRate * keptBoards * float64(hasty(row.Every))
	if err := t.fleet.SetLoad(load.Load{Window: load.MaxWindow, Rate: rate}); err != nil {
		return err
	}
	for {
		if _, err := t.fleet.Run(ctx, time.Second); err != nil {
			return err
		}
		packed, whole, open, err := blocks(t.server.Dir)
		if err != nil {
			return err
		}
		if len(packed) >= o.kept {
			if err := t.fleet.Drain(ctx, patience); err != nil {
				return err
			}
			// Records are all alike, so the readings are spread over the blocks as bytes are.
			row.Readings = uint64(float64(t.fleet.Acked()) * float64(whole) / float64(max(whole+open, 1)))
			var kept int64
			for _, n := range packed {
				kept += n
			}
			row.Log = float64(kept) / float64(max(row.Readings, 1))
			return nil
		}
	}
}

// blocks returns the sizes of the log's compressed blocks, what they were before, all
// together, and what the others have. The format is in docs/LOG.md.
func blocks(dir string) (packed []int64, whole, open int64, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "log", "jetstream", "$G", "streams", "VAIVEN", "msgs", "*.blk"))
	if err != nil {
		return nil, 0, 0, err
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, 0, 0, err
		}
		head, is := bytes.CutPrefix(b, []byte("cmp\x01"))
		if !is {
			open += int64(len(b))
			continue
		}
		n, _ := binary.Uvarint(head)
		packed, whole = append(packed, int64(len(b))), whole+int64(n)
	}
	return packed, whole, open, nil
}

func (o intervalOptions) method() []string {
	return []string{
		"Every board sends a reading of a room's temperature and humidity every 2 s, evenly spread; the server is `vaiven serve` with all its views, in an empty folder each time; at its end the CSV holds what was acknowledged, and `vaiven verify` says ok.",
		fmt.Sprintf("In real time: %v after %v of warming up, with sync(2) before both looks at the counters. Written to the device is what /proc/diskstats counts for it, the file system's journal %s", o.measure, o.warm, o.whose()),
		"What the process made dirty is as /proc/PID/io has it: of a large file the kernel counts up to 2 MiB for each write, whatever it writes to the device.",
		fmt.Sprintf("Kept in the log: %d boards %d times as fast (%d times at an interval of 0), with the interval as much shorter, so that a record holds as many readings; the size of its full blocks, which are compressed, until there are %d.", keptBoards, hasty(1), hasty(0), o.kept),
	}
}

func (o intervalOptions) whose() string {
	if o.dir == "" {
		return "and nothing else: the disk is an ext4 of one's own, in memory, made as mkfs makes it on a card."
	}
	return "and whatever else ran included."
}
