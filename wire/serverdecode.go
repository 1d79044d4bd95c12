package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"vaiven"
)

// ServerKind says what the server sent.
type ServerKind uint8

// The messages of a server.
const (
	ServerWelcome ServerKind = iota + 1
	ServerAck
	ServerDesired
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

	Token string
	Text  string      // error, bye
	Code  vaiven.Code // error
	At    int         // error: byte in the refused message, -1 when not said
	Seq   uint64      // error, 0: not said

	Retry    time.Duration // error, bye; only with HasRetry
	HasRetry bool
}

// DecodeServer reads a message of the server. Keys that a later server may add
// are ignored if they hold text; numbers under unknown keys are states.
func DecodeServer(p []byte) (ServerMessage, error) {
	m := ServerMessage{At: -1}
	dec := jsontext.NewDecoder(bytes.NewBuffer(p))
	tok, err := dec.ReadToken()
	if err != nil {
		return m, fmt.Errorf("server message: %w", err)
	}
	if tok.Kind() != '{' {
		return m, errors.New("server message: not an object")
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return m, fmt.Errorf("server message: %w", err)
		}
		key := name.String()
		if k := dec.PeekKind(); k == '{' || k == '[' {
			return m, fmt.Errorf("server message: %s is nested", vaiven.Shorten(key))
		}
		v, err := dec.ReadToken()
		if err != nil {
			return m, fmt.Errorf("server message: %w", err)
		}
		if err := m.set(key, v); err != nil {
			return m, fmt.Errorf("server message: %s: %w", vaiven.Shorten(key), err)
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return m, fmt.Errorf("server message: %w", err)
	}
	if rest := bytes.TrimLeft(dec.UnreadBuffer(), " \t\r\n"); len(rest) > 0 {
		return m, errors.New("server message: something behind the object")
	}
	return m, m.finish()
}

// set takes one key. The message's kind is that of its most telling key,
// whatever their order.
func (m *ServerMessage) set(key string, v jsontext.Token) (err error) {
	switch key {
	case "WELCOME":
		m.is(ServerWelcome)
	case vaiven.KeyDevice:
		err = m.setDevice(v)
	case vaiven.KeyBoot:
		err = m.setBoot(v)
	case "ACK":
		m.is(ServerAck)
		m.Ack, err = uintOf(v)
	case "NOW":
		m.Now, err = intOf(v)
	case vaiven.KeyRev:
		m.Rev, err = uintOf(v)
	case "UNTIL":
		m.HasUntil = true
		m.Until, err = intOf(v)
	case vaiven.KeyToken:
		m.is(ServerToken)
		m.Token, err = textOf(v)
	case "ERROR":
		m.is(ServerError)
		m.Text, err = textOf(v)
	case "BYE":
		m.is(ServerBye)
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
		err = m.setRetry(v)
	default:
		err = m.setState(key, v)
	}
	return err
}

func (m *ServerMessage) setDevice(v jsontext.Token) (err error) {
	if k := v.Kind(); k != '0' && k != '"' {
		return errors.New("neither a number nor text")
	}
	m.Device, err = vaiven.ParseDevice(v.String())
	return err
}

func (m *ServerMessage) setBoot(v jsontext.Token) error {
	s, err := textOf(v)
	if err != nil {
		return err
	}
	m.Boot, err = vaiven.ParseBoot(s)
	return err
}

func (m *ServerMessage) setRetry(v jsontext.Token) error {
	n, err := intOf(v)
	if err != nil {
		return err
	}
	if n < 0 || n > math.MaxInt64/int64(time.Millisecond) {
		return errors.New("not a duration")
	}
	m.HasRetry, m.Retry = true, time.Duration(n)*time.Millisecond
	return nil
}

func (m *ServerMessage) setState(key string, v jsontext.Token) error {
	if v.Kind() != '0' || !vaiven.ValidName(key) {
		return nil // of a later protocol
	}
	f, err := strconv.ParseFloat(v.String(), 64)
	if err != nil {
		return errors.New("not a finite number")
	}
	m.States = append(m.States, vaiven.Value{Name: key, Num: f})
	return nil
}

// is sets the kind, unless a more telling key was seen.
func (m *ServerMessage) is(k ServerKind) {
	if m.Kind == 0 || m.Kind == ServerAck {
		m.Kind = k
	} else if k != ServerAck {
		m.Kind = max(m.Kind, k)
	}
}

// finish checks that the kind has what it needs.
func (m *ServerMessage) finish() error {
	if m.Kind == 0 && (len(m.States) > 0 || m.Rev != 0) {
		m.Kind = ServerDesired
	}
	switch m.Kind {
	case 0:
		return errors.New("server message: of no known kind")
	case ServerWelcome, ServerAck, ServerDesired, ServerToken:
		if m.Device == "" {
			return errors.New("server message: no IDDEVICE")
		}
	}
	return nil
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
