package wire

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"vaiven"
)

// MaxServerMessage is the size that no message to a board exceeds, in bytes.
const MaxServerMessage = 1024

// Welcome answers a HELLO.
type Welcome struct {
	Device vaiven.Device
	Boot   vaiven.Boot
	Ack    uint64         // settled up to here
	Now    int64          // the server's clock, epoch ms
	States []vaiven.Value // all desired states, at most MaxStates
	Rev    uint64         // 0: no desired state was ever set
}

// Desired tells a board all states it should have.
type Desired struct {
	Device   vaiven.Device
	States   []vaiven.Value // at most MaxStates
	Rev      uint64
	Until    int64 // ms on the board's UP scale; only with HasUntil
	HasUntil bool
}

// AppendWelcome appends the message to b. REV is left out when it is 0.
func AppendWelcome(b []byte, w Welcome) []byte {
	start := len(b)
	b = append(b, `{"WELCOME":1,`...)
	b = appendDevice(b, w.Device)
	b = appendBoot(b, w.Boot)
	b = appendUint(b, "ACK", w.Ack)
	b = appendInt(b, "NOW", w.Now)
	b = appendStates(b, start, w.States)
	if w.Rev != 0 {
		b = appendUint(b, "REV", w.Rev)
	}
	return append(b, '}')
}

// AppendAck appends an acknowledgement: every SEQ of boot up to ack is settled.
func AppendAck(b []byte, d vaiven.Device, boot vaiven.Boot, ack uint64) []byte {
	b = appendDevice(append(b, '{'), d)
	b = appendBoot(b, boot)
	b = appendUint(b, "ACK", ack)
	return append(b, '}')
}

// AppendDesired appends a change of desired state.
func AppendDesired(b []byte, d Desired) []byte {
	start := len(b)
	b = appendDevice(append(b, '{'), d.Device)
	b = appendStates(b, start, d.States)
	b = appendUint(b, "REV", d.Rev)
	if d.HasUntil {
		b = appendInt(b, "UNTIL", d.Until)
	}
	return append(b, '}')
}

// AppendToken appends the token that an adopted board keeps. Tokens are at
// most 512 bytes.
func AppendToken(b []byte, d vaiven.Device, token string) []byte {
	b = appendDevice(append(b, '{'), d)
	b = append(b, `,"TOKEN":`...)
	return append(appendString(b, token, 512), '}')
}

// AppendError appends a refusal in words. The text is cut so that the message
// stays within MaxServerMessage; refusals for now carry RETRY.
func AppendError(b []byte, e *vaiven.Error, l vaiven.Lang) []byte {
	var tail [256]byte
	t := append(tail[:0], `,"CODE":`...)
	t = appendString(t, string(e.Code), 40)
	if e.At >= 0 {
		t = appendInt(t, "AT", int64(e.At))
	}
	if e.Device != "" {
		t = appendDevice(append(t, ','), e.Device)
	}
	t = appendBoot(t, e.Boot)
	if e.Seq != 0 {
		t = appendUint(t, "SEQ", e.Seq)
	}
	if e.Code.ForNow() {
		t = appendInt(t, "RETRY", max(0, e.Retry.Milliseconds()))
	}
	t = append(t, '}')
	b = append(b, `{"ERROR":`...)
	b = appendString(b, Explain(e, l), MaxServerMessage-len(`{"ERROR":`)-len(t))
	return append(b, t...)
}

// AppendBye appends the last message before the server closes on purpose; 0
// means that the board need not come back.
func AppendBye(b []byte, text string, retry time.Duration) []byte {
	b = append(b, `{"BYE":`...)
	b = appendString(b, text, 512)
	b = appendInt(b, "RETRY", max(0, retry.Milliseconds()))
	return append(b, '}')
}

// appendDevice writes ids of one to three digits as a number, others as text.
func appendDevice(b []byte, d vaiven.Device) []byte {
	b = append(b, `"IDDEVICE":`...)
	if len(d) > 0 && len(d) <= 3 {
		if n, err := strconv.ParseUint(string(d), 10, 16); err == nil {
			return strconv.AppendUint(b, n, 10)
		}
	}
	return appendString(b, string(d), vaiven.MaxDevice+2)
}

func appendBoot(b []byte, boot vaiven.Boot) []byte {
	if boot == "" {
		return b
	}
	b = append(b, `,"BOOT":`...)
	return appendString(b, string(boot), 18)
}

func appendUint(b []byte, key string, n uint64) []byte {
	return strconv.AppendUint(appendKey(b, key), n, 10)
}

func appendInt(b []byte, key string, n int64) []byte {
	return strconv.AppendInt(appendKey(b, key), n, 10)
}

func appendKey(b []byte, key string) []byte {
	b = append(b, ',', '"')
	b = append(b, key...)
	return append(b, '"', ':')
}

// appendStates writes states in order. MaxStates of them always fit; of more,
// those are written that leave room for REV and UNTIL.
func appendStates(b []byte, start int, states []vaiven.Value) []byte {
	const rest = len(`,"REV":18446744073709551615,"UNTIL":-9223372036854775808}`)
	for _, s := range states {
		n := len(b)
		b = vaiven.AppendNumber(appendKey(b, s.Name), s.Num)
		if len(b)-start+rest > MaxServerMessage {
			return b[:n]
		}
	}
	return b
}

// appendString writes s as a JSON string of at most limit bytes, quotes
// included; a longer one is cut at a character's edge and ends in "…".
func appendString(b []byte, s string, limit int) []byte {
	s = strings.ToValidUTF8(s, "\uFFFD")
	start := len(b)
	b, _ = jsontext.AppendQuote(b, s) // valid UTF-8, so it cannot fail
	for len(b)-start > limit {
		over := len(b) - start - limit
		s = cut(s, max(0, len(s)-max(over/6, 1)-len("…")))
		b, _ = jsontext.AppendQuote(b[:start], s+"…")
		if s == "" {
			break
		}
	}
	return b
}

// cut returns the first n bytes of s, or up to three fewer, so that no
// character is split.
func cut(s string, n int) string {
	if n >= len(s) {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// quote writes a key for a sentence.
func quote(s string) string { return `"` + vaiven.Shorten(s) + `"` }
