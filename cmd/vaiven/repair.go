package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"vaiven/internal/csvfile"
	"vaiven/internal/stream"
	"vaiven/internal/views"
)

// repair sets the log, its checkpoint and its CSV aside, and begins a new log
// behind everything that is known of the old one. The old log is moved last
// and the new one is made before: if we die in between, doctor finds the old
// log still in its place, or the new one ready beside it.
func (a *app) repair(ctx context.Context) error {
	for _, path := range []string{a.c.csvPath(), a.c.sheetPath()} {
		l, err := csvfile.Lock(path, absolute(a.c.Data))
		if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, os.ErrNotExist) {
			return a.viewError(err)
		}
		if l != nil {
			defer l.Remove()
		}
	}
	first := a.behind(ctx)
	aside := filepath.Join(a.c.Data, "aside-"+time.Now().Format("20060102-150405"))
	if err := os.MkdirAll(aside, 0o755); err != nil {
		return a.folderError(aside, err)
	}
	fresh := filepath.Join(aside, "new-log")
	if err := a.makeLog(ctx, fresh, first); err != nil {
		return err
	}
	csv, sheet := a.c.csvPath(), a.c.sheetPath()
	for _, path := range []string{sheet, sheet + csvfile.SidecarSuffix, csv, csv + csvfile.SidecarSuffix, filepath.Join(a.c.Data, views.CheckpointName), logDir(a.c.Data)} {
		err := os.Rename(path, filepath.Join(aside, filepath.Base(path)))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf(a.say("set aside: %w", "apartar: %w"), err)
		}
	}
	if err := os.Rename(fresh, logDir(a.c.Data)); err != nil {
		return fmt.Errorf(a.say("new log: %w", "registro nuevo: %w"), err)
	}
	_, err := fmt.Fprintf(a.out, a.say("everything that was there is in %s; a new log begins with record %d\n",
		"todo lo que había está en %s; un registro nuevo empieza en la entrada %d\n"), aside, first)
	return err
}

func (a *app) makeLog(ctx context.Context, dir string, first uint64) error {
	log, err := stream.Open(ctx, stream.Options{Dir: dir, FirstSeq: first, Stamp: a.clock.stamp, Logger: a.logger})
	if err != nil {
		return a.logError(err)
	}
	if err := log.Close(); err != nil {
		return a.logError(err)
	}
	return nil
}

// beyond is how far behind the last known record a new log begins. Witnesses
// may know a little less than what was acknowledged before a power cut, and ids
// are plenty.
const beyond = 1 << 20

// behind is where a new log begins, so that no id of the old one is used again.
func (a *app) behind(ctx context.Context) uint64 {
	known := views.CheckpointPosition(a.c.Data)
	if acked, err := stream.Acknowledged(logDir(a.c.Data)); err == nil {
		known = max(known, acked)
	}
	log, err := stream.Open(ctx, stream.Options{Dir: logDir(a.c.Data), Stamp: a.clock.stamp, Logger: a.logger})
	if err == nil {
		if last, err := log.Last(ctx); err == nil {
			known = max(known, last)
		}
		_ = log.Close()
	}
	return known + beyond
}
