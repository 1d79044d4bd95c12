package limit

import (
	"context"
	"errors"
	"net"
)

// rank is how a connection stands against newcomers.
type rank uint8

const (
	waits   rank = iota // nothing of worth has come of it: it gives way
	busy                // a request is under way, or a board was heard
	trusted             // an approved board, or an administrator
	ended
)

// Conn is an accepted connection that has a place, until it is closed. Its methods
// beside those of net.TCPConn do nothing on a nil Conn.
type Conn struct {
	*net.TCPConn
	places *Places
	of     *holder
	before *Conn // in of.waiting
	behind *Conn
	rank   rank // as Places.mu has it
	counts bool // in settled
}

// Listen gives the connections that l accepts their places.
func (p *Places) Listen(l net.Listener) net.Listener { return &listener{l, p} }

type listener struct {
	net.Listener
	places *Places
}

// Accept implements net.Listener. What finds no place is closed, and the next accepted.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		t, ok := c.(*net.TCPConn)
		if !ok {
			return nil, errors.Join(errors.New("limit: not a TCP connection"), c.Close())
		}
		if placed := l.places.take(t); placed != nil {
			return placed, nil
		}
	}
}

// reset closes a connection without a word, so that nothing of it stays behind.
func (c *Conn) reset() {
	_ = c.SetLinger(0)
	_ = c.TCPConn.Close() // whoever has it learns of it
}

// Close gives the place back.
func (c *Conn) Close() error {
	p := c.places
	p.mu.Lock()
	if c.rank != ended {
		p.leave(c)
	}
	p.mu.Unlock()
	return c.TCPConn.Close()
}

// Wait says that the connection only waits, for a request or for something of worth: it
// gives way to newcomers. One that is trusted stays so.
func (c *Conn) Wait() {
	if c == nil {
		return
	}
	p := c.places
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.rank == busy {
		p.discount(c)
		p.wait(c)
	}
}

// Heard says that something of worth came: the connection does not give way any more,
// as long as an eighth of the places, its address's and all, is left to who arrives.
func (c *Conn) Heard() {
	if c == nil {
		return
	}
	p := c.places
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.rank != waits || p.settled >= unreserved(p.o.Max) || c.of.bounded && c.of.settled >= unreserved(p.o.PerAddress) {
		return
	}
	p.unwait(c)
	c.rank, c.counts = busy, true
	p.settled++
	c.of.settled++
}

// Trust says that whoever speaks is known: an approved board, or an administrator. The
// connection never gives way.
func (c *Conn) Trust() {
	if c == nil {
		return
	}
	p := c.places
	p.mu.Lock()
	defer p.mu.Unlock()
	switch c.rank {
	case waits:
		p.unwait(c)
	case ended:
		return
	}
	p.discount(c)
	c.rank = trusted
}

// Trusted reports whether Trust was said of it.
func (c *Conn) Trusted() bool {
	if c == nil {
		return false
	}
	c.places.mu.Lock()
	defer c.places.mu.Unlock()
	return c.rank == trusted
}

// Placed is the connection, also for whoever is made of it.
func (c *Conn) Placed() *Conn { return c }

// Of is the placed connection that another is made of (TLS over it, or a wrapper), nil
// for none.
func Of(c net.Conn) *Conn {
	for {
		switch x := c.(type) {
		case interface{ Placed() *Conn }:
			return x.Placed()
		case interface{ NetConn() net.Conn }:
			c = x.NetConn()
		default:
			return nil
		}
	}
}

type contextKey struct{}

// NewContext returns a context that carries the connection's place.
func NewContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, contextKey{}, Of(c))
}

// FromContext is the place of the connection that a request came over; nil for none.
func FromContext(ctx context.Context) *Conn {
	c, _ := ctx.Value(contextKey{}).(*Conn)
	return c
}
