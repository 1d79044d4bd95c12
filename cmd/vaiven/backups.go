package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"vaiven/internal/backup"
)

// Names of backups in a folder tell when they were begun.
const (
	backupPattern = "vaiven-*Z.backup"
	backupLayout  = "vaiven-20060102-150405Z.backup"
)

func backupName(at time.Time) string { return at.UTC().Format(backupLayout) }

// storedBackup is one that a folder holds.
type storedBackup struct {
	path string
	at   time.Time
	log  string
}

// stored lists the backups of a folder, the oldest first. What has such a name, and is
// none, is not among them.
func stored(dir string) []storedBackup {
	names, _ := os.ReadDir(dir) // a folder that is away has none
	var list []storedBackup
	for _, n := range names {
		path := filepath.Join(dir, n.Name())
		if ours, _ := filepath.Match(backupPattern, n.Name()); !ours { // the pattern is right
			continue
		}
		if h, err := headerOf(path); err == nil && filepath.Base(path) == backupName(h.At) {
			list = append(list, storedBackup{path, h.At, h.Log})
		}
	}
	slices.SortFunc(list, func(a, b storedBackup) int { return a.at.Compare(b.at) })
	return list
}

func headerOf(path string) (backup.Header, error) {
	f, err := os.Open(path)
	if err != nil {
		return backup.Header{}, err
	}
	defer f.Close()
	r, err := backup.NewReader(f)
	if err != nil {
		return backup.Header{}, err
	}
	defer r.Close()
	return r.Header(), nil
}

// notRemovedError says that a backup was made, and an old one could not be removed.
type notRemovedError struct{ error }

func (e *notRemovedError) Unwrap() error { return e.error }

// checkName refuses a name in the folder that is another server's, or no backup: two
// that keep their backups there can begin them in the same second. One of this log from
// the same second, or from before the clock was set back, gives way to the new one.
func (b *backupJob) checkName(path, log string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if h, err := headerOf(path); err == nil && h.Log == log {
		return nil
	}
	return hinted(fmt.Errorf(b.say("%s is there, and is not of this server", "%s ya existe, y no es de este servidor"), path),
		b.say("nothing was changed: try again", "no se cambió nada: inténtalo otra vez"))
}

// removeOld removes the oldest backups of the log whose newest one was just written and
// checked, until so many are left as are kept. Those of another server stay, and so
// does the new one, wherever the clock that named it stands. If we die before, or
// between two, the next one removes them. The error is a *notRemovedError.
func (b *backupJob) removeOld(newest backup.Header) error {
	if b.keep == 0 {
		return nil
	}
	mine := slices.DeleteFunc(stored(b.target), func(s storedBackup) bool { return s.log != newest.Log || s.at.Equal(newest.At) })
	for _, s := range mine[:max(len(mine)-(b.keep-1), 0)] {
		if err := os.Remove(s.path); err != nil {
			return &notRemovedError{hinted(fmt.Errorf(b.say("an old backup cannot be removed: %v", "no se puede borrar una copia antigua: %v"), err),
				b.say("the new one is whole. Remove that one by hand, or correct its owner", "la nueva está completa. Bórrala a mano, o corrige su dueño"))}
		}
		if _, err := fmt.Fprintf(b.out, b.say("%s: removed, %d are kept\n", "%s: borrada, se conservan %d\n"), s.path, b.keep); err != nil {
			return err
		}
	}
	return nil
}

const (
	// wakeEvery is how often the clock is looked at: it may be set meanwhile.
	wakeEvery = time.Minute
	// A backup that failed is tried again after firstRetry, and then after twice as
	// long each time, up to lastRetry.
	firstRetry = 5 * time.Second
	lastRetry  = 10 * time.Minute
)

// repeat makes backups until it is interrupted. It counts from the newest one in the
// folder, so that a restart of this computer makes none too many. A server that is
// away, a stick that is not there and a disk that is full are waited for; what is
// wrong is said once.
func (b *backupJob) repeat(ctx context.Context) error {
	due, retry, said := b.firstDue(time.Now()), firstRetry, ""
	if time.Until(due) > 0 {
		b.tellDue(due)
	}
	for b.wait(ctx, due) {
		err := b.fromServer(ctx, "")
		switch {
		case b.made(err):
			due, retry, said = time.Now().Add(b.every), firstRetry, ""
			b.tellDue(due)
		case ctx.Err() != nil:
		default:
			if text := err.Error(); text != said {
				b.printError(err)
				said = text
			}
			pause := min(retry, b.every)
			due, retry = time.Now().Add(pause), min(2*retry, lastRetry)
		}
	}
	return nil
}

// made reports whether a backup was made: an old one that cannot be removed is told, and
// no reason for more of them.
func (b *backupJob) made(err error) bool {
	var left *notRemovedError
	if errors.As(err, &left) {
		b.printError(err)
	}
	return err == nil || left != nil
}

// tellDue says when the next backup is made.
func (b *backupJob) tellDue(due time.Time) {
	fmt.Fprintf(b.out, b.say("the next one: %s\n", "la siguiente: %s\n"), due.Local().Format(time.DateTime))
}

// firstDue is when the next backup is due after those that are there. A clock that goes
// behind them says nothing: then it is due now.
func (b *backupJob) firstDue(now time.Time) time.Time {
	list := stored(b.target)
	if len(list) == 0 {
		return now
	}
	if newest := list[len(list)-1].at; newest.Before(now) {
		return newest.Add(b.every)
	}
	return now
}

// wait waits until it is due by the clock, and returns false when it was interrupted.
func (b *backupJob) wait(ctx context.Context, due time.Time) bool {
	for {
		left := time.Until(due.Round(0)) // by the clock that people see
		if left > b.every {
			left = 0 // that was set back
		}
		if ctx.Err() != nil || left <= 0 {
			return ctx.Err() == nil
		}
		select {
		case <-time.After(min(left, wakeEvery)):
		case <-ctx.Done():
		}
	}
}
