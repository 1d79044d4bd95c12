package console

import "fmt"

// maxHeld is how many bytes a sink gathers before it writes, and how large a
// buffer it keeps between batches.
const maxHeld = 64 << 10

// sink gathers the lines of one batch and writes them with one write. Its
// first error stays: a line that was half written is not tried again.
type sink struct {
	to   Terminal
	name string
	buf  []byte
	err  error
}

// flush writes what was gathered; it blocks while the reader does not read.
func (s *sink) flush() error {
	if s.err == nil && len(s.buf) > 0 {
		if _, err := s.to.W.Write(s.buf); err != nil {
			s.err = fmt.Errorf("write %s: %w", s.name, err)
		}
	}
	if cap(s.buf) > 2*maxHeld {
		s.buf = nil
	}
	s.buf = s.buf[:0]
	return s.err
}
