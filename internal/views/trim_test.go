package views_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/csvfile"
	"vaiven/internal/registry"
	"vaiven/internal/stream"
	"vaiven/internal/twin"
	"vaiven/internal/views"
	"vaiven/internal/views/verify"
)

var errKilled = errors.New("killed")

// killed is a log on disk of which the whole data folder is copied before or behind
// one of the retention's steps: that is what a kill there leaves.
type killed struct {
	*stream.Log
	dir   string
	dieAt int
	steps int
	left  string // the copy
}

func (k *killed) step(do func() error) error {
	for _, behind := range []bool{false, true} {
		if behind {
			if err := do(); err != nil {
				return err
			}
		}
		if k.steps++; k.steps == k.dieAt {
			if err := os.CopyFS(k.left, os.DirFS(k.dir)); err != nil {
				return err
			}
			return errKilled
		}
	}
	return nil
}

func (k *killed) PutSnapshot(ctx context.Context, info vaiven.SnapshotInfo, data []byte) error {
	return k.step(func() error { return k.Log.PutSnapshot(ctx, info, data) })
}

func (k *killed) DropSnapshot(ctx context.Context, pos uint64) error {
	return k.step(func() error { return k.Log.DropSnapshot(ctx, pos) })
}

func (k *killed) Trim(ctx context.Context, through uint64) error {
	return k.step(func() error { return k.Log.Trim(ctx, through) })
}

// onDisk is a data folder with its log, and all that runs on it.
type onDisk struct {
	t       *testing.T
	dir     string
	log     *killed
	csv     *csvfile.File
	reg     *registry.Registry
	twin    *twin.Twin
	pump    *views.Pump
	notices []string
	stop    func()
}

