package ws

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Op is the kind of a message.
type Op byte

// The kinds of messages (RFC 6455, section 5.6).
const (
	Text   Op = Op(ws.OpText)
	Binary Op = Op(ws.OpBinary)
)

// maxControl is the largest payload of a control frame (section 5.5).
const maxControl = ws.MaxControlFramePayloadSize

// frameSize is the size of an unmasked frame with n bytes of payload.
func frameSize(n int) int { return ws.HeaderSize(ws.Header{Length: int64(n)}) + n }

// appendFrame appends a final, unmasked frame. (ws.WriteHeaderBuffer writes to
// an interface, which would cost an allocation per message.)
func appendFrame(b []byte, op ws.OpCode, p []byte) []byte {
	b = append(b, 0x80|byte(op))
	switch n := len(p); {
	case n <= 125:
		b = append(b, byte(n))
	case n <= 0xFFFF:
		b = append(b, 126)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b = append(b, 127)
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return append(b, p...)
}

// appendClose appends a close frame. Code 1005 means none: the frame is empty.
// The reason is cut to what fits, at a character's edge.
func appendClose(b []byte, code uint16, reason string) []byte {
	if code == StatusNone {
		return appendFrame(b, ws.OpClose, nil)
	}
	n := min(len(reason), maxControl-2)
	for n > 0 && n < len(reason) && !utf8.RuneStart(reason[n]) {
		n--
	}
	b = append(b, 0x80|byte(ws.OpClose), byte(2+n))
	b = binary.BigEndian.AppendUint16(b, code)
	return append(b, reason[:n]...)
}
