package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"

	"vaiven"
	"vaiven/internal/backup"
	"vaiven/internal/stream"
	"vaiven/internal/views"
)

// Backup writes a backup of the running server to out: the log up to the record that
// is the last when it begins, and the files as they are then. Boards are served
// meanwhile; the log is not trimmed, unless the disk gets full. It ends with the server.
// The error is out's, the log's or a file's, or says that the log's trimming hangs; what
// was written by then is known to be cut off.
func (s *Server) Backup(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	release, err := s.pump.Hold(ctx)
	if err != nil {
		return s.explain.Backup("", err)
	}
	defer release()
	if s.history != nil {
		defer s.history.Hold()()
	}
	return WriteBackup(ctx, s.log, s.o, out)
}

// WriteBackup writes a backup of the log, and of the files of the folder that o names,
// whose server may run or not.
//
// The order is what makes it consistent: first it is seen which snapshots there are,
// then the files are opened and measured, then the log's last record is asked for. So
// the files have all that the snapshots count on; and since they only grow, and what is
// in them comes of records that are in the log, they never know more than the log that
// is written with them. What they lack is made of the log when the backup is restored.
func WriteBackup(ctx context.Context, log *stream.Log, o Options, out io.Writer) error {
	h := backup.Header{Version: o.Version, At: time.Now().UTC(), Log: log.ID(), Genesis: log.Genesis(), First: log.First()}
	infos, err := log.Snapshots(ctx)
	if err != nil {
		return err
	}
	for _, s := range infos {
		if s.Pos+1 >= h.First { // others serve nobody
			h.Snapshots = append(h.Snapshots, backup.Snapshot{Pos: s.Pos, At: s.At, Size: s.Size})
		}
	}
	files, err := findKeptFiles(&o, h.Log)
	if err != nil {
		return err
	}
	defer files.close()
	if h.Last, err = log.Last(ctx); err != nil {
		return err
	}
	if files.csv {
		h.CSV = filepath.Base(o.CSVPath())
	}
	count, err := newTally(ctx, log)
	if err != nil {
		return err
	}
	w, err := backup.NewWriter(out, h)
	if err != nil {
		return err
	}
	for _, s := range h.Snapshots {
		data, err := log.Snapshot(ctx, s.Pos)
		if err == nil {
			err = w.Snapshot(data)
		}
		if err != nil {
			return err
		}
	}
	err = log.ReadRaw(ctx, h.First, h.Last, func(seq uint64, record []byte) error {
		if err := count.add(seq, record); err != nil {
			return err
		}
		return w.Record(seq, record)
	})
	if err != nil {
		return err
	}
	if err := files.write(ctx, w); err != nil {
		return err
	}
	if err := w.Totals(count.totals()); err != nil {
		return err
	}
	return w.Close()
}

// tally counts the readings of a log while its records are copied: each once, as the
// views do. A log of which they could make nothing makes no backup either.
type tally struct {
	decider  *views.Decider
	before   uint64 // readings up to where the decider begins
	early    uint64 // of them, in records that the log still has
	from, to int64  // Unix ms
}

func newTally(ctx context.Context, log *stream.Log) (*tally, error) {
	d, _, err := views.Begin(ctx, log, "")
	if err != nil {
		return nil, err
	}
	return &tally{decider: d, before: d.Stats().Readings}, nil
}

// add counts a record. The log may begin before the snapshot that says what is in front
// of it: what is between is in the snapshot already.
func (t *tally) add(seq uint64, record []byte) error {
	rec, err := stream.DecodeRecord(seq, record)
	if err != nil {
		return err
	}
	if seq <= t.decider.Position() {
		for _, ev := range rec.Events {
			if r, ok := ev.(*vaiven.Reading); ok {
				t.early++
				t.at(r)
			}
		}
		return nil
	}
	entries, err := t.decider.Decide(rec)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if r, ok := e.Event.(*vaiven.Reading); ok {
			t.at(r)
		}
	}
	return nil
}

