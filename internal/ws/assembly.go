package ws

import "sync"

// Buffers for messages that do not arrive in one piece. Large ones are left to
// the garbage collector, so that a rare big message does not stay for ever.
const maxPooled = 64 << 10

var parts = sync.Pool{New: func() any { return new([]byte) }}

// size is how much of the message under way is held.
func (p *parser) size() int {
	if p.part == nil {
		return 0
	}
	return len(*p.part)
}

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

// release gives the buffer of the message under way back.
func (p *parser) release() {
	if p.part != nil && cap(*p.part) <= maxPooled {
		parts.Put(p.part)
	}
	p.part = nil
}
