package vaiven

import (
	"math"
	"slices"
)

// Keys of the device protocol that are neither measurements nor states.
const (
	KeyHello  = "HELLO"
	KeyDevice = "IDDEVICE"
	KeyBoot   = "BOOT"
	KeySeq    = "SEQ"
	KeyAge    = "AGE"
	KeyTime   = "TIME"
	KeyOldest = "OLDEST"
	KeyNext   = "NEXT"
	KeyLost   = "LOST"
	KeyUp     = "UP"
	KeySleep  = "SLEEP"
	KeyStates = "STATES"
	KeyRev    = "REV"
	KeyFW     = "FW"
	KeyToken  = "TOKEN"
	KeyProof  = "PROOF"
)

// ProtocolKey reports whether a board's messages use the name for something else
// than a measurement or a state.
func ProtocolKey(name string) bool {
	switch name {
	case KeyHello, KeyDevice, KeyBoot, KeySeq, KeyAge, KeyTime, KeyOldest, KeyNext, KeyLost, KeyUp, KeySleep, KeyStates, KeyRev, KeyFW, KeyToken, KeyProof:
		return true
	}
	return false
}

// ValidState reports whether s can be the name of a state that is asked for: a valid
// name, which the messages between server and board use for nothing else.
func ValidState(s string) bool {
	switch s {
	case "WELCOME", "ACK", "NOW", "UNTIL", "ERROR", "CODE", "AT", "BYE", "RETRY", "NONCE":
		return false
	}
	return ValidName(s) && !ProtocolKey(s)
}

// Value is a named number: a measurement (TEMP in degrees Celsius, HUM in %
// relative humidity, anything else in the unit that the board's owner chose)
// or a state (LED, 1 on and 0 off). Num is always finite.
type Value struct {
	Name string // upper case, A-Z 0-9 _, at most MaxName bytes
	Num  float64
}

// Find returns the value called name.
func Find(values []Value, name string) (float64, bool) {
	for _, v := range values {
		if v.Name == name {
			return v.Num, true
		}
	}
	return 0, false
}

// HasAny reports whether one of the values has one of the names: whether a reading
// has a row in a file with these columns.
func HasAny(values []Value, names []string) bool {
	for i := range values {
		if slices.Contains(names, values[i].Name) {
			return true
		}
	}
	return false
}

// Range is an accepted interval of a measurement, both ends included.
type Range struct{ Lo, Hi float64 }

// Rules say which values are accepted. The zero value has no state names and
// no ranges; DefaultRules is what the protocol document describes.
type Rules struct {
	States map[string]bool  // names that are states, not measurements
	Ranges map[string]Range // measurements without an entry accept any finite value
}

// DefaultRules returns the protocol's defaults: LED is a state, TEMP lies in
// -40..125 degrees Celsius and HUM in 0..100 %.
func DefaultRules() Rules {
	return Rules{
		States: map[string]bool{"LED": true},
		Ranges: map[string]Range{"TEMP": {-40, 125}, "HUM": {0, 100}},
	}
}

// Limits of one reading, of the device protocol.
const (
	MaxValues  = 32                         // measurements in a reading
	MaxName    = 16                         // bytes in the name of a measurement or state
	MaxAge     = 90 * 24 * 60 * 60 * 1000   // AGE, in ms
	MaxMessage = 64 << 10                   // bytes in a message, by default
	MaxSeq     = uint64(1)<<53 - 1          // the largest SEQ that every JSON reader keeps exactly
	maxUnixMs  = int64(253_402_300_799_999) // 9999-12-31, the last TIMEFLAG of four-digit years
)

// ValidName reports whether s names a measurement or state: 1 to 16 of A-Z 0-9
// and _, not beginning with _ (those are kept for later versions).
func ValidName(s string) bool {
	if s == "" || len(s) > MaxName || s[0] == '_' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// Check validates the measurements of a reading against the rules. The error is
// an *Error with CodeNoValues, CodeBadName, CodeNotANumber, CodeOutOfRange or
// CodeTooLarge, without the place in the message.
func (r Rules) Check(values []Value) error {
	if len(values) == 0 {
		return &Error{Code: CodeNoValues, At: -1}
	}
	if len(values) > MaxValues {
		return &Error{Code: CodeTooLarge, Reason: ReasonManyValues, At: -1}
	}
	for _, v := range values {
		if err := r.check(v); err != nil {
			return err
		}
	}
	return nil
}

// ReasonManyValues marks a reading with more than MaxValues measurements.
const ReasonManyValues = "many_values"

func (r Rules) check(v Value) error {
	if !ValidName(v.Name) {
		return &Error{Code: CodeBadName, Key: Shorten(v.Name), At: -1}
	}
	if math.IsNaN(v.Num) || math.IsInf(v.Num, 0) {
		return &Error{Code: CodeNotANumber, Key: v.Name, At: -1}
	}
	if rg, ok := r.Ranges[v.Name]; ok && (v.Num < rg.Lo || v.Num > rg.Hi) {
		return &Error{Code: CodeOutOfRange, Key: v.Name, Got: FormatNumber(v.Num), Lo: rg.Lo, Hi: rg.Hi, At: -1}
	}
	return nil
}
