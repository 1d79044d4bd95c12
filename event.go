package vaiven

import (
	"fmt"
	"strconv"
	"strings"
)

// ID is an event's place in the log: the sequence of the record that holds it
// and its index there. It is known at commit, the same on every node, ordered
// and unique, but not consecutive; clients treat its text as opaque.
type ID struct {
	Record uint64
	Index  uint32
}

// String writes the id as RECORD.INDEX.
func (id ID) String() string {
	return strconv.FormatUint(id.Record, 10) + "." + strconv.FormatUint(uint64(id.Index), 10)
}

// Before reports whether id comes before other in the log.
func (id ID) Before(other ID) bool {
	return id.Record < other.Record || id.Record == other.Record && id.Index < other.Index
}

// ParseID reads what ID.String wrote.
func ParseID(s string) (ID, error) {
	rec, idx, ok := strings.Cut(s, ".")
	r, err1 := strconv.ParseUint(rec, 10, 64)
	i, err2 := strconv.ParseUint(idx, 10, 32)
	if !ok || err1 != nil || err2 != nil {
		return ID{}, fmt.Errorf("event id %q: want RECORD.INDEX", Shorten(s))
	}
	return ID{Record: r, Index: uint32(i)}, nil
}

// Stamp is what was decided about time when an event was received, so that no
// view ever asks a clock: the moment, the server's zone then, and whether its
// clock was known to be right (a Raspberry Pi has no clock of its own).
type Stamp struct {
	At     int64 // reception, Unix ms UTC
	Offset int32 // the server's zone, seconds east of UTC
	Synced bool  // the system clock was synchronised
}

// Time returns the stamp itself; it makes every event that embeds a Stamp one
// that can be asked for it.
func (s *Stamp) Time() *Stamp { return s }

// Event is one thing that happened: exactly the types *Reading, *Refusal, *Gap,
// *Rejected, *SessionStart, *SessionEnd, *Presence, *Report, *Hello, *Conflict,
// *LogStart; of change.go *Change, *Sent, *ChangeEnd, *Described and *Forgotten; and of
// access.go *Admitted, *Granted, *Verified, *Revoked, *Opened and *Denied. An event is
// never changed after it was handed on.
type Event interface {
	Time() *Stamp
	// Of is the device that the event is about, "" for none.
	Of() Device
}

// Refuses reports whether an event is about refused messages only, or takes something
// back: it makes no device of the log, and no row of any table.
func Refuses(ev Event) bool {
	switch ev.(type) {
	case *Rejected, *Refusal, *Conflict, *Denied, *Revoked:
		return true
	}
	return false
}

// Matters reports whether an event is something that a board said, or that a person said
// or asked of it: while such come, the device is not forgotten. Connections that come and
// go, and what the server writes by itself, are none.
func Matters(ev Event) bool {
	switch ev.(type) {
	case *Reading, *Gap, *Report, *Hello, *Described, *Change, *Admitted, *Granted, *Verified:
		return true
	}
	return false
}

// Reading is what a board measured.
type Reading struct {
	Stamp
	Device   Device
	Boot     Boot    // "" for a reading in the course's form
	Seq      uint64  // 0 for a reading in the course's form
	Measured int64   // when it was taken, Unix ms UTC; 0: unknown
	Values   []Value // at least one; nulls are left out
	States   []Value // states reported in the same message
	Rev      uint64  // revision of those states, 0: none

	// Uncounted: the session that goes on does not count it, since the file has no
	// column for it or it came too fast. It is a reading like any other otherwise.
	Uncounted bool
}

// Current reports whether the states in the reading are the board's present ones:
// those of a reading that was resent are history.
func (e *Reading) Current() bool { return len(e.States) > 0 && (e.Measured == 0 || e.Measured >= e.At) }

// Refusal settles a SEQ that was refused for good.
type Refusal struct {
	Stamp
	Device Device
	Boot   Boot
	Seq    uint64
	Code   Code
}

// Gap settles SEQs that the board no longer has.
type Gap struct {
	Stamp
	Device   Device
	Boot     Boot
	From, To uint64 // both included
}

