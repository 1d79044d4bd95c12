package vaiven

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Key names a change of desired state: 16 hexadecimal digits in lower case,
// chosen at random by whoever asks. The same key for the same device again is
// the same change, so that asking twice changes once.
type Key string

// ParseKey reads 16 hexadecimal digits, in either case.
func ParseKey(s string) (Key, error) {
	bad := len(s) != 16
	for i := 0; i < len(s) && !bad; i++ {
		bad = !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i]))
	}
	if bad {
		return "", fmt.Errorf("key %q: want 16 hexadecimal digits", Shorten(s))
	}
	return Key(strings.ToLower(s)), nil
}

// MaxStates is how many desired states a device may have: what its longest
// message has room for (1 KiB, see the device protocol).
const MaxStates = 16

// ByBoard is Change.By of a local change: a person at the board's own switch.
const ByBoard = "board"

// Change asks for states of a device. It counts in log order: an accepted
// change gets the device's next REV, and overtakes every open change that
// shares a state with it.
type Change struct {
	Stamp
	Device   Device
	Key      Key
	States   []Value  // what is asked for
	Toggle   []string // states to be turned over: 0 becomes 1, all else 0
	By       string   // who asked: "button GPIO17", "terminal", "api 192.168.0.7", ByBoard
	Deadline int64    // not to be applied later than this, Unix ms UTC; 0: no deadline
	HasIf    bool     // compare and set: refused unless the device's REV is If
	If       uint64
}

// Sent says that a change was written to the board's connection, for the first
// time.
type Sent struct {
	Stamp
	Device Device
	Key    Key
	Rev    uint64
}

// ChangeEnd is how a change ended. The first end of a change counts; the log's
// readers see no other.
type ChangeEnd struct {
	Stamp
	Device  Device
	Key     Key
	Rev     uint64 // 0 if the change was refused before it got one
	Outcome Outcome
	Reason  string  // why it was refused, as Refused... has it; "" otherwise
	States  []Value // what it asked for, toggles resolved
	By      string  // who had asked
	Asked   int64   // when, Unix ms UTC
}

// Outcome is how a change ended.
type Outcome string

// How changes end.
const (
	Confirmed Outcome = "confirmed" // the board reported it
	Expired   Outcome = "expired"   // its deadline passed
	Refused   Outcome = "refused"   // see the reason
	Overtaken Outcome = "overtaken" // a later change wants something else
)

// Why changes are refused.
const (
	RefusedRev    = "rev"    // compare and set: the device's REV is another
	RefusedNoUp   = "no_up"  // a deadline, and the board says no UP to hold it against
	RefusedStates = "states" // more than MaxStates states
)

// Described names a device and says what it is, for people. What it holds
// replaces what was said before.
type Described struct {
	Stamp
	Device Device
	Name   string
	Note   string
	Groups []string // that it belongs to
}

// Forgotten removes a device from every table; its readings stay in the log and
// in the CSV. What comes of the device behind it makes it anew.
type Forgotten struct {
	Stamp
	Device Device
	// Through is the record up to which the log was read when the device had been silent
	// for so long: where the log names it between there and here, it has come back, and
	// nothing is forgotten. 0: forgotten by a person, whatever it said.
	Through uint64
}

// Of returns the device of the event.
func (e *Change) Of() Device    { return e.Device }
func (e *Sent) Of() Device      { return e.Device }
func (e *ChangeEnd) Of() Device { return e.Device }
func (e *Described) Of() Device { return e.Device }
func (e *Forgotten) Of() Device { return e.Device }

// Desired is what a device's states ought to be, as far as the log was read.
type Desired struct {
	Device Device
	Rev    uint64    // of the device's last accepted change, 0: there was none
	States []Value   // all that are wanted, sorted by name
	Until  int64     // the earliest deadline of a pending change, Unix ms UTC; 0: none
	Open   []Pending // changes that have not ended, in log order
}

// ChangeRequest asks for a change of a device's desired state.
type ChangeRequest struct {
	Device Device
	States []Value  // what they are to be; together with Toggle 1 to MaxStates, each once
	Toggle []string // states to be turned over: 0 becomes 1, all else 0
	By     string   // who asks, for people; at most MaxBy bytes

	// Within and Deadline bound when it may be applied: so long from now, or
	// until this moment in Unix ms UTC on the server's clock. The earlier
	// counts; 0: no bound.
	Within   time.Duration
	Deadline int64

	// HasIf makes it compare and set: refused unless the device's REV is If.
	HasIf bool
	If    uint64

	// Key names the change, so that asking again does not change again, as long
	// as it is open or among the device's last 32. "": a new one.
	Key Key
}

// MaxBy bounds ChangeRequest.By, in bytes.
const MaxBy = 128

// ChangeResult is what a request was given.
type ChangeResult struct {
	Key Key
	Answer
	Err error // why nothing was asked, or why it is not known what came of it; nil otherwise
}

// Unknown returns the first state of the request that is not among askable, which
// DeviceState.Askable made: nobody would ever confirm it.
func (r *ChangeRequest) Unknown(askable []string) (state string, unknown bool) {
	names := slices.Clone(r.Toggle)
	for _, v := range r.States {
		names = append(names, v.Name)
	}
	for _, name := range names {
		if !slices.Contains(askable, name) {
			return name, true
		}
	}
	return "", false
}

// Check refuses what would be wrong at every time, before it is in the log. The error
// is an *Error.
func (r *ChangeRequest) Check() error {
	if r.Device == "" {
		return &Error{Code: CodeMissingDevice, Key: KeyDevice, At: -1}
	}
	if len(r.By) > MaxBy {
		return &Error{Code: CodeTooLarge, Key: "by", Got: Shorten(r.By), At: -1, Device: r.Device}
	}
	if r.Within < 0 || r.Deadline < 0 {
		return &Error{Code: CodeOutOfRange, Key: "within", At: -1, Device: r.Device}
	}
	all := slices.Clone(r.States)
	for _, name := range r.Toggle {
		all = append(all, Value{Name: name})
	}
	if len(all) > MaxStates {
		return &Error{Code: CodeTooLarge, Reason: RefusedStates, At: -1, Device: r.Device}
	}
	if err := (Rules{}).Check(all); err != nil {
		return err
	}
	for i, v := range all {
		_, twice := Find(all[:i], v.Name)
		if twice || !ValidState(v.Name) {
			return &Error{Code: CodeBadName, Key: v.Name, At: -1, Device: r.Device}
		}
	}
	return nil
}
