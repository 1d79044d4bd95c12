package views_test

import (
	"context"
	"errors"
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vaiven"
	"vaiven/internal/csvfile"
	"vaiven/internal/registry"
	"vaiven/internal/twin"
	"vaiven/internal/views"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenFolder is a data folder as an earlier vaiven left it, with CSV, registry
// and twin in its checkpoint. It is never written anew for a change of the code: a
// folder of before must open and go on.
var goldenFolder = filepath.Join("testdata", "folder")

// goldenCheckpoint is the same checkpoint with the CSV alone: its format does not
// change without a new version.
var goldenCheckpoint = filepath.Join("testdata", "checkpoint-4")

var goldenFiles = []string{views.CheckpointName, "readings.csv", "readings.csv" + csvfile.SidecarSuffix}

// logOfFolder is the log that goldenFolder stands behind. It has every kind of
// event, and each of the pump's decisions.
func logOfFolder() *views.MemLog {
	log := views.NewMemLog()
	at := func(i int) vaiven.Stamp { return views.TestStamp(i) }
	read := views.TestReading
	value := func(name string, num float64) []vaiven.Value { return []vaiven.Value{{Name: name, Num: num}} }

	log.Add(
		&vaiven.Presence{Stamp: at(0), Device: "101", Connected: true, Remote: "192.168.0.31"},
		&vaiven.Hello{Stamp: at(0), Device: "101", Boot: "aaaaaaaa", Oldest: 1, Next: 1, Up: 900, FW: "1.2", States: value("LED", 0), Names: []string{"RELAY"}},
		&vaiven.Described{Stamp: at(0), Device: "101", Name: "Ventana", Note: "al norte", Groups: []string{"sala"}},
		&vaiven.SessionStart{Stamp: at(0), Device: "101", Readings: 12, Interval: 2000},
	)
	for seq := uint64(1); seq <= 9; seq++ {
		log.Add(read("101", "aaaaaaaa", seq), read("101", "aaaaaaaa", max(seq-1, 1)), read("007", "bbbbbbbb", 2*seq))
	}
	last := log.Add(read("101", "aaaaaaaa", 10))
	log.Raw(vaiven.Record{Writer: 7, N: last, Events: []vaiven.Event{read("101", "aaaaaaaa", 10)}}) // published twice
	log.Raw(vaiven.Record{Writer: 9, N: 1, Events: []vaiven.Event{
		&vaiven.Refusal{Stamp: at(11), Device: "101", Boot: "aaaaaaaa", Seq: 11, Code: vaiven.CodeOutOfRange},
		&vaiven.Gap{Stamp: at(11), Device: "101", Boot: "aaaaaaaa", From: 12, To: 19},
		&vaiven.Rejected{Stamp: at(11), Device: "101", Code: vaiven.CodeOutOfRange, Count: 3, Text: "TEMP 999", Remote: "192.168.0.31"},
		&vaiven.Conflict{Stamp: at(12), Device: "007", Remotes: []string{"192.168.0.7", "192.168.0.8"}},
		read("101", "aaaaaaaa", 20), read("101", "aaaaaaaa", 14), // the second fills the gap
		&vaiven.Reading{Stamp: at(13), Device: "lora-1", Values: value("CO2", 415)},
		&vaiven.Reading{Stamp: at(13), Device: "lora-1", Values: value("HUM", 55.5), Uncounted: true},
		&vaiven.Reading{Stamp: at(14), Device: "101", Boot: "aaaaaaaa", Seq: 9, Values: value("TEMP", 99)}, // a BOOT used twice
	}})
	change := func(i, key int, dev vaiven.Device, name string, num float64) *vaiven.Change {
		return &vaiven.Change{Stamp: at(i), Device: dev, Key: views.TestKey(key), States: value(name, num), By: "terminal"}
	}
	late := change(22, 3, "101", "RELAY", 1)
	late.Deadline = at(40).At
	log.Add(
		change(20, 1, "101", "LED", 1), &vaiven.Sent{Stamp: at(20), Device: "101", Key: views.TestKey(1), Rev: 1},
		&vaiven.Report{Stamp: at(21), Device: "101", Boot: "aaaaaaaa", Rev: 1, States: value("LED", 1)},
		&vaiven.ChangeEnd{Stamp: at(21), Device: "101", Key: views.TestKey(1), Rev: 1, Outcome: vaiven.Confirmed},
		&vaiven.ChangeEnd{Stamp: at(21), Device: "101", Key: views.TestKey(1), Rev: 1, Outcome: vaiven.Expired}, // the first end counts
		change(22, 2, "101", "LED", 0), late,
		change(23, 4, "101", "LED", 1), // overtakes 2, whose end is not in the log yet
		&vaiven.Change{Stamp: at(23), Device: "101", Key: views.TestKey(5), Toggle: []string{"LED"}, HasIf: true, If: 1, By: "api"},
		change(24, 6, "007", "DIM", 40), &vaiven.Forgotten{Stamp: at(24), Device: "gone"},
		&vaiven.SessionEnd{Stamp: at(25), Device: "101", Reason: vaiven.EndReadings, Count: 12},
	)
	for seq := uint64(1); seq <= 20; seq++ { // beyond what is remembered by SEQ
		log.Add(read("101", "cccccccc", seq))
	}
	log.Add(&vaiven.Presence{Stamp: at(50), Device: "101", Reason: "ping"})
	return log
}

// behind is a log that may be read from some record on only.
type behind struct {
	*views.MemLog
	t    *testing.T
	from uint64
}

func (b *behind) Read(ctx context.Context, from, to uint64, fn func(vaiven.Record) error) error {
	if from < b.from {
		b.t.Errorf("read from record %d on, want %d", from, b.from)
	}
	return b.MemLog.Read(ctx, from, to, fn)
}

// openGolden opens a data folder with the CSV and other views, closes it, and
// returns its pump. Nothing may be told.
func openGolden(t *testing.T, src views.Source, dir string, others ...views.View) *views.Pump {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 11, 22, 9, 15, 0, 0, time.UTC) }
	csv, err := csvfile.Open(csvfile.Options{
		Path: csvPath(dir), Log: src.ID(), Zone: "America/Bogota", Columns: []string{"TEMP", "HUM"}, Digits: csvfile.ThreeFigures, Now: now,
		Notify: func(n csvfile.Notice) { t.Errorf("told: %s", n.Text(vaiven.English)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	pump, err := views.Open(t.Context(), views.Options{
		Source: src, Views: append([]views.View{csv}, others...), Dir: dir, Now: now,
		Notify: func(n views.Notice) { t.Errorf("told: %s", n.Text(vaiven.English)) },
	})
	if err == nil {
		err = pump.Close()
	}
	if err = errors.Join(err, csv.Close()); err != nil {
		t.Fatal(err)
	}
	return pump
}

// TestTheFolderIsWrittenAsBefore holds the formats of checkpoint, CSV and sidecar.
func TestTheFolderIsWrittenAsBefore(t *testing.T) {
	log, dir := logOfFolder(), t.TempDir()
	openGolden(t, log, dir)
	if *update {
		mustWrite(t, goldenCheckpoint, mustRead(t, filepath.Join(dir, views.CheckpointName)))
	}
	for _, name := range goldenFiles {
		golden := filepath.Join(goldenFolder, name)
		if name == views.CheckpointName {
			golden = goldenCheckpoint
		}
		if diff := cmp.Diff(mustRead(t, golden), mustRead(t, filepath.Join(dir, name))); diff != "" {
			t.Errorf("%s as it was written, and as it is now: %s", name, diff)
		}
	}
}

// TestAFolderOfBeforeOpensAndGoesOn: what an earlier vaiven left is read without a
// word and without replaying the log, and goes on as if it were our own.
func TestAFolderOfBeforeOpensAndGoesOn(t *testing.T) {
	old, log := t.TempDir(), logOfFolder()
	for _, name := range goldenFiles {
		mustWrite(t, filepath.Join(old, name), mustRead(t, filepath.Join(goldenFolder, name)))
	}
	position, _ := log.Last(t.Context())
	log.Add(
		views.TestReading("101", "cccccccc", 20), views.TestReading("101", "cccccccc", 21), // a repeat, and a new one
		views.TestReading("101", "aaaaaaaa", 15), // fills the gap
		&vaiven.ChangeEnd{Stamp: views.TestStamp(60), Device: "101", Key: views.TestKey(2), Rev: 2, Outcome: vaiven.Overtaken},
		&vaiven.ChangeEnd{Stamp: views.TestStamp(60), Device: "101", Key: views.TestKey(1), Rev: 1, Outcome: vaiven.Expired}, // ended before
	)
	kept := twin.New(twin.Options{})
	went := openGolden(t, &behind{log, t, position + 1}, old, registry.New(), kept)
	if s := went.Stats(); s.Repeats != 11 || s.Different != 1 || s.Filled != 2 || s.RepeatedRecords != 1 {
		t.Errorf("stats %+v", s)
	}

	fresh, replayed := t.TempDir(), twin.New(twin.Options{})
	again := openGolden(t, log, fresh, registry.New(), replayed)
	if diff := cmp.Diff(views.DeciderState(again), views.DeciderState(went)); diff != "" {
		t.Errorf("the decider after a replay, and after going on: %s", diff)
	}
	if diff := cmp.Diff(replayed.List(), kept.List(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the twin after a replay, and after going on: %s", diff)
	}
	if diff := cmp.Diff(mustRead(t, csvPath(fresh)), mustRead(t, csvPath(old))); diff != "" {
		t.Errorf("the CSV after a replay, and after going on: %s", diff)
	}
}
