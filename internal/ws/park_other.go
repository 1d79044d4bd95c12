//go:build !unix

package ws

import "errors"

// canPark: this system has no such call, every connection takes the portable
// loop, and the functions below are never reached.
const canPark = false

func (c *Conn) tryRead(uintptr) bool {
	c.in.n, c.in.err = 0, errors.ErrUnsupported
	return true
}

func (f *frame) tryWrite(uintptr) bool {
	f.n, f.err = 0, errors.ErrUnsupported
	return true
}
