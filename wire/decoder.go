package wire

import (
	"slices"

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
	boot   vaiven.Boot
	names  []string // at most maxNames, beyond commonName
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
	r := readers.Get().(*reader)
	defer r.release() // also when yield panics
	r.begin(d, yield)
	if binary {
		r.decodeCBOR(p)
	} else {
		r.decodeText(p)
	}
}

// isState reports whether name is a state of device.
func (d *Decoder) isState(device vaiven.Device, name string) bool {
	return d.Rules.States[name] || d.states != nil && slices.Contains(d.states[device], name) ||
		d.Declared != nil && slices.Contains(d.Declared(device), name)
}

// declare remembers the states that a HELLO declared, instead of those before;
// false means that too many devices have done so.
func (d *Decoder) declare(device vaiven.Device, names []string) bool {
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

// name returns upper as a string, "" if it cannot name a measurement.
func (d *Decoder) name(upper []byte) string {
	if s := commonName(upper); s != "" {
		return s
	}
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