// Rejected summarises messages that were refused, one per device and kind in a
// stretch of time, so that bad input cannot flood the log.
type Rejected struct {
	Stamp
	Device Device // "" when it could not be known
	Code   Code
	Count  uint64 // messages since the last summary
	Text   string // what a person was told about the last of them
	Remote string // address of the last of them
}

// SessionStart opens a device's session.
type SessionStart struct {
	Stamp
	Device   Device
	Readings uint64 // ends after so many readings; 0: no limit
	Deadline int64  // ends at this moment, Unix ms UTC; 0: none
	Interval int64  // asked ms between readings; 0: not said
}

// SessionEnd closes a device's session.
type SessionEnd struct {
	Stamp
	Device Device
	Reason EndReason
	Count  uint64 // readings taken in it
}

// EndReason says why a session ended.
type EndReason string

// Why sessions end.
const (
	EndReadings EndReason = "readings" // the asked number was received
	EndElapsed  EndReason = "elapsed"  // the time was over
	EndRenewed  EndReason = "renewed"  // a person asked for a new session
)

// Presence says that a device's connection came or went, or that a connected
// device fell silent or spoke again.
type Presence struct {
	Stamp
	Device    Device
	Connected bool
	Silent    bool   // connected, but no reading for three of its intervals
	Remote    string // the board's address
	Reason    string // why it went, "" for a plain disconnection
	Sleep     int64  // ms until it will be heard again, 0: not said
}

// Report is a state message of a board, without measurements.
type Report struct {
	Stamp
	Device Device
	Boot   Boot
	Rev    uint64 // 0: none given, a local change or a plain report
	States []Value
}

// Hello is what a board says of itself when it connects.
type Hello struct {
	Stamp
	Device       Device
	Boot         Boot
	Oldest, Next uint64 // range of SEQ still held: Oldest <= seq < Next
	Lost         uint64 // readings taken and given up since power-up
	Up           int64  // ms since power-up, -1: not said
	FW           string
	States       []Value
	Rev          uint64
	Names        []string // states that it declares beside the server's own
}

// Conflict says that several boards fight over one id.
type Conflict struct {
	Stamp
	Device  Device
	Remotes []string // their addresses
}

// LogStart is the first event of a log: its random name.
type LogStart struct {
	Stamp
	Log string // 32 hexadecimal digits
}

// Of returns the device of the event.
func (e *Reading) Of() Device      { return e.Device }
func (e *Refusal) Of() Device      { return e.Device }
func (e *Gap) Of() Device          { return e.Device }
func (e *Rejected) Of() Device     { return e.Device }
func (e *SessionStart) Of() Device { return e.Device }
func (e *SessionEnd) Of() Device   { return e.Device }
func (e *Presence) Of() Device     { return e.Device }
func (e *Report) Of() Device       { return e.Device }
func (e *Hello) Of() Device        { return e.Device }
func (e *Conflict) Of() Device     { return e.Device }

// Of returns "": the log's beginning is about no device.
func (e *LogStart) Of() Device { return "" }

// Record is one entry of the log: the events that were committed together.
// Writer and N name the attempt that wrote it, so that a repeated publish is
// recognised: Writer is random per process start, N counts its records from 1.
type Record struct {
	Seq    uint64 // place in the log
	Writer uint64
	N      uint64
	Events []Event
}

// Entry is an event together with its place in the log.
type Entry struct {
	ID    ID
	Event Event
	Fills bool // a reading that was recorded as a gap before: it came after all
}

// Ticket follows one append to its commit: the events are on disk, the first
// under the id First, the others behind it.
type Ticket struct {
	First  ID
	Events []Event
	Owner  any // whatever the appender gave
}

// Session is the state of a device's session, as the log has it.
type Session struct {
	Device   Device
	Start    int64 // Unix ms UTC
	Readings uint64
	Deadline int64 // Unix ms UTC, 0: none
	Interval int64 // ms, 0: not said
	Count    uint64
	Ended    bool
	Reason   EndReason
}
