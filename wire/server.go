package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
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
	b = appendDevice(b, w.Device, w.Boot)
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
	b = appendDevice(append(b, '{'), d, boot)
	b = strconv.AppendUint(append(b, `,"ACK":`...), ack, 10)
	return append(b, '}')
}

// AppendDesired appends a change of desired state.
func AppendDesired(b []byte, d Desired) []byte {
	start := len(b)
	b = appendDevice(append(b, '{'), d.Device, "")
	b = appendStates(b, start, d.States)
	b = appendUint(b, "REV", d.Rev)
	if d.HasUntil {
		b = appendInt(b, "UNTIL", d.Until)
	}
	return append(b, '}')
}

// AppendNonce appends what a board that has a token is to prove it with.
func AppendNonce(b []byte, d vaiven.Device, nonce string) []byte {
	b = appendDevice(append(b, '{'), d, "")
	b = append(b, `,"NONCE":`...)
	return append(appendString(b, nonce, 34), '}')
}

// AppendToken appends the token that an adopted board keeps. Tokens are at
// most 512 bytes.
func AppendToken(b []byte, d vaiven.Device, token string) []byte {
	b = appendDevice(append(b, '{'), d, "")
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
		t = appendDevice(append(t, ','), e.Device, e.Boot)
	} else if e.Boot != "" {
		t = appendString(appendKey(t, vaiven.KeyBoot), string(e.Boot), 18)
	}
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

