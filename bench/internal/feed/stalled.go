package feed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Stalled are followers who ask for everything from the log's beginning and
// never read.
type Stalled struct{ conns []net.Conn }

const (
	// littleRoom is the receive buffer of one who does not read, in bytes, so
	// that what was sent stays at the server.
	littleRoom = 4 << 10
	// questions is how many polls are sent ahead: one answer, of 256 KiB at
	// most, would fit into the server's send buffer.
	questions = 40
)

// Stall connects n of them. The caller closes them.
func Stall(ctx context.Context, addr string, t Transport, n int) (*Stalled, error) {
	s := &Stalled{}
	query, headers, times := "kind=reading&after=0", "", 1
	switch t {
	case WebSocket:
		headers = upgrade
	case Poll:
		query, times = query+"&limit=5000", questions
	}
	var ask []byte
	for range times {
		ask = append(ask, request(addr, t, query, headers)...)
	}
	for range n {
		if err := s.connect(ctx, addr, ask); err != nil {
			return nil, errors.Join(fmt.Errorf("stalled %s follower: %w", t, err), s.Close())
		}
	}
	return s, nil
}

func (s *Stalled) connect(ctx context.Context, addr string, ask []byte) error {
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, littleRoom)
		})
		return errors.Join(failed, err)
	}}
	c, err := d.DialContext(ctx, "tcp4", addr)
	if err != nil {
		return err
	}
	s.conns = append(s.conns, c)
	_ = c.(*net.TCPConn).SetLinger(0) // Close resets
	_, err = c.Write(ask)
	return err
}

// Close resets their connections. Safe twice.
func (s *Stalled) Close() error {
	for _, c := range s.conns {
		_ = c.Close() // nothing is lost with it
	}
	s.conns = nil
	return nil
}
