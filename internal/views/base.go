package views

import (
	"context"
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

// Based is a Restorer whose own data may be gone while the log does not begin at its
// beginning any more.
type Based interface {
	// RestoreBase makes the state that of the snapshot, as well as that can be done
	// with what the view still has; what is missing stays missing. The pump calls it
	// instead of Restore(nil) when the log has been trimmed.
	RestoreBase(snapshot []byte) error
}

// beginning is the state in front of a log's first record.
func beginning(src Source) *checkpoint {
	return &checkpoint{log: src.ID(), decider: NewDecider(src.ID())}
}

// loadBase returns the state from which the log can be read: that of the snapshot in
// front of its first record, or of nothing for a log that was never trimmed. Should
// that snapshot be damaged, the next one that is whole serves.
func loadBase(ctx context.Context, src Source) (*checkpoint, error) {
	a, ok := src.(Archive)
	for ok {
		first := First(src)
		list, err := a.Snapshots(ctx)
		if err != nil {
			return nil, fmt.Errorf("snapshots: %w", err)
		}
		i := slices.IndexFunc(list, func(s vaiven.SnapshotInfo) bool { return s.Pos+1 == first })
		if i < 0 && first == First(src) {
			break // it began here, or has lost its beginning: its first record tells
		}
		for ; i >= 0 && i < len(list); i++ {
			c, err := readSnapshot(ctx, src, a, list[i].Pos)
			if err == nil {
				return c, nil
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
		if first == First(src) { // otherwise it was trimmed meanwhile
			return nil, &LostRecordsError{Seq: first, Base: true}
		}
	}
	return beginning(src), nil
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
	res, ok := v.(Restorer)
	if !ok {
		return nil
	}
	snap, known := c.views[v.Name()]
	if !known {
		return res.Restore(nil)
	}
	if b, ok := v.(Based); ok {
		return b.RestoreBase(snap)
	}
	err := res.Restore(snap)
	if err == nil || rewinds(err) || fatal(err) {
		return err
	}
	return res.Restore(nil)
}
