package views

import (
	"context"
	"errors"

	"vaiven"
)

// Source is the log, as the pump needs it. internal/stream's Log is one.
type Source interface {
	// Read hands the records from..to to fn, in log order; with to = 0 it
	// follows the log until ctx is done. It returns fn's first error.
	Read(ctx context.Context, from, to uint64, fn func(vaiven.Record) error) error
	// Last returns the sequence of the log's last record, 0 for an empty log.
	Last(ctx context.Context) (uint64, error)
	// ID returns the log's random name.
	ID() string
}

// First returns the sequence of the source's first record: what its method
// First() uint64 says, if it has one, and 1 otherwise.
func First(src Source) uint64 {
	if f, ok := src.(interface{ First() uint64 }); ok {
		return max(f.First(), 1)
	}
	return 1
}

// following returns the sequence of the record behind pos, of the first one for 0.
func following(src Source, pos uint64) uint64 {
	if pos == 0 {
		return First(src)
	}
	return pos + 1
}

// View is something that is computed from the log.
type View interface {
	// Name is how the view is called in Status and in the checkpoint.
	Name() string
	// Apply takes what is new in the record at pos; records without anything
	// new are left out. It must not change or keep the slice. After an error it
	// is called again with the same record until it succeeds: the view sees to
	// it that the record then counts once, whatever the failed call had done.
	Apply(pos uint64, entries []vaiven.Entry) error
	// Snapshot returns what Restore needs to continue behind the last applied
	// record. What the view keeps elsewhere must be on disk before it returns.
	Snapshot() ([]byte, error)
}

// Restorer is a View that can continue from a Snapshot. A view that is not one
// is handed the records behind the checkpoint only.
type Restorer interface {
	// Restore makes the state that of the snapshot, or that of the log's very
	// beginning for nil. After an error for a snapshot the pump calls it with
	// nil, and replays the whole log for this view.
	Restore(snapshot []byte) error
}

// Positioned is a Restorer that keeps its position with its data, which may be behind
// the checkpoint's: records behind Kept are handed to it again after a Restore of a
// snapshot, those up to the checkpoint included. So the log must not be trimmed beyond
// it. Records that it has already may be among them.
type Positioned interface {
	// Kept returns the last record that the view will not need again, 0 for none. It
	// may be called from any goroutine.
	Kept() uint64
}

// Gapped is a Positioned view that wants to know of records that it lacks, and the log
// does not have any more: it was put back from long ago, say.
type Gapped interface {
	Positioned
	// Missed says that the records first to last will not come. The next one was received
	// at the time at, Unix ms, 0: there is none yet. It is called behind Restore, and again
	// by each start until Kept is beyond last.
	Missed(first, last uint64, at int64)
}

// Settler is a Positioned view that can be asked to move Kept on now: the log is to be
// trimmed, or begins to have a long tail. Settle is called like Apply, between two
// records, when everything up to pos was applied. After an error Kept stays.
type Settler interface {
	Settle(pos uint64) error
}

// Flusher is a View that collects what it is given. Flush is called when the
// view's queue is empty, every few records otherwise, and before Snapshot.
type Flusher interface {
	Flush() error
}

// Replayed is a View that wants to know when it has reached the log's end after
// a Restore. Its error stops a start when it is fatal, and is tried again
// otherwise.
type Replayed interface {
	Replayed() error
}

// Notice is something that a person should be told once, such as a file that
// was set aside.
type Notice interface {
	Text(vaiven.Lang) string
}

// fatal reports whether an error must stop a start: it says so by a method
// Fatal() bool.
func fatal(err error) bool {
	var f interface{ Fatal() bool }
	return errors.As(err, &f) && f.Fatal()
}

// rewinds reports whether a view says, by a method Rewind() bool of its error,
// that it has lost what it had, and needs the log from the beginning.
func rewinds(err error) bool {
	var r interface{ Rewind() bool }
	return errors.As(err, &r) && r.Rewind()
}

// gone reports whether a view says, by a method Gone() bool of its error, that
// nobody looks at it any more.
func gone(err error) bool {
	var g interface{ Gone() bool }
	return errors.As(err, &g) && g.Gone()
}
