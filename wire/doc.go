// Package wire is the device protocol, version 1: it decodes what boards send
// (JSON in text frames, CBOR in binary ones), says in words what is wrong with
// bad input, and encodes what the server answers; the same for the other end,
// a device in Go. PROTOCOL.md is the specification.
//
// It owns the bytes of the protocol and the sentences about them. It does not
// own connections, settlement of SEQs, or who may send: the gateway does. It
// does no I/O, starts no goroutine and keeps no clock.
//
// One tokenizer both reads a text message and finds what is wrong with it: it
// stops at the first byte that is neither JSON nor one of the deviations below,
// and what it knows there words the refusal.
//
// A Decoder belongs to one connection and to one goroutine at a time; all
// functions may be called from any goroutine. Nothing here waits for a peer:
// decoding takes time linear in the size of the message, at any input.
//
// # What is decided here, where the protocol leaves it open
//
//   - A text message is strict JSON (RFC 8259, valid UTF-8, nothing behind it).
//     Two deviations are accepted, and only inside objects: keys without quotes
//     of A-Z a-z 0-9 _ that do not begin with a digit (the course's slide), and,
//     under such a key, numbers with leading zeros (024 is 24, in decimal). A
//     bare nan or inf, as Arduino prints a failed measurement, refuses that
//     element with not_a_number and leaves the other elements alone. Nothing
//     else of JSON5 and its kin is taken.
//   - A message that is JSON, but neither an object nor an array, is
//     missing_device: not_json is said only of what does not parse.
//   - Objects are flat. An object or array under a measurement of the rules is
//     refused; under any other key it is ignored, as text is, with a hint. More
//     than MaxDepth levels are too_large.
//   - A key of the protocol that cannot be used, or a state, refuses the element
//     only if that needs it: a HELLO all but AGE and TIME, a report its BOOT, REV
//     and states, a reading IDDEVICE and SEQ, and BOOT if there is a SEQ. What a
//     reading can do without is left out with a hint; without its REV, the states
//     are left out too.
//   - A SEQ whose BOOT cannot be read is refused as bad_boot even if something
//     else is wrong as well, since any other refusal could settle it for the boot
//     before.
//   - Numbers that only stand beside nested, null or textual measurements (ts,
//     msg_id) make no reading.
//   - An element has at most MaxKeys keys, MaxStates of them states.
//   - Integers (SEQ, REV, OLDEST, NEXT, LOST) may be written 17.0, and reach
//     2^53-1; times in ms (AGE, TIME, UP, SLEEP) may have a fraction, which is
//     cut. null under REV, UP, LOST, OLDEST, NEXT, SLEEP, FW or STATES counts as
//     absent; TIME null as AGE null: unknown.
//   - A message with SEQ is meant as a reading: without a measurement it is
//     no_values even if it reports states, so that its SEQ can be settled.
//   - Measurements in a HELLO are ignored with a hint.
package wire
