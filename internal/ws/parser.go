package ws

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// maxEmpty is how many fragments without payload a message may have: each
// costs the peer six bytes and would never reach MaxMessage.
const maxEmpty = 1024

// sink takes what a parser has found. Payloads are valid during the call only.
type sink interface {
	message(op Op, payload []byte)
	control(op ws.OpCode, payload []byte)
}

// parser is the state machine of RFC 6455, section 5, for what a server
// receives. It is pushed bytes in pieces of any size, and what it finds does
// not depend on where they are cut. It is small when it waits for a frame.
type parser struct {
	head [ws.MaxHeaderSize]byte // the beginning of a header that was cut
	have uint8                  // how much of head there is

	inFrame bool
	fin     bool
	op      ws.OpCode // of the frame
	msgOp   ws.OpCode // of the message under way; 0: none
	text    text
	empty   uint16 // fragments without payload in this message
	mask    [4]byte
	pos     int // payload bytes of this frame that were seen
	left    int // payload bytes of this frame that are missing

	part *[]byte           // the message so far, from the pool; nil: nothing
	ctl  *[maxControl]byte // a control frame's payload that was cut
}

// feed takes the next bytes, in place: it unmasks them. The error, a
// *CloseError, ends the connection: the peer's own close frame, or what it is
// to be closed with. Nothing may be fed after it.
func (p *parser) feed(b []byte, limit int, s sink) error {
	for len(b) > 0 {
		if !p.inFrame {
			n, err := p.header(b, limit)
			if err != nil {
				return err
			}
			b = b[n:]
			if !p.inFrame {
				return nil // the header goes on in the next piece
			}
		}
		n := min(p.left, len(b))
		chunk := b[:n]
		b = b[n:]
		if err := p.payload(chunk, limit, s); err != nil {
			return err
		}
	}
	return nil
}

// header consumes a header or a part of it, and begins the frame when it is
// whole.
func (p *parser) header(b []byte, limit int) (int, error) {
	h := b
	if p.have > 0 {
		n := copy(p.head[p.have:], b)
		h = p.head[:int(p.have)+n]
	}
	size := 2
	if len(h) >= 2 {
		size = headerSize(h[1])
		if err := p.check(h, limit); err != nil {
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
	p.begin(h[:size])
	n := size - int(p.have)
	p.have = 0
	return n, nil
}

// headerSize is the size of a masked frame's header, by its second byte.
func headerSize(b1 byte) int {
	switch b1 & 0x7F {
	case 126:
		return 2 + 2 + 4
	case 127:
		return 2 + 8 + 4
	}
	return 2 + 4
}

// check looks at a header of at least two bytes as far as it is known.
func (p *parser) check(b []byte, limit int) error {
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
	n, known := payloadSize(b)
	switch {
	case !known || h.OpCode.IsControl():
		return nil
	case n > 1<<63-1:
		return refuse(StatusProtocol, "payload length beyond 63 bits")
	case h.Length == 126 && n <= 125, h.Length == 127 && n <= 0xFFFF:
		return refuse(StatusProtocol, "payload length not in its shortest form")
	case n > uint64(limit-p.size()):
		return refuse(StatusTooBig, "message too big")
	}
	return nil
}

// payloadSize reads the length of a header that may be cut.
func payloadSize(b []byte) (n uint64, known bool) {
	switch l := b[1] & 0x7F; {
	case l == 126:
		if len(b) < 4 {
			return 0, false
		}
		return uint64(binary.BigEndian.Uint16(b[2:])), true
	case l == 127:
		if len(b) < 10 {
			return 0, false
		}
		return binary.BigEndian.Uint64(b[2:]), true
	default:
		return uint64(l), true
	}
}

// begin starts the frame of a whole header that was checked.
func (p *parser) begin(h []byte) {
	n, _ := payloadSize(h)
	p.inFrame = true
	p.fin = h[0]&0x80 != 0
	p.op = ws.OpCode(h[0] & 0x0F)
	p.mask = [4]byte(h[len(h)-4:])
	p.pos, p.left = 0, int(n)
	if p.op == ws.OpText || p.op == ws.OpBinary {
		p.msgOp = p.op
	}
}

// payload takes the next piece of the frame's payload, which may be empty, and
// ends the frame when it is whole.
func (p *parser) payload(chunk []byte, limit int, s sink) error {
	ws.Cipher(chunk, p.mask, p.pos)
	if p.op.IsControl() {
		return p.controlPayload(chunk, s)
	}
	p.pos += len(chunk)
	p.left -= len(chunk)
	if p.msgOp == ws.OpText && !p.text.feed(chunk) {
		return refuse(StatusBadText, "text is not UTF-8")
	}
	if p.left > 0 || !p.fin {
		p.keep(chunk, limit)
	}
	if p.left > 0 {
		return nil
	}
	p.inFrame = false
	if !p.fin {
		return p.fragment()
	}
	return p.finish(chunk, limit, s)
}

// fragment ends a frame that is not its message's last.
func (p *parser) fragment() error {
	if p.pos > 0 {
		return nil
	}
	if p.empty++; p.empty > maxEmpty {
		return refuse(StatusPolicy, "too many empty fragments")
	}
	return nil
}

// finish hands on the message whose last piece is chunk.
func (p *parser) finish(chunk []byte, limit int, s sink) error {
	if !p.text.whole() {
		return refuse(StatusBadText, "text ends inside a character")
	}
	op := Op(p.msgOp)
	p.msgOp, p.empty = 0, 0
	if p.part == nil {
		s.message(op, chunk)
		return nil
	}
	p.keep(chunk, limit)
	s.message(op, *p.part)
	p.release()
	return nil
}

func (p *parser) controlPayload(chunk []byte, s sink) error {
	if len(chunk) < p.left && p.ctl == nil {
		p.ctl = new([maxControl]byte)
	}
	if p.ctl != nil {
		copy(p.ctl[p.pos:], chunk)
	}
	p.pos += len(chunk)
	p.left -= len(chunk)
	if p.left > 0 {
		return nil
	}
	if p.ctl != nil {
		chunk = p.ctl[:p.pos]
	}
	p.inFrame, p.ctl = false, nil
	if p.op == ws.OpClose {
		return closePayload(chunk)
	}
	s.control(p.op, chunk)
	return nil
}

// closePayload reads a close frame: what the peer says, or what is wrong with
// it.
func closePayload(b []byte) error {
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
