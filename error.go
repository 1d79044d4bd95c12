package vaiven

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Code is the machine's name of a refusal, as the device protocol has it.
type Code string

// The codes of the device protocol.
const (
	CodeNotJSON        Code = "not_json"
	CodeMissingDevice  Code = "missing_device"
	CodeBadDevice      Code = "bad_device"
	CodeNoValues       Code = "no_values"
	CodeNotANumber     Code = "not_a_number"
	CodeOutOfRange     Code = "out_of_range"
	CodeBadName        Code = "bad_name"
	CodeBadSeq         Code = "bad_seq"
	CodeBadBoot        Code = "bad_boot"
	CodeTooManyDevices Code = "too_many_devices"
	CodeDeviceInUse    Code = "device_in_use"
	CodeNotApproved    Code = "not_approved"   // the device waits for a person's approval
	CodeBadToken       Code = "bad_token"      // a token or its proof is wrong
	CodeNotAuthorised  Code = "not_authorised" // the device has a token, and who speaks for it has not shown it
	CodeTooLarge       Code = "too_large"
	CodeTooFast        Code = "too_fast"
	CodeBusy           Code = "busy"

	// What is refused before a message is read; Error.Reason is a Fault.
	CodeBadHandshake  Code = "bad_handshake"  // a request that opens no WebSocket
	CodeWrongPath     Code = "wrong_path"     // a WebSocket where there is none
	CodeBadFrame      Code = "bad_frame"      // frames that RFC 6455 does not have
	CodeWrongProtocol Code = "wrong_protocol" // bytes that are not what the port speaks
)

// Settles reports whether a refusal with this code is for good: the SEQ that it
// names is recorded as refused and acknowledged, since sending it again could
// not help.
func (c Code) Settles() bool {
	switch c {
	case CodeNotANumber, CodeOutOfRange, CodeBadName, CodeNoValues, CodeTooLarge:
		return true
	}
	return false
}

// ForNow reports whether a refusal with this code may be answered by sending
// the same reading again later: it is not settled.
func (c Code) ForNow() bool {
	switch c {
	case CodeBusy, CodeTooFast, CodeNotApproved, CodeBadToken, CodeNotAuthorised, CodeDeviceInUse:
		return true
	}
	return false
}

// Bars reports whether a refusal with this code is about who speaks, whatever it says:
// until that is settled nothing of the device is taken.
func (c Code) Bars() bool {
	return c == CodeNotApproved || c == CodeNotAuthorised || c == CodeBadToken
}

// Error is the one error type of the domain: what was refused and where. It
// carries facts; package wire puts them into words for a person.
type Error struct {
	Code   Code
	Reason string // what exactly was wrong, where a code has several causes; see package wire
	Key    string // the key concerned, as it was written
	Got    string // what stood there, shortened
	Lo, Hi float64
	At     int // byte in the message, -1 when unknown

	Device Device // the following three when known
	Boot   Boot
	Seq    uint64

	// Claim is the id in a message of which nothing is taken because it does not
	// parse: it tells a person which board to look at, and proves nothing.
	Claim Device

	Retry time.Duration // how long to wait before sending it again, for refusals for now
}

// Error is a terse line in English, for logs.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Reason != "" {
		b.WriteString(" (" + e.Reason + ")")
	}
	if e.Key != "" {
		b.WriteString(": " + e.Key)
	}
	if e.Got != "" {
		fmt.Fprintf(&b, " %q", e.Got)
	}
	return b.String()
}

// maxGot is how much of a board's input an Error quotes, in bytes.
const maxGot = 40

// Shorten cuts s to what an Error may quote, at a character's edge.
// A token in it is not quoted: it was put in the wrong place, and is secret all the same.
func Shorten(s string) string {
	if i := strings.Index(s, TokenPrefix); i >= 0 {
		return Shorten(s[:i]) + TokenPrefix[:len(TokenPrefix)-1] + "…"
	}
	if len(s) <= maxGot {
		return s
	}
	n := maxGot
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
