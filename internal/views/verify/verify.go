// Package verify proves that the views of a log hold what the log says: it
// replays the log through a decider of its own, compares the CSV file row by
// row, and counts along with a registry. Where the log was trimmed, all of them begin
// with the snapshot from there (or, where that is lost, with the checkpoint); each later snapshot is compared with what the log
// makes of it.
//
// It owns that check alone, and changes nothing. It may run beside a server
// whose log it can read, but a CSV that is being written may then end early,
// which is a discrepancy. It waits for the log as long as ctx lets it.
package verify

import (
	"context"
	"fmt"

	"vaiven"
	"vaiven/internal/csvfile"
	"vaiven/internal/registry"
	"vaiven/internal/views"
)

// Result is what was found to be right.
type Result struct {
	First    uint64 // the log's first record now
	Behind   uint64 // the record behind which the check began: First-1, or the checkpoint's
	Before   uint64 // readings that were in the log up to there
	Records  uint64 // of the log since it began, those published twice included
	Events   uint64 // new ones among those in the records
	Readings uint64
	Repeats  uint64 // readings that stand in the log again, dropped
	Repeated uint64 // records published twice, dropped
	Devices  uint64
	Rows     uint64 // of the CSV, its header not counted
	Without  uint64 // readings behind that record that have none of its columns, and no row

	Missing []csvfile.Span // of Rows, those up to there that are in no file any more

	// Checkpoint says that no snapshot of what was trimmed is whole, and that the check
	// began with the checkpoint.
	Checkpoint bool
}

// Data checks a log and its CSV file. The error is the first discrepancy: a
// *csvfile.DiscrepancyError with the line, a *views.LostRecordsError, or
// another of the log or the file system; the Result then says how far all was
// well. Further views are handed the same entries; a test has its own checks.
func Data(ctx context.Context, src views.Source, csv string, more ...views.View) (Result, error) {
	return Folder(ctx, src, "", csv, more...)
}

// Folder is Data for a log whose snapshots may be lost: the checkpoint in the folder dir
// then does, as for a server. What the log still has before that is read for its
// checksums alone.
func Folder(ctx context.Context, src views.Source, dir, csv string, more ...views.View) (Result, error) {
	rows, err := csvfile.OpenChecker(csv, src.ID())
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = rows.Close() }() // read only
	reg := registry.New()
	run, err := replay(ctx, src, dir, append([]views.View{rows, reg}, more...)...)
	res := Result{
		First: views.First(src), Behind: run.behind, Before: run.before.Readings, Checkpoint: run.checkpoint,
		Records: run.Records, Repeated: run.RepeatedRecords, Events: run.Events,
		Readings: run.Readings, Repeats: run.Repeats, Devices: reg.Counts().Devices,
	}
	if err != nil {
		return res, err
	}
	begun := rows.Begun()
	if res.Rows, err = rows.Finish(); err != nil {
		return res, err
	}
	res.Without, res.Missing = rows.Without(), rows.Missing()
	return res, agree(res, res.Rows-begun, reg)
}

// agree compares the counts of log, CSV and registry; added is how many rows the CSV
// has since the log begins.
func agree(res Result, added uint64, reg *registry.Registry) error {
	if now := res.Readings - res.Before; added+res.Without != now {
		return fmt.Errorf("the log has %d readings, the CSV has %d rows and none for %d", now, added, res.Without)
	}
	sum := uint64(0)
	for _, d := range reg.List() {
		sum += d.Readings
	}
	if sum > res.Readings || reg.Counts().Readings != res.Readings {
		return fmt.Errorf("the log has %d readings, the devices have %d", res.Readings, sum)
	}
	return nil
}

// run is what a replay has seen.
type run struct {
	views.Stats
	before     views.Stats // when it began
	behind     uint64      // the record behind which it did
	checkpoint bool        // it began with the checkpoint
}

// Replay hands the whole log, as it is now, to views, through a decider of its
// own. The error is the log's, the decider's, or the first of a view.
func Replay(ctx context.Context, src views.Source, to ...views.View) (views.Stats, error) {
	r, err := replay(ctx, src, "", to...)
	return r.Stats, err
}

func replay(ctx context.Context, src views.Source, dir string, to ...views.View) (r run, err error) {
	d, fromCheckpoint, err := views.Begin(ctx, src, dir, to...)
	if err != nil {
		return r, err
	}
	r.behind, r.checkpoint = d.Position(), fromCheckpoint
	if first := views.First(src); fromCheckpoint && first <= r.behind {
		if err := src.Read(ctx, first, r.behind, func(vaiven.Record) error { return nil }); err != nil {
			return r, err
		}
	}
	r.Stats, r.before = d.Stats(), d.Stats()
	last, err := src.Last(ctx)
	if err != nil || last == 0 {
		return r, err
	}
	snapshots, err := views.OpenSnapshots(ctx, src)
	if err != nil {
		return r, err
	}
	first := max(d.Position()+1, views.First(src))
	if first <= last {
		err = src.Read(ctx, first, last, func(rec vaiven.Record) error {
			entries, err := d.Decide(rec)
			if err != nil {
				return err
			}
			for _, v := range to {
				if len(entries) == 0 {
					break
				}
				if err := v.Apply(rec.Seq, entries); err != nil {
					return err
				}
			}
			return snapshots.Compare(ctx, d)
		})
	}
	r.Stats = d.Stats()
	if n := r.Records - r.before.Records; err == nil && n != last+1-first {
		err = fmt.Errorf("the log says that it has %d records, and handed on %d", last+1-first, n)
	}
	return r, err
}
