// Package verify proves that the views of a log hold what the log says: it
// replays the log through a decider of its own, compares the CSV file row by
// row, and counts along with a registry.
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
	Records  uint64 // in the log, those published twice included
	Events   uint64 // new ones among those in the records
	Readings uint64
	Repeats  uint64 // readings that stand in the log again, dropped
	Repeated uint64 // records published twice, dropped
	Devices  uint64
	Rows     uint64 // of the CSV, its header not counted
	Without  uint64 // readings that have none of its columns, and no row
}

// Data checks a log and its CSV file. The error is the first discrepancy: a
// *csvfile.DiscrepancyError with the line, a *views.LostRecordsError, or
// another of the log or the file system; the Result then says how far all was
// well. Further views are handed the same entries; a test has its own checks.
func Data(ctx context.Context, src views.Source, csv string, more ...views.View) (Result, error) {
	rows, err := csvfile.OpenChecker(csv, src.ID())
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = rows.Close() }() // read only
	reg := registry.New()
	stats, err := Replay(ctx, src, append([]views.View{rows, reg}, more...)...)
	res := Result{
		Records: stats.Records, Repeated: stats.RepeatedRecords, Events: stats.Events,
		Readings: stats.Readings, Repeats: stats.Repeats, Devices: reg.Counts().Devices,
	}
	if err != nil {
		return res, err
	}
	if res.Rows, err = rows.Finish(); err != nil {
		return res, err
	}
	res.Without = rows.Without()
	return res, agree(res, reg)
}

// agree compares the counts of log, CSV and registry.
func agree(res Result, reg *registry.Registry) error {
	if res.Rows+res.Without != res.Readings {
		return fmt.Errorf("the log has %d readings, the CSV has %d rows and none for %d", res.Readings, res.Rows, res.Without)
	}
	sum := uint64(0)
	for _, d := range reg.List() {
		sum += d.Readings
	}
	if sum != res.Readings || reg.Counts().Readings != res.Readings {
		return fmt.Errorf("the log has %d readings, the devices have %d", res.Readings, sum)
	}
	return nil
}

// Replay hands the whole log, as it is now, to views, through a decider of its
// own. The error is the log's, the decider's, or the first of a view.
func Replay(ctx context.Context, src views.Source, to ...views.View) (views.Stats, error) {
	d := views.NewDecider(src.ID())
	last, err := src.Last(ctx)
	if err != nil || last == 0 {
		return d.Stats(), err
	}
	first := views.First(src)
	err = src.Read(ctx, first, last, func(rec vaiven.Record) error {
		entries, err := d.Decide(rec)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, v := range to {
			if err := v.Apply(rec.Seq, entries); err != nil {
				return err
			}
		}
		return nil
	})
	if n := d.Stats().Records; err == nil && n != last-first+1 {
		err = fmt.Errorf("the log says that it has %d records, and handed on %d", last-first+1, n)
	}
	return d.Stats(), err
}
