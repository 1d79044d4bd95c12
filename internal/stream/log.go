// Package stream is the log: every record that vaiven keeps, in one order, on
// NATS JetStream. It is the only package that knows NATS.
//
// It owns the record's encoding (docs/LOG.md), the embedded NATS server or the
// connection to an external one, the committer that joins what is appended
// into records (group commit), the journal that makes a record durable before the
// embedded server's files are synced, the disk reserve, and the witness file that
// tells after a restart whether the log still has all that was acknowledged.
// It does not own what events mean: repeats, order within a device and the
// acknowledgement to a board are decided by its users.
//
// A [Log]'s methods may be called from several goroutines; [Log.Run] is called
// once. [Options.OnCommit] is called from Run's goroutine.
//
// The way of a reading: [Log.Append] cuts what it is given into tickets, which
// each fit in a record, and queues them (append.go). Run encodes the tickets that
// wait into one record (record.go, with the fields of each kind of event in
// events.go), publishes it until its outcome is known, writes it into the journal
// (journal.go) and its sequence into the witness, and hands the tickets to OnCommit
// (commit.go). The embedded server's files are synced in flush.go, and mended by a start
// that finds them behind the journal in mend.go. What happens when
// the store does not take a record is in stall.go; [Open], and what is checked
// before anything is written, in open.go, folder.go and nats.go; [Log.Read] in
// read.go; the end of it all in close.go.
//
// When the store is slow or gone, Append waits while its bounded queue is
// full, and refuses with CodeBusy once nothing has been committed for two
// seconds or the disk is below its reserve; memory does not grow. A record
// whose outcome is unknown is published again, with identical bytes, until it
// is known; nothing is ever handed to OnCommit before the store has confirmed
// it. A log that contradicts itself (fewer records than were acknowledged, a
// sequence used twice) ends Run with an error: the process must stop, and the
// next start says what is wrong.
package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"vaiven"
	"vaiven/internal/lock"
)

// Log is the log, open. Close it in the end.
type Log struct {
	o       Options
	subject string
	id      string
	genesis uint64        // sequence of its LogStart
	first   atomic.Uint64 // of the first record that is still there
	keeping chan struct{} // holds a token while snapshots are put, or the log is trimmed

	durability Durability
	covered    uint64 // what Options.StateAt said where it stands in for snapshots

	writer uint64
	n      uint64 // records of this writer so far; of Open, then of Run

	queue   queue
	disk    disk
	lock    *lock.Lock // of the folder, nil without a Dir
	witness *witness   // nil without a Dir, or with NoSync
	journal *journal   // nil when JetStream itself syncs every record, or somebody else does
	flusher flusher
	acked   ackedMark

	running atomic.Bool
	closing context.Context // ends when Close begins
	ran     chan struct{}   // closed when Run has returned
	once    sync.Once

	beginClose context.CancelFunc
	closed     error // of Close

	mu    sync.Mutex
	store *store        // what is connected now
	hung  *store        // one before it that did not end in time; nil: all did
	moved chan struct{} // closed when store is replaced
	fatal error         // why the log cannot go on
}

// ID is the log's random name, 32 hexadecimal digits.
func (l *Log) ID() string { return l.id }

// First is the sequence of the first record that is now in the log: its LogStart, or a
// later one when it was trimmed. Another node's Trim is noticed when a record is missed.
func (l *Log) First() uint64 { return l.first.Load() }

// Durability says what was found when the log was opened.
func (l *Log) Durability() Durability { return l.durability }

// Covered returns the record up to which Options.StateAt has what was trimmed, when no
// snapshot of that is whole; 0 when one is, or nothing was trimmed.
func (l *Log) Covered() uint64 { return l.covered }

// Last asks for the sequence of the last record, of any writer.
func (l *Log) Last(ctx context.Context) (uint64, error) {
	s, _ := l.current()
	st, err := s.state(ctx)
	if err != nil {
		return 0, fmt.Errorf("last record of the log: %w", err)
	}
	return st.last, nil
}

// Health is nil while the log accepts events, else why it does not.
func (l *Log) Health() error {
	l.mu.Lock()
	fatal := l.fatal
	l.mu.Unlock()
	if fatal != nil {
		return fatal
	}
	if err := l.lowDisk(); err != nil {
		return err
	}
	if s, _ := l.current(); l.o.URL != "" && (s.nc == nil || !s.nc.IsConnected()) {
		return ErrDisconnected
	}
	return l.queue.refusal()
}

// current returns what is connected now, and a channel that is closed when it
// is replaced.
func (l *Log) current() (*store, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.store == nil {
		return closedStore, l.moved
	}
	return l.store, l.moved
}

