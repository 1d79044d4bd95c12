package wire

// Reasons that only the gateway can know, for vaiven.Error.Reason; Explain has
// words for them.
const (
	ReasonNoBoot    = "no_boot"   // bad_seq: a SEQ, but no BOOT on this connection yet
	ReasonReused    = "reused"    // bad_boot: a HELLO's NEXT is at or below what the server has
	ReasonDifferent = "different" // bad_boot: a SEQ came again with other values
)
