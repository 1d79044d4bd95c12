//go:build suites && linux

package changes

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// network is what lies between one board and the server. It can be slow, stand
// still without losing anything, be cut, and forget that a board was ever there.
type network struct {
	delay time.Duration // at most, of what passes in either direction

	mu     sync.Mutex
	still  chan struct{} // closed when it goes on; nil while it does
	stalls int           // that are not over
	cables []*cable
	lost   []net.Conn // their board has no power, and the server does not know yet
}

// dial is the NetDial of the board's client.
func (n *network) dial(ctx context.Context, proto, addr string) (net.Conn, error) {
	c := &cable{n: n, closed: make(chan struct{})}
	n.mu.Lock()
	still := n.still
	n.mu.Unlock()
	if still != nil {
		select {
		case <-still:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, proto, addr)
	if err != nil {
		return nil, err
	}
	c.Conn = conn
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cables = append(n.cables, c)
	return c, nil
}

// stall stops everything until the function returned is called; of several
// stalls at a time the longest counts.
func (n *network) stall() (goOn func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stalls++; n.stalls == 1 {
		n.still = make(chan struct{})
	}
	return sync.OnceFunc(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.stalls--; n.stalls == 0 {
			close(n.still)
			n.still = nil
		}
	})
}

// cut resets every connection, or, if nobody is to notice, leaves the server with
// connections that have no board any more.
func (n *network) cut(unnoticed bool) {
	n.mu.Lock()
	cables := n.cables
	n.cables = nil
	for _, c := range cables {
		if c.dead.Load() {
			continue
		}
		if unnoticed {
			c.silent.Store(true)
			n.lost = append(n.lost, c.Conn)
		}
	}
	n.mu.Unlock()
	for _, c := range cables {
		if tcp, ok := c.Conn.(*net.TCPConn); ok && !unnoticed {
			_ = tcp.SetLinger(0) // RST
		}
		_ = c.Close()
	}
}

// bury closes what the server was left with.
func (n *network) bury() {
	n.mu.Lock()
	lost := n.lost
	n.lost = nil
	n.mu.Unlock()
	for _, c := range lost {
		_ = c.Close()
	}
}

// cable is one connection.
type cable struct {
	net.Conn
	n      *network
	silent atomic.Bool // the board has no power: nothing is sent, not even an end
	dead   atomic.Bool
	once   sync.Once
	closed chan struct{}
}

// pass waits as long as the network wants; false when the connection is over.
func (c *cable) pass() bool {
	if d := c.n.delay; d > 0 && !c.wait(time.After(time.Duration(rand.Int64N(int64(d))))) {
		return false
	}
	c.n.mu.Lock()
	still := c.n.still
	c.n.mu.Unlock()
	if still == nil {
		return !c.dead.Load()
	}
	select {
	case <-still:
		return !c.dead.Load()
	case <-c.closed:
		return false
	}
}

func (c *cable) wait(t <-chan time.Time) bool {
	select {
	case <-t:
		return true
	case <-c.closed:
		return false
	}
}

func (c *cable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.pass() {
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *cable) Write(p []byte) (int, error) {
	if !c.pass() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

// Close ends the connection. One whose board lost its power unnoticed only ends
// on the board's side.
func (c *cable) Close() error {
	c.once.Do(func() {
		c.dead.Store(true)
		close(c.closed)
	})
	if c.silent.Load() {
		return c.Conn.SetReadDeadline(time.Unix(1, 0)) // whoever reads goes home
	}
	return c.Conn.Close()
}
