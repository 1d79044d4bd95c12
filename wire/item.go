package wire

import "vaiven"

// ItemKind says what an element of a device's message is.
type ItemKind uint8

// The kinds of items.
const (
	Invalid ItemKind = iota // refused: Err says why
	Reading                 // at least one measurement
	Hello
	Report // states without measurements
)

// Item.Age where the message gave no number.
const (
	AgeAbsent  int64 = -1 // no AGE: taken at reception (or at Time)
	AgeUnknown int64 = -2 // "AGE":null: when it was taken is not known
)

// Limits of an element of a message, beside those of package vaiven.
const (
	MaxStates = vaiven.MaxStates // states in an element, or in HELLO's STATES; as many always fit a server message
	MaxKeys   = 96               // keys in an element, the ignored ones included
	MaxDepth  = 8                // levels of arrays and objects in a message
	MaxFW     = 64               // bytes kept of FW
)

// Item is one element of a device's message. Only the fields of its kind are
// set; an Invalid item still has Device, Boot and Seq when they could be read,
// also from behind the place of the error, since some refusals settle a SEQ. Of
// a message that does not parse it has none of them: Err.Claim is then the id
// that stands in its text.
//
// The Item itself is only valid during yield; its slices and strings may be
// kept.
type Item struct {
	Kind   ItemKind
	Device vaiven.Device
	Boot   vaiven.Boot // "": not in this message
	Seq    uint64      // 0: none

	Age    int64          // ms, AgeAbsent or AgeUnknown
	Time   int64          // epoch ms by the board's clock, 0: none
	Values []vaiven.Value // measurements, in the message's order
	States []vaiven.Value
	Rev    uint64 // of States; only with HasRev
	HasRev bool

	Oldest, Next uint64 // hello: range of SEQ still held, 0: not said
	Lost         uint64
	Up           int64    // ms since power-up, -1: not said
	Sleep        int64    // ms until the board will be heard again, 0: not said
	FW           string   // version of the board's program, at most MaxFW bytes
	Names        []string // hello: what it declared in STATES

	Err   *vaiven.Error // of an Invalid item
	Hints []Hint        // what to tell the person, although the item was taken
}