func (t *tally) at(r *vaiven.Reading) {
	if t.from == 0 || r.At < t.from {
		t.from = r.At
	}
	t.to = max(t.to, r.At)
}

func (t *tally) totals() backup.Totals {
	return backup.Totals{Readings: t.decider.Stats().Readings, Trimmed: t.before - min(t.early, t.before), From: t.from, To: t.to}
}

// noSpace reports whether a disk is full, for us at least.
func noSpace(err error) bool {
	var low *stream.LowDiskError
	return errors.As(err, &low) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// Backup explains why a backup cannot be written or read. path is the backup's file.
func (x Explainer) Backup(path string, err error) error {
	again := x.Lang.Say("it is of no use: take an older one, or make a new one", "no sirve: usa una anterior, o haz una nueva")
	var failed *fs.PathError
	var trimmed *stream.TrimmedError
	var held *views.HoldError
	var lost *views.LostRecordsError
	var at *backup.PlaceError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, backup.ErrNotABackup):
		return &Error{fmt.Sprintf(x.Lang.Say("%s is not a backup of vaiven", "%s no es una copia de seguridad de vaiven"), path),
			x.Lang.Say("name a file that `vaiven backup` wrote", "indica un archivo que escribió `vaiven backup`"), err}
	case errors.Is(err, backup.ErrLater):
		return &Error{fmt.Sprintf(x.Lang.Say("%s was written by a later vaiven", "%s la escribió un vaiven más nuevo"), path),
			x.Lang.Say("use that version", "usa esa versión"), err}
	case errors.Is(err, backup.ErrCut):
		text := fmt.Sprintf(x.Lang.Say("%s was cut off", "%s quedó cortada"), path)
		if errors.As(err, &at) {
			text += fmt.Sprintf(x.Lang.Say(": from byte %d on not all is there", ": desde el byte %d no está todo"), at.Byte)
		}
		return &Error{text, again, err}
	case errors.Is(err, backup.ErrDamaged):
		text := fmt.Sprintf(x.Lang.Say("%s is damaged", "%s está dañada"), path)
		if errors.As(err, &at) {
			text += fmt.Sprintf(x.Lang.Say(", near byte %d", ", cerca del byte %d"), at.Byte)
		}
		return &Error{text, again, err}
	case errors.Is(err, backup.ErrName):
		return &Error{fmt.Sprintf(x.Lang.Say("the CSV's name stands in the way: %v", "el nombre del CSV lo impide: %v"), err),
			x.Lang.Say("no file was written. Rename it, with letters, digits, spaces and . _ - ( ), and give the new name with --csv",
				"no se escribió ningún archivo. Renómbralo, con letras, cifras, espacios y . _ - ( ), y da el nombre nuevo con --csv"), err}
	case errors.As(err, &trimmed):
		return &Error{x.Lang.Say("old records were trimmed while the backup was written", "se quitaron entradas antiguas mientras se hacía la copia de seguridad"),
			x.Lang.Say("make it again", "hazla otra vez"), err}
	case errors.As(err, &lost) && lost.Beginning:
		return &Error{lost.Text(x.Lang), x.Lang.Say("no backup was written. Start the server, which takes a new snapshot as soon as it records something, and make it then",
			"no se escribió ninguna copia. Inicia el servidor, que hace una instantánea nueva en cuanto registra algo, y hazla entonces"), err}
	case errors.As(err, &lost):
		return x.Views(err)
	case errors.As(err, &held):
		return &Error{held.Text(x.Lang), x.Lang.Say("no backup was begun. `vaiven doctor` looks at the disk; starting the server again ends what hangs",
			"no se empezó ninguna copia. `vaiven doctor` mira el disco; un nuevo arranque termina lo que no responde"), err}
	case noSpace(err):
		return &Error{x.Lang.Say("the disk is full", "el disco está lleno"),
			x.Lang.Say("make room, or choose another disk; what was there is as it was", "libera espacio, o elige otro disco; lo que había está como estaba"), err}
	case errors.As(err, &failed) && !errors.Is(err, fs.ErrNotExist):
		return x.Folder(failed.Path, err)
	}
	return err
}
