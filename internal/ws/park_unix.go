//go:build unix

package ws

import (
	"io"
	"syscall"
)

// canPark: a goroutine can wait for a socket without holding a buffer.
const canPark = true

// tryRead is the callback of the parking read: it gets a buffer only for as
// long as there is something to read. It runs no handler, since the descriptor
// cannot be closed while it runs.
func (c *Conn) tryRead(fd uintptr) bool {
	in := &c.in
	if in.buf == nil {
		in.buf = readBuffers.Get().(*readBuffer)
	}
	n, err := syscall.Read(int(fd), in.buf[:])
	for err == syscall.EINTR {
		n, err = syscall.Read(int(fd), in.buf[:])
	}
	if err == syscall.EAGAIN {
		readBuffers.Put(in.buf)
		in.buf, in.n, in.err = nil, 0, errEmpty
		return in.once
	}
	if n == 0 && err == nil {
		err = io.EOF
	}
	in.n, in.err = int32(max(n, 0)), err
	return true
}

// tryWrite is the callback of a write that never waits; a full socket is not an
// error.
func (f *frame) tryWrite(fd uintptr) bool {
	n, err := syscall.Write(int(fd), f.b)
	for err == syscall.EINTR {
		n, err = syscall.Write(int(fd), f.b)
	}
	if err == syscall.EAGAIN {
		err = nil
	}
	f.n, f.err = max(n, 0), err
	return true
}
