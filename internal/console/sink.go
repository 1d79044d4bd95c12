package console

import (
	"errors"
	"fmt"
)

// maxHeld is how many bytes a sink gathers before it writes, and how large a
// buffer it keeps between batches.
const maxHeld = 64 << 10

// sink gathers the lines of one record and writes them with one write. What
// could not be written stays in it, to the byte, for the next flush.
type sink struct {
	to   Terminal
	name string
	buf  []byte
	gone *GoneError // nobody reads here any more: what is gathered is dropped
}

// flush writes what was gathered; it blocks while the reader does not read. That
// the reader is gone is no error here: others may still read elsewhere.
func (s *sink) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	if s.gone != nil {
		s.buf = s.buf[:0]
		return nil
	}
	n, err := s.to.W.Write(s.buf)
	if errors.As(err, &s.gone) {
		s.buf = nil
		return nil
	}
	if err != nil {
		s.buf = s.buf[min(max(n, 0), len(s.buf)):]
		return fmt.Errorf("write %s: %w", s.name, err)
	}
	if cap(s.buf) > 2*maxHeld {
		s.buf = nil
	}
	s.buf = s.buf[:0]
	return nil
}

// over is the error of a view all of whose readers are gone.
func over(sinks ...*sink) error {
	var errs []error
	for _, s := range sinks {
		if s.gone == nil {
			return nil
		}
		errs = append(errs, s.gone)
	}
	return errors.Join(errs...)
}

// once makes a record count once, although Apply is called again with it after
// an error: its lines are gathered the first time, and only written later.
type once struct {
	pos    uint64
	failed bool
}

// again reports whether the record at pos was gathered before.
func (o *once) again(pos uint64) bool { return o.failed && pos == o.pos }

// result remembers how the record at pos went.
func (o *once) result(pos uint64, errs ...error) error {
	err := errors.Join(errs...)
	o.pos, o.failed = pos, err != nil
	return err
}
