//go:build unix

package ws

import "syscall"

// canPark: a goroutine can wait for a socket without holding a buffer.
const canPark = true

// sysRead reads once. again: nothing is there.
func sysRead(fd uintptr, b []byte) (n int, again bool, err error) {
	for {
		n, err = syscall.Read(int(fd), b)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		n = 0
	}
	return n, err == syscall.EAGAIN, err
}

// sysWrite writes once; a full socket is not an error.
func sysWrite(fd uintptr, b []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), b)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, err
		}
	}
}
