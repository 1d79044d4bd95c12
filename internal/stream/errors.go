package stream

import (
	"errors"
	"fmt"
)

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
)

// LostRecordsError says that the log ends before what was acknowledged.
type LostRecordsError struct {
	Have uint64 // last sequence in the log
	Want uint64 // last acknowledged one
}

func (e *LostRecordsError) Error() string {
	return fmt.Sprintf("the log has lost records: it ends at %d, but %d was acknowledged", e.Have, e.Want)
}

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
