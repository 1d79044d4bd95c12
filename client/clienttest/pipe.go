package clienttest

import (
	"context"
	"net"
	"sync"
)

// Pipe is a network of its own, in memory: a listener for Options.Listener and
// a dialler for client.Options.NetDial. Unlike a socket it works inside
// testing/synctest, where time stands still while bytes move.
type Pipe struct {
	conns chan net.Conn
	down  chan struct{}
	once  sync.Once
}

// NewPipe returns a network with nobody on it.
func NewPipe() *Pipe {
	return &Pipe{conns: make(chan net.Conn), down: make(chan struct{})}
}

// Accept implements net.Listener.
func (p *Pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.down:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *Pipe) Close() error {
	p.once.Do(func() { close(p.down) })
	return nil
}

// Addr implements net.Listener.
func (p *Pipe) Addr() net.Addr { return pipeAddr{} }

// Dial connects to the listener, whatever the address.
func (p *Pipe) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.down:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "vaiven.test:80" }
