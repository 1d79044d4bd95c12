package board

import "vaiven/bench/internal/load"

// rawFirst keeps the width of SEQ constant, because raw TCP has no frames: both
// sides count bytes.
const rawFirst = 1_000_000

// RawRequest is a reading's bytes, an example: every request is as long.
func RawRequest() []byte { return NewIdentity(0).appendReading(nil, rawFirst) }

// RawAnswer is an acknowledgement's bytes.
func RawAnswer() []byte { return NewIdentity(0).appendAck(nil, rawFirst) }

// Raw is a board on bare TCP: the reading's bytes go, the ack's bytes come.
type Raw struct {
	id     Identity
	answer int
	acked  uint64
}

// NewRaw returns what board i says.
func NewRaw(i int) load.Protocol {
	return &Raw{id: NewIdentity(i), answer: len(RawAnswer())}
}

// Open says nothing.
func (r *Raw) Open(out []byte) []byte { return out }

// Greet says nothing.
func (r *Raw) Greet(out []byte) []byte { return out }

// Reading appends the reading's bytes.
func (r *Raw) Reading(out []byte, seq uint64) []byte {
	return r.id.appendReading(out, rawFirst+seq)
}

// Receive counts one answer.
func (r *Raw) Receive(in, out []byte) (int, []byte, load.News, error) {
	if len(in) < r.answer {
		return 0, out, load.News{}, nil
	}
	r.acked++
	return r.answer, out, load.News{Acked: r.acked}, nil
}
