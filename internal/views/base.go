package views

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"vaiven"
)

// Archive is a Source that keeps snapshots beside its records: each is what a
// checkpoint holds, as it was behind the record at its position.
type Archive interface {
	// Snapshots lists those that are whole, by their positions.
	Snapshots(ctx context.Context) ([]vaiven.SnapshotInfo, error)
	// Snapshot returns the one at pos.
	Snapshot(ctx context.Context, pos uint64) ([]byte, error)
}

// Based is a View whose own data may be gone while the log does not begin at its
// beginning any more.
type Based interface {
	// RestoreBase makes the state that of the snapshot, as well as that can be done
	// with what the view still has; what is missing stays missing. The pump calls it
	// instead of Restore(nil) when the log has been trimmed.
	RestoreBase(snapshot []byte) error
	// BaseOf is the name of the view whose snapshot serves where the view's own is not
	// there yet, "" for none.
	BaseOf() string
}

// beginning is the state in front of a log's first record.
func beginning(src Source) *checkpoint {
	return &checkpoint{log: src.ID(), decider: NewDecider(src.ID())}
}

// loadBase returns the state from which the log can be read: that of the oldest
// snapshot that is whole, or of nothing for a log that still begins at its beginning.
func loadBase(ctx context.Context, src Source) (*checkpoint, error) {
	a, ok := src.(Archive)
	for ok {
		first := First(src)
		whole, err := beginsAsLog(ctx, src, first)
		if err == nil && whole {
			break
		}
		var list []vaiven.SnapshotInfo
		if err == nil {
			list, err = a.Snapshots(ctx)
		}
		for _, s := range list {
			if s.Pos+1 < first {
				continue // its turn has passed
			}
			c, failed := readSnapshot(ctx, src, a, s.Pos)
			if failed == nil {
				return c, nil
			}
			err = &baseError{failed}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
		if first != First(src) { // it was trimmed meanwhile
			continue
		}
		if err == nil {
			err = &LostRecordsError{Seq: first, Beginning: true}
		}
		return nil, err
	}
	return beginning(src), nil
}

// baseError says that a snapshot in front of the log's first record is not whole.
type baseError struct{ error }

func (e *baseError) Unwrap() error { return e.error }

// loadBaseOr is loadBase where the checkpoint in the folder dir ("": there is none) does
// for snapshots that are lost or damaged, if it is of this log and reaches its first
// record: as a server starts.
func loadBaseOr(ctx context.Context, src Source, dir string) (base *checkpoint, fromCheckpoint bool, err error) {
	base, err = loadBase(ctx, src)
	var none *LostRecordsError
	var damaged *baseError
	if err == nil || dir == "" || ctx.Err() != nil || !errors.As(err, &none) && !errors.As(err, &damaged) {
		return base, false, err
	}
	last, lerr := src.Last(ctx)
	if lerr != nil {
		return nil, false, lerr
	}
	c, cerr := readCheckpoint(dir)
	if cerr != nil || c.log != src.ID() || c.pos > last || c.pos+1 < First(src) {
		return nil, false, &LostRecordsError{Seq: First(src), Beginning: true}
	}
	return c, true, nil
}

// beginsAsLog reports whether the record first is a log's first one. An empty log will
// have one.
func beginsAsLog(ctx context.Context, src Source, first uint64) (yes bool, err error) {
	last, err := src.Last(ctx)
	if err != nil || last < first {
		return err == nil, err
	}
	err = src.Read(ctx, first, first, func(rec vaiven.Record) error {
		if len(rec.Events) > 0 {
			_, yes = rec.Events[0].(*vaiven.LogStart)
		}
		return nil
	})
	return yes, err
}

// newestSnapshot returns the newest one that is whole and not behind last, the log's
// last record, nil when there is none.
func newestSnapshot(ctx context.Context, src Source, last uint64) (*checkpoint, error) {
	a, ok := src.(Archive)
	if !ok {
		return nil, nil
	}
	list, err := a.Snapshots(ctx)
	if err != nil {
		return nil, fmt.Errorf("snapshots: %w", err)
	}
	for _, s := range slices.Backward(list) {
		if s.Pos > last || s.Pos+1 < First(src) {
			continue
		}
		if c, err := readSnapshot(ctx, src, a, s.Pos); err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, nil
}

// readSnapshot reads a snapshot, and sees that it is what it should be.
func readSnapshot(ctx context.Context, src Source, a Archive, pos uint64) (*checkpoint, error) {
	b, err := a.Snapshot(ctx, pos)
	if err != nil {
		return nil, fmt.Errorf("snapshot %d: %w", pos, err)
	}
	c, err := parseCheckpoint(b)
	if err == nil && (c.pos != pos || c.log != src.ID()) {
		err = errDamaged
	}
	if err != nil {
		return nil, fmt.Errorf("snapshot %d: %w", pos, err)
	}
	return c, nil
}

// restoreBase brings a view to a base. One that the base does not know begins with
// nothing; so does one that can do nothing with what it holds.
func (c *checkpoint) restoreBase(v View) error {
	snap, known := c.views[v.Name()]
	if b, ok := v.(Based); ok {
		if !known {
			snap, known = c.views[b.BaseOf()]
		}
		if known {
			return b.RestoreBase(snap)
		}
	}
	res, ok := v.(Restorer)
	if !ok {
		return nil
	}
	if known {
		if err := res.Restore(snap); err == nil || rewinds(err) || fatal(err) {
			return err
		}
	}
	return res.Restore(nil)
}

// sayMissed tells a view that it lacks what it has not of the records up to last.
func sayMissed(ctx context.Context, src Source, v View, last uint64) error {
	g, ok := v.(Gapped)
	if !ok || g.Kept() >= last {
		return nil
	}
	at := int64(0)
	end, err := src.Last(ctx)
	if err == nil && end > last {
		err = src.Read(ctx, last+1, last+1, func(rec vaiven.Record) error {
			if len(rec.Events) > 0 {
				at = rec.Events[0].Time().At
			}
			return nil
		})
	}
	if err != nil {
		return err
	}
	g.Missed(g.Kept()+1, last, at)
	return nil
}

// Begin brings views to where the log begins, and returns the decider that reads it
// from there. With the folder of a checkpoint, dir, that stands in where no snapshot is
// whole: the decider then is behind it, and what the log still has before is not read.
func Begin(ctx context.Context, src Source, dir string, to ...View) (d *Decider, fromCheckpoint bool, err error) {
	base, fromCheckpoint, err := loadBaseOr(ctx, src, dir)
	if err != nil {
		return nil, false, err
	}
	for _, v := range to {
		err := base.restoreBase(v)
		if err == nil {
			err = sayMissed(ctx, src, v, base.pos)
		}
		if err != nil {
			return nil, false, err
		}
	}
	return base.decider, fromCheckpoint, nil
}

// Snapshots are those that a log holds, to be compared with what its records say.
type Snapshots struct {
	src  Source
	from Archive
	list []vaiven.SnapshotInfo
}

// OpenSnapshots lists a log's snapshots.
func OpenSnapshots(ctx context.Context, src Source) (*Snapshots, error) {
	a, ok := src.(Archive)
	if !ok {
		return &Snapshots{}, nil
	}
	list, err := a.Snapshots(ctx)
	return &Snapshots{src, a, list}, err
}

// Compare compares the snapshot that stands where d has come to, if there is one, with
// d. The error is a *SnapshotError, or that of reading it. One of a decider that began by
// the rules of an earlier vaiven is not compared with what today's make of the log.
func (s *Snapshots) Compare(ctx context.Context, d *Decider) error {
	for len(s.list) > 0 && s.list[0].Pos < d.Position() {
		s.list = s.list[1:]
	}
	if len(s.list) == 0 || s.list[0].Pos > d.Position() {
		return nil
	}
	c, err := readSnapshot(ctx, s.src, s.from, d.Position())
	if err != nil {
		return err
	}
	if now := uint64(checkpointVersion); c.decider.rules == now && d.rules == now && !bytes.Equal(c.decider.appendState(nil), d.appendState(nil)) {
		return &SnapshotError{Pos: c.pos}
	}
	return nil
}
