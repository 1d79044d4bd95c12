package ws

import (
	"encoding/binary"
	"sync"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// maxEmpty is how many fragments without payload a message may have: each
// costs the peer six bytes and would never reach MaxMessage.
const maxEmpty = 1024

// maxControl is the largest payload of a control frame (section 5.5).
const maxControl = ws.MaxControlFramePayloadSize

// parser is the state machine of RFC 6455, section 5, for what a server
// receives. It is given bytes in pieces of any size, and what it finds does
// not depend on where they are cut. It is small when it waits for a frame.
type parser struct {
	head [ws.MaxHeaderSize]byte // the beginning of a header that was cut
	have uint8                  // how much of head there is

	inFrame bool
	fin     bool
	op      ws.OpCode // of the frame
	msgOp   ws.OpCode // of the message under way; 0: none
	text    utf8Check
	empty   uint16 // fragments without payload in this message
	mask    [4]byte
	pos     int // payload bytes of this frame that were seen
	left    int // payload bytes of this frame that are missing

	part *[]byte           // the message so far, from the pool; nil: nothing
	ctl  *[maxControl]byte // a control frame's payload that was cut
}

// next takes bytes of b, in place since it unmasks them, up to the end of the
// next message or control frame, and returns how many it took. op is what it
// found, 0 if b ends before; payload is valid until the next call, or until
// releasePart. The error, a *CloseError, ends the connection: the peer's own
// close frame, or what it is to be closed with. Nothing may be given after it.
func (p *parser) next(b []byte, limit int) (op ws.OpCode, payload []byte, n int, err error) {
	for n < len(b) {
		if !p.inFrame {
			size, err := p.takeHeader(b[n:], limit)
			n += size
			if err != nil || !p.inFrame {
				return 0, nil, n, err // without an error the header goes on in the next piece
			}
		}
		chunk := b[n:]
		chunk = chunk[:min(p.left, len(chunk))]
		n += len(chunk)
		ws.Cipher(chunk, p.mask, p.pos)
		if p.op.IsControl() {
			if payload, whole, err := p.takeControl(chunk); whole || err != nil {
				return p.op, payload, n, err
			}
			continue
		}
		p.pos += len(chunk)
		p.left -= len(chunk)
		if p.msgOp == ws.OpText && (p.text.need > 0 || !utf8.Valid(chunk)) && !p.text.accept(chunk) {
			return 0, nil, n, refuse(StatusBadText, "text is not UTF-8")
		}
		if p.left > 0 || !p.fin || p.part != nil {
			p.keep(chunk, limit)
		}
		if p.left > 0 {
			continue
		}
		p.inFrame = false
		if !p.fin {
			if p.pos == 0 {
				p.empty++
			}
			if p.empty > maxEmpty {
				return 0, nil, n, refuse(StatusPolicy, "too many empty fragments")
			}
			continue
		}
		if p.text.need > 0 {
			return 0, nil, n, refuse(StatusBadText, "text ends inside a character")
		}
		op, p.msgOp, p.empty = p.msgOp, 0, 0
		if p.part != nil {
			return op, *p.part, n, nil
		}
		return op, chunk, n, nil
	}
	return 0, nil, n, nil
}

// takeHeader consumes a header or a part of it, checks it as far as it is
// known, and begins the frame when it is whole.
func (p *parser) takeHeader(b []byte, limit int) (int, error) {
	h := b
	if p.have > 0 {
		h = p.head[:int(p.have)+copy(p.head[p.have:], b)]
	}
	size, length, known := 2, uint64(0), false
	if len(h) >= 2 {
		switch l := h[1] & 0x7F; l { // the bytes of the length, and those of the mask
		case 126:
			if size, known = 2+2+4, len(h) >= 4; known {
				length = uint64(binary.BigEndian.Uint16(h[2:]))
			}
		case 127:
			if size, known = 2+8+4, len(h) >= 10; known {
				length = binary.BigEndian.Uint64(h[2:])
			}
		default:
			size, length, known = 2+4, uint64(l), true
		}
		if err := p.checkHeader(h, length, known, limit); err != nil {
			return 0, err
		}
	}
	if len(h) < size {
		if p.have == 0 {
			copy(p.head[:], h)
		}
		p.have = uint8(len(h))
		return len(b), nil
	}
	p.inFrame = true
	p.fin = h[0]&0x80 != 0
	p.op = ws.OpCode(h[0] & 0x0F)
	p.mask = [4]byte(h[size-4:])
	p.pos, p.left = 0, int(length)
	if p.op == ws.OpText || p.op == ws.OpBinary {
		p.msgOp = p.op
	}
	n := size - int(p.have)
	p.have = 0
	return n, nil
}

// checkHeader holds the first two bytes of a header against section 5.2, and its
// length once that is known.
func (p *parser) checkHeader(b []byte, length uint64, known bool, limit int) error {
	h := ws.Header{
		Fin:    b[0]&0x80 != 0,
		Rsv:    b[0] >> 4 & 7,
		OpCode: ws.OpCode(b[0] & 0x0F),
		Masked: b[1]&0x80 != 0,
		Length: int64(b[1] & 0x7F),
	}
	state := ws.StateServerSide
	if p.msgOp != 0 {
		state |= ws.StateFragmented
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return refuse(StatusProtocol, err.Error())
	}
	held := 0
	if p.part != nil {
		held = len(*p.part)
	}
	switch {
	case !known || h.OpCode.IsControl():
		return nil
	case length > 1<<63-1:
		return refuse(StatusProtocol, "payload length beyond 63 bits")
	case h.Length == 126 && length <= 125, h.Length == 127 && length <= 0xFFFF:
		return refuse(StatusProtocol, "payload length not in its shortest form")
	case length > uint64(limit-held):
		return refuse(StatusTooBig, "message too big")
	}
	return nil
}

// takeControl takes the next piece of a control frame's payload; whole means
// that the frame is over. A close frame is an error.
func (p *parser) takeControl(chunk []byte) (payload []byte, whole bool, err error) {
	if len(chunk) < p.left && p.ctl == nil {
		p.ctl = new([maxControl]byte)
	}
	if p.ctl != nil {
		copy(p.ctl[p.pos:], chunk)
	}
	p.pos += len(chunk)
	p.left -= len(chunk)
	if p.left > 0 {
		return nil, false, nil
	}
	if p.ctl != nil {
		chunk = p.ctl[:p.pos]
	}
	p.inFrame, p.ctl = false, nil
	if p.op == ws.OpClose {
		err = readClose(chunk)
	}
	return chunk, true, err
}

// readClose reads a close frame: what the peer says, or what is wrong with it.
func readClose(b []byte) error {
	switch {
	case len(b) == 0:
		return &CloseError{Code: StatusNone}
	case len(b) == 1:
		return refuse(StatusProtocol, "close frame with half a code")
	}
	code, reason := ws.ParseCloseFrameData(b)
	switch {
	case !validCode(uint16(code)):
		return refuse(StatusProtocol, "invalid close code")
	case !utf8.ValidString(reason):
		return refuse(StatusBadText, "close reason is not UTF-8")
	}
	return &CloseError{Code: uint16(code), Reason: reason}
}

// refuse is what the parser answers to a peer that broke a rule.
func refuse(code uint16, reason string) error {
	return &CloseError{Code: code, Reason: reason, Local: true}
}

// validCode reports whether a peer may send the code in a close frame: those
// that RFC 6455 and the IANA registry define for the wire, and 3000 to 4999.
func validCode(c uint16) bool {
	switch {
	case c >= 1000 && c <= 1003, c >= 1007 && c <= 1014:
		return true
	}
	return c >= 3000 && c <= 4999
}

// Buffers for messages that do not arrive in one piece. Large ones are left to
// the garbage collector, so that a rare big message does not stay for ever.
const maxPooled = 64 << 10

var parts = sync.Pool{New: func() any { return new([]byte) }}

// keep appends to the message under way. The buffer doubles as bytes arrive
// and never exceeds limit, which the headers were checked against.
func (p *parser) keep(chunk []byte, limit int) {
	if len(chunk) == 0 {
		return
	}
	if p.part == nil {
		p.part = parts.Get().(*[]byte)
		*p.part = (*p.part)[:0]
	}
	b := *p.part
	if need := len(b) + len(chunk); need > cap(b) {
		grown := make([]byte, len(b), min(limit, max(2*cap(b), need, 512)))
		copy(grown, b)
		b = grown
	}
	*p.part = append(b, chunk...)
}

// releasePart gives the buffer of the message under way back.
func (p *parser) releasePart() {
	if p.part != nil && cap(*p.part) <= maxPooled {
		parts.Put(p.part)
	}
	p.part = nil
}

// utf8Check checks UTF-8 that arrives in pieces (RFC 3629, without surrogates). It
// fails at the first byte that no valid text can contain at that place. The
// zero value is the beginning of a text.
type utf8Check struct {
	need   uint8 // continuation bytes still missing; 0: the text may end here
	lo, hi uint8 // what the next of them may be
}

// accept reports whether p may follow what was accepted before.
func (t *utf8Check) accept(p []byte) bool {
	for _, b := range p {
		if t.need > 0 {
			if b < t.lo || b > t.hi {
				return false
			}
			t.need--
			t.lo, t.hi = 0x80, 0xBF
			continue
		}
		if b >= utf8.RuneSelf && !t.takeLead(b) {
			return false
		}
	}
	return true
}

// takeLead begins a sequence of several bytes. The bounds of the second byte
// exclude overlong forms, surrogates and what lies beyond U+10FFFF.
func (t *utf8Check) takeLead(b byte) bool {
	t.lo, t.hi = 0x80, 0xBF
	switch {
	case b >= 0xC2 && b <= 0xDF:
		t.need = 1
	case b >= 0xE0 && b <= 0xEF:
		t.need = 2
		switch b {
		case 0xE0:
			t.lo = 0xA0
		case 0xED:
			t.hi = 0x9F
		}
	case b >= 0xF0 && b <= 0xF4:
		t.need = 3
		switch b {
		case 0xF0:
			t.lo = 0x90
		case 0xF4:
			t.hi = 0x8F
		}
	default:
		return false
	}
	return true
}