// whileOpen returns a context that also ends when the log is closed, by ErrClosed.
func (l *Log) whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.closing, func() { cancel(ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// Why a log cannot be opened, read or continued, for errors.Is.
var (
	// ErrLocked means that another vaiven uses the folder.
	ErrLocked = errors.New("folder is in use by another vaiven")
	// ErrNotWritable means that the folder cannot be written.
	ErrNotWritable = errors.New("folder cannot be written")
	// ErrUnreadable means that the folder holds a log that does not load: it is
	// left as it is, and no new one is made over it.
	ErrUnreadable = errors.New("the log's files are there, but do not load")
	// ErrUnsafe means that the stream, as it is configured, would lose what
	// was acknowledged.
	ErrUnsafe = errors.New("stream is not safe for a log")
	// ErrNotALog means that the stream holds something else: its first record
	// is not a LogStart.
	ErrNotALog = errors.New("stream does not begin with a LogStart")
	// ErrClosed means that the log was closed, or is shutting down.
	ErrClosed = errors.New("log is closed")
	// ErrDisconnected means that the external server cannot be reached now: the
	// log waits for it, and says so before a board finds out.
	ErrDisconnected = errors.New("not connected to NATS")
	// ErrUncertain means that the log contradicted itself while it was being
	// written: the process must stop, and the next start will say more.
	ErrUncertain = errors.New("log is uncertain")

	// ErrLater means that a kind of record or event, or a version, is not
	// known: the log was written by a later vaiven. The process must not go on.
	ErrLater = errors.New("written by a later vaiven")
	// ErrCorrupt means that a record is not what was written.
	ErrCorrupt = errors.New("record is damaged")
)

// LostRecordsError says that the log ends before what was acknowledged.
type LostRecordsError struct {
	Have uint64 // last sequence in the log
	Want uint64 // last acknowledged one
}

func (e *LostRecordsError) Error() string {
	return fmt.Sprintf("the log has lost records: it ends at %d, but %d was acknowledged", e.Have, e.Want)
}

// OwnLogError means that the folder has an embedded log of its own, and that the NATS
// server has another, or none: whoever went on would leave the folder's aside.
type OwnLogError struct {
	Dir   string
	Acked uint64 // the last record of the folder's log that was acknowledged
	Other string // the log on the server, "" for none
}

func (e *OwnLogError) Error() string { return e.Text(vaiven.English) }

// Text is the fact for a person.
func (e *OwnLogError) Text(l vaiven.Lang) string {
	text := fmt.Sprintf(l.Say("%s has a log of its own, up to record %d, and the NATS server has ", "%s tiene un registro propio, hasta la entrada %d, y el servidor NATS "), e.Dir, e.Acked)
	if e.Other == "" {
		return text + l.Say("none", "no tiene ninguno")
	}
	return text + fmt.Sprintf(l.Say("another one, %.8s", "tiene otro, %.8s"), e.Other)
}

// NoSnapshotError means that the log was trimmed, and that no whole snapshot says what
// the records that are gone said. It is a *MissingError, too.
type NoSnapshotError struct {
	First   uint64 // the log's first record
	Genesis uint64 // and the first that it ever had
}

func (e *NoSnapshotError) Error() string { return e.Text(vaiven.English) }

// Text is the fact for a person.
func (e *NoSnapshotError) Text(l vaiven.Lang) string {
	return fmt.Sprintf(l.Say("the log begins with record %d, and no snapshot of what was before is whole",
		"el registro empieza en la entrada %d, y no está completa ninguna instantánea de lo anterior"), e.First)
}

// Covered is the fact where a checkpoint at a record says what the snapshots said.
func (e *NoSnapshotError) Covered(l vaiven.Lang, checkpoint uint64) string {
	return e.Text(l) + fmt.Sprintf(l.Say("; the checkpoint, at record %d, covers it", "; el punto de control, en la entrada %d, lo cubre"), checkpoint)
}

// Unwrap says which records are nowhere any more.
func (e *NoSnapshotError) Unwrap() error { return &MissingError{Want: e.Genesis, Got: e.First} }

// MissingError says that a sequence that should be in the log is not.
type MissingError struct {
	Want uint64 // the sequence expected next
	Got  uint64 // the one that came instead, 0: none
}

func (e *MissingError) Error() string {
	if e.Got == 0 {
		return fmt.Sprintf("record %d is missing from the log", e.Want)
	}
	return fmt.Sprintf("records %d to %d are missing from the log", e.Want, e.Got-1)
}
