package sim

import (
	"context"
	"net"
	"sync/atomic"
)

// accident is what happens to a board's next write.
type accident int32

const (
	none   accident = iota
	vanish          // the bytes go nowhere, and the connection is gone
	sever           // the bytes leave, and the connection is gone behind them
)

// accidents dials for one board and lets things happen to its connections.
type accidents struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	next atomic.Int32
	last atomic.Pointer[frailConn]
	done *atomic.Uint64 // how many happened
}

func (a *accidents) arm(what accident) { a.next.Store(int32(what)) }

func (a *accidents) netDial(ctx context.Context, network, addr string) (net.Conn, error) {
	dial := a.dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	c, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	own := &frailConn{Conn: c, accidents: a}
	a.last.Store(own)
	return own, nil
}

// cut ends the present connection, if there is one.
func (a *accidents) cut() {
	if c := a.last.Swap(nil); c != nil {
		a.done.Add(1)
		_ = c.Close()
	}
}

// frailConn is a connection that accidents happen to.
type frailConn struct {
	net.Conn
	accidents *accidents
}

func (c *frailConn) Write(p []byte) (int, error) {
	if c.accidents.next.Load() == int32(none) {
		return c.Conn.Write(p)
	}
	switch accident(c.accidents.next.Swap(int32(none))) {
	case vanish:
		c.accidents.done.Add(1)
		return len(p), c.Close()
	case sever:
		c.accidents.done.Add(1)
		n, err := c.Conn.Write(p)
		_ = c.Close()
		return n, err
	}
	return c.Conn.Write(p)
}
