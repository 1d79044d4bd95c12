package wire

import (
	"bytes"
	"slices"
	"sync"

	"vaiven"
)

// Decoder reads a connection's messages. It remembers which states each of its
// devices declared in a HELLO, and whether the hint about unquoted keys was
// given. The zero value is ready; while idle it holds nothing but that memory.
// Not for concurrent use.
type Decoder struct {
	Rules      *vaiven.Rules // nil: vaiven.DefaultRules
	MaxDevices int           // devices whose STATES are remembered; 0: 256. One more is too_many_devices
	// Declared adds what a device declared elsewhere, as a board does whose
	// messages come one by one over HTTP; nil: nothing.
	Declared func(vaiven.Device) []string

	states      map[vaiven.Device][]string // declared by HELLO
	slideHinted bool

	// What the last messages said, so that the next needs no strings of its own.
	device vaiven.Device
	number float64 // device as a number, NaN if it was text
	boot   vaiven.Boot
	names  []string // at most maxNames, beyond keyNames
}

const (
	defaultMaxDevices = 256
	maxNames          = 32
)

// Decode reads one WebSocket message, CBOR if binary, and calls yield for each
// element in order: an array's elements stand alone, so that a bad one does
// not harm the others. A message that cannot be parsed at all yields one
// Invalid item, and nothing of it counts. Elements of an array that are no
// objects are refused once per message. The *Item is only valid during yield.
func (d *Decoder) Decode(binary bool, p []byte, yield func(*Item)) {
	if d.Rules == nil {
		rules := vaiven.DefaultRules()
		d.Rules = &rules
	}
	e := elementPool.Get().(*element)
	defer func() { // also when yield panics
		clear(e.entries)
		clear(e.faults)
		if cap(e.arena) > maxArena {
			e.arena = nil
		}
		*e = element{entries: e.entries[:0], faults: e.faults[:0], arena: e.arena}
		elementPool.Put(e)
	}()
	e.d, e.yield = d, yield
	e.item.Age, e.item.Up = AgeAbsent, -1
	if binary {
		e.decodeCBOR(p)
		return
	}
	s := scanner{p: p, e: e}
	var v value
	ok := s.nextByte() != 0 && s.scanValue(&v)
	if ok && (s.nextByte() != 0 || s.i < len(p)) {
		ok = s.trailing()
	}
	switch { // everything is yielded, or nothing
	case !ok:
		e.refuseMessage(s.verdict())
	case p[v.at] == '{':
		e.finishElement()
	case p[v.at] == '[':
		s.yieldElements(v.at)
	case bytes.HasPrefix(bytes.TrimSpace(v.text), []byte("{")):
		e.notObject(reasonDoubled, 0)
	default:
		e.notObject(reasonNotObject, 0)
	}
}

// elementPool keeps scratch memory between messages and shares it among all
// Decoders, so that an idle connection holds none; it holds no state.
var elementPool = sync.Pool{New: func() any { return new(element) }}

// maxArena is the scratch memory that is kept for the next message, in bytes.
const maxArena = 16 << 10

// declareStates remembers the states that a HELLO declared, instead of those
// before; false means that too many devices have done so.
func (d *Decoder) declareStates(device vaiven.Device, names []string) bool {
	if len(names) == 0 {
		delete(d.states, device)
		return true
	}
	limit := d.MaxDevices
	if limit <= 0 {
		limit = defaultMaxDevices
	}
	if _, known := d.states[device]; !known && len(d.states) >= limit {
		return false
	}
	if d.states == nil {
		d.states = make(map[vaiven.Device][]string, 1)
	}
	d.states[device] = slices.Clone(names)
	return true
}

// rareName returns upper as a string, "" if it cannot name a measurement.
func (d *Decoder) rareName(upper []byte) string {
	for _, s := range d.names {
		if s == string(upper) {
			return s
		}
	}
	if len(upper) > vaiven.MaxName {
		return ""
	}
	s := string(upper)
	if !vaiven.ValidName(s) {
		return ""
	}
	if len(d.names) < maxNames {
		d.names = append(d.names, s)
	}
	return s
}

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
	Proof        string   // hello: the answer to a nonce, as vaiven.ParseProof has it; "": none

	Err   *vaiven.Error // of an Invalid item
	Hints []Hint        // what to tell the person, although the item was taken
}