func openOnDisk(t *testing.T, dir string, dieAt int) *onDisk {
	t.Helper()
	d := &onDisk{t: t, dir: dir, reg: registry.New(), twin: twin.New(twin.Options{})}
	log, err := stream.Open(t.Context(), stream.Options{
		Dir: filepath.Join(dir, "log"), Logger: slog.New(slog.DiscardHandler),
		Stamp: func() vaiven.Stamp { return views.TestStamp(0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	d.log = &killed{Log: log, dir: dir, dieAt: dieAt, left: dir + "-left"}
	told := func(text string) { d.notices = append(d.notices, text) }
	d.csv, err = csvfile.Open(csvfile.Options{
		Path: csvPath(dir), Log: log.ID(), Zone: "America/Bogota", Notify: func(n csvfile.Notice) { told(n.Text(vaiven.English)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1795333377, 0)
	d.pump, err = views.Open(t.Context(), views.Options{
		Source: d.log, Views: []views.View{d.csv, d.reg, d.twin}, Dir: dir, Every: time.Hour,
		Retention: views.Retention{Age: 100 * 2 * time.Second, Records: 2, Events: 1},
		Now:       func() time.Time { now = now.Add(time.Minute); return now },
		Notify:    func(n views.Notice) { told(n.Text(vaiven.English)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- d.pump.Run(ctx) }()
	go func() { ended <- log.Run(ctx) }()
	d.stop = func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if err := errors.Join(d.csv.Close(), log.Close()); err != nil { // and no last checkpoint
			t.Error(err)
		}
	}
	return d
}

// write appends the readings from..to, ten to a record, with a change every now and then.
func (d *onDisk) write(from, to uint64) {
	d.t.Helper()
	for ; from <= to; from += 10 {
		var events []vaiven.Event
		for seq := from; seq < from+10; seq++ {
			events = append(events, views.TestReading("101", "aaaaaaaa", seq))
		}
		events = append(events, &vaiven.Change{
			Stamp: views.TestStamp(int(from + 9)), Device: "101", Key: views.TestKey(int(from)),
			States: []vaiven.Value{{Name: "LED", Num: float64(from / 10 % 2)}}, By: "api",
		})
		if err := d.log.Append(d.t.Context(), events, nil); err != nil {
			d.t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(d.t.Context(), 2*time.Minute)
		for d.pump.Settled("101", "aaaaaaaa").Top < from+9 {
			last, err := d.log.Last(ctx)
			if err == nil {
				err = d.pump.Wait(ctx, last)
			}
			if err != nil {
				d.t.Fatal(err)
			}
		}
		cancel()
	}
}

// rounds writes up to a reading, with a round of the retention behind every 20 of
// them. It reports whether all is alive.
func (d *onDisk) rounds(from, to uint64) bool {
	d.t.Helper()
	for ; from < to; from += 20 {
		d.write(from, from+19)
		if _, err := d.pump.Round(d.t.Context(), false); errors.Is(err, errKilled) {
			return false
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
	return true
}

// prove checks the folder with verify, and the views that keep nothing against those
// that begin with the log's base.
func (d *onDisk) prove(readings uint64) verify.Result {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 2*time.Minute)
	defer cancel()
	last, err := d.log.Last(ctx)
	if err == nil {
		err = d.pump.Wait(ctx, last)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	reg, tw := registry.New(), twin.New(twin.Options{})
	res, err := verify.Data(ctx, d.log, csvPath(d.dir), reg, tw)
	if err != nil {
		d.t.Fatalf("%v; %+v; notices %q", err, res, d.notices)
	}
	for _, pair := range [][2]interface{ Snapshot() ([]byte, error) }{{reg, d.reg}, {tw, d.twin}} {
		want, err1 := pair[0].Snapshot()
		got, err2 := pair[1].Snapshot()
		if err1 != nil || err2 != nil || string(got) != string(want) {
			d.t.Fatalf("%v %v\n%s\n%s", err1, err2, got, want)
		}
	}
	if res.Readings != readings || res.Rows != readings || res.First != d.log.First() {
		d.t.Fatalf("%+v; want %d readings from record %d on", res, readings, d.log.First())
	}
	return res
}

// TestKilledAtEveryStepOnDisk: whatever a kill leaves, the next start has all of it,
// with the checkpoint and without, also when the CSV is gone.
func TestKilledAtEveryStepOnDisk(t *testing.T) {
	const enough = 300
	for at, alive := 1, false; !alive; at++ {
		root := t.TempDir()
		d := openOnDisk(t, filepath.Join(root, "data"), at)
		alive = d.rounds(1, enough)
		if alive {
			if first := d.log.First(); first < 10 {
				t.Fatalf("after %d steps the log still begins with record %d", d.log.steps, first)
			}
			d.prove(enough)
		}
		d.stop()
		if alive {
			break
		}
		hows := []string{"with checkpoint", "without checkpoint and CSV", "without checkpoint", "without CSV"}
		for _, how := range hows[at%2*2:][:2] {
			t.Run(fmt.Sprintf("%d %s", at, how), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "data")
				if err := os.CopyFS(dir, os.DirFS(d.log.left)); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(how, "without checkpoint") {
					_ = os.Remove(filepath.Join(dir, views.CheckpointName)) // there may be none yet
				}
				whole := mustRead(t, csvPath(dir))
				if strings.Contains(how, "CSV") {
					if err := os.Remove(csvPath(dir)); err != nil {
						t.Fatal(err)
					}
				}
				e := openOnDisk(t, dir, 0)
				defer e.stop()
				last := e.pump.Settled("101", "aaaaaaaa").Top
				res := e.prove(last)
				if begun := e.csv.Rows() - uint64(strings.Count(string(mustRead(t, csvPath(dir))), "\n")-1); strings.Contains(how, "CSV") {
					told := strings.Contains(strings.Join(e.notices, "\n"), fmt.Sprintf("begins with row %d:", begun+1))
					if told != (begun > 0) || begun >= last && last > 0 {
						t.Errorf("the CSV was begun behind row %d of %d; notices %q", begun, last, e.notices)
					}
					if missing := []csvfile.Span{{First: 1, Last: begun}}; begun > 0 && !slices.Equal(res.Missing, missing) || begun == 0 && res.Missing != nil {
						t.Errorf("verify says that %v are missing, and the CSV was begun behind row %d", res.Missing, begun)
					}
				}
				e.rounds(last+1, last+80)
				e.prove(last + 80)
				now := mustRead(t, csvPath(dir))
				if !strings.Contains(how, "CSV") && !strings.HasPrefix(string(now), string(whole)) {
					t.Error("the CSV's rows are not what they were")
				}
			})
		}
	}
}