// appendDevice appends who a message is of or for, as its first keys or behind
// others: ids of one to three digits as a number, others as text, and BOOT
// unless it is "". Neither holds a character that JSON would escape.
func appendDevice(b []byte, d vaiven.Device, boot vaiven.Boot) []byte {
	b = append(b, `"IDDEVICE":`...)
	if len(d) > 0 && len(d) <= 3 && strings.Trim(string(d), "0123456789") == "" {
		n, _ := strconv.ParseUint(string(d), 10, 16)
		b = strconv.AppendUint(b, n, 10)
	} else {
		b = append(append(append(b, '"'), d...), '"')
	}
	if boot != "" {
		b = append(append(append(b, `,"BOOT":"`...), boot...), '"')
	}
	return b
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

// ServerKind says what the server sent.
type ServerKind uint8

// The messages of a server.
const (
	ServerWelcome ServerKind = iota + 1
	ServerAck
	ServerDesired
	ServerNonce
	ServerToken
	ServerError
	ServerBye
)

// ServerMessage is any message of the server; only the fields of its kind are
// set.
type ServerMessage struct {
	Kind   ServerKind
	Device vaiven.Device
	Boot   vaiven.Boot
	Ack    uint64 // welcome, ack
	Now    int64  // welcome: the server's clock, epoch ms

	States   []vaiven.Value // welcome, desired
	Rev      uint64
	Until    int64 // desired: ms on the board's UP scale; only with HasUntil
	HasUntil bool

	Nonce string      // nonce: 32 hexadecimal digits
	Token string      // token: as vaiven.ValidToken has it, unless the server is a stranger
	Text  string      // error, bye
	Code  vaiven.Code // error
	At    int         // error: byte in the refused message, -1 when not said
	Seq   uint64      // error, 0: not said

	Retry    time.Duration // error, bye; only with HasRetry
	HasRetry bool
}

// DecodeServer reads a message of the server. Keys that a later server may add
// are ignored if they hold text; numbers under unknown keys are states. It is
// stricter than Decode: nothing but JSON is taken, and no name twice.
func DecodeServer(p []byte) (ServerMessage, error) {
	m := ServerMessage{At: -1}
	if err := m.decode(jsontext.NewDecoder(bytes.NewBuffer(p))); err != nil {
		return m, fmt.Errorf("server message: %w", err)
	}
	return m, nil
}

func (m *ServerMessage) decode(dec *jsontext.Decoder) error {
	start, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if start.Kind() != '{' {
		return errors.New("not an object")
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		key := name.String()
		if k := dec.PeekKind(); k == '{' || k == '[' {
			return fmt.Errorf("%s is nested", vaiven.Shorten(key))
		}
		v, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if err := m.setKey(key, v); err != nil {
			return fmt.Errorf("%s: %w", vaiven.Shorten(key), err)
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	if rest := bytes.TrimLeft(dec.UnreadBuffer(), " \t\r\n"); len(rest) > 0 {
		return errors.New("something behind the object")
	}
	// The kind has what it needs.
	switch m.Kind {
	case ServerError, ServerBye:
		return nil
	case 0:
		if len(m.States) == 0 && m.Rev == 0 {
			return errors.New("of no known kind")
		}
		m.Kind = ServerDesired
	}
	if m.Device == "" {
		return errors.New("no IDDEVICE")
	}
	return nil
}

// setKey takes one key. The message's kind is that of its most telling key,
// whatever their order.
func (m *ServerMessage) setKey(key string, v jsontext.Token) (err error) {
	switch key {
	case "WELCOME":
		m.raiseKind(ServerWelcome)
	case vaiven.KeyDevice:
		if k := v.Kind(); k != '0' && k != '"' {
			return errors.New("neither a number nor text")
		}
		m.Device, err = vaiven.ParseDevice(v.String())
	case vaiven.KeyBoot:
		var s string
		if s, err = textOf(v); err == nil {
			m.Boot, err = vaiven.ParseBoot(s)
		}
	case "ACK":
		m.raiseKind(ServerAck)
		m.Ack, err = uintOf(v)
	case "NOW":
		m.Now, err = intOf(v)
	case vaiven.KeyRev:
		m.Rev, err = uintOf(v)
	case "UNTIL":
		m.HasUntil = true
		m.Until, err = intOf(v)
	case "NONCE":
		m.raiseKind(ServerNonce)
		if m.Nonce, err = textOf(v); err == nil && !vaiven.ValidNonce(m.Nonce) {
			err = errors.New("not 32 hexadecimal digits")
		}
	case vaiven.KeyToken:
		m.raiseKind(ServerToken)
		m.Token, err = textOf(v)
	case "ERROR":
		m.raiseKind(ServerError)
		m.Text, err = textOf(v)
	case "BYE":
		m.raiseKind(ServerBye)
		m.Text, err = textOf(v)
	case "CODE":
		var s string
		s, err = textOf(v)
		m.Code = vaiven.Code(s)
	case "AT":
		var n int64
		n, err = intOf(v)
		m.At = int(n)
	case vaiven.KeySeq:
		m.Seq, err = uintOf(v)
	case "RETRY":
		n, err := intOf(v)
		if err == nil && (n < 0 || n > math.MaxInt64/int64(time.Millisecond)) {
			err = errors.New("not a duration")
		}
		m.HasRetry, m.Retry = true, time.Duration(n)*time.Millisecond
		return err
	default:
		if v.Kind() != '0' || !vaiven.ValidName(key) {
			return nil // of a later protocol
		}
		f, err := strconv.ParseFloat(v.String(), 64)
		if err != nil {
			return errors.New("not a finite number")
		}
		m.States = append(m.States, vaiven.Value{Name: key, Num: f})
	}
	return err
}

// raiseKind sets the kind, unless a more telling key was seen.
func (m *ServerMessage) raiseKind(k ServerKind) {
	if m.Kind == 0 || m.Kind == ServerAck {
		m.Kind = k
	} else if k != ServerAck {
		m.Kind = max(m.Kind, k)
	}
}

func uintOf(v jsontext.Token) (uint64, error) {
	if v.Kind() != '0' {
		return 0, errors.New("not a number")
	}
	return strconv.ParseUint(v.String(), 10, 64)
}

func intOf(v jsontext.Token) (int64, error) {
	if v.Kind() != '0' {
		return 0, errors.New("not a number")
	}
	return strconv.ParseInt(v.String(), 10, 64)
}

func textOf(v jsontext.Token) (string, error) {
	if v.Kind() != '"' {
		return "", errors.New("not text")
	}
	return v.String(), nil
}
