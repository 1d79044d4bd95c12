package load

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// MaxWindow is the largest number of readings in flight on one connection.
const MaxWindow = 64

type stage uint8

const (
	stageNew stage = iota
	stageDialing
	stageOpening
	stageOpen
	stageGreeting
	stageReady
)

// board is one connection of the fleet.
type board struct {
	index int
	fd    int
	stage stage
	says  Protocol
	in    []byte // beginning of a message whose rest has not arrived
	out   []byte // what the socket did not take yet

	sent, acked uint64
	due         [MaxWindow]int64 // when each reading in flight was due, by seq
}

func (b *board) inFlight() int { return int(b.sent - b.acked) }

// dial starts a connection from the loopback address that belongs to the
// board's index: many addresses, because one has 28,000 ports, and because a
// server may limit the connections of one address.
func (b *board) dial(to syscall.SockaddrInet4) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	b.fd = fd
	const bindAddressNoPort = 24 // IP_BIND_ADDRESS_NO_PORT: the port is chosen by connect, per destination
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, bindAddressNoPort, 1)
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: source(b.index)}); err != nil {
		return fmt.Errorf("bind %v: %w", source(b.index), err)
	}
	if err := syscall.Connect(fd, &to); err != nil && !errors.Is(err, syscall.EINPROGRESS) {
		return fmt.Errorf("connect: %w", err)
	}
	b.stage = stageDialing
	return nil
}

const boardsPerAddress = 25

func source(index int) [4]byte {
	a := index / boardsPerAddress
	return [4]byte{127, 1, byte(a / 250), byte(1 + a%250)}
}

// dialed reports whether the connection that was started came up.
func (b *board) dialed() error {
	code, err := syscall.GetsockoptInt(b.fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err == nil && code != 0 {
		err = syscall.Errno(code)
	}
	return err
}

// read takes what has arrived; io.EOF when the server closed. Called only when
// the poller said that there is something.
func (b *board) read(buf []byte) ([]byte, error) {
	n, err := syscall.Read(b.fd, buf)
	switch {
	case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR):
		return nil, nil
	case err != nil:
		return nil, err
	case n == 0:
		return nil, io.EOF
	case len(b.in) == 0:
		return buf[:n], nil
	}
	b.in = append(b.in, buf[:n]...)
	return b.in, nil
}

// write sends p, or keeps what the socket does not take: full says that the
// poller must tell when there is room.
func (b *board) write(p []byte) (full bool, err error) {
	if len(b.out) > 0 {
		b.out = append(b.out, p...)
		return true, nil
	}
	n, err := syscall.Write(b.fd, p)
	if err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR) {
		return false, err
	}
	if n = max(n, 0); n < len(p) {
		b.out = append(b.out, p[n:]...)
		return true, nil
	}
	return false, nil
}

// close resets the connection, so that no port stays behind in TIME_WAIT.
func (b *board) close() {
	if b.stage == stageNew {
		return
	}
	_ = syscall.SetsockoptLinger(b.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
	_ = syscall.Close(b.fd)
	b.stage = stageNew
}
