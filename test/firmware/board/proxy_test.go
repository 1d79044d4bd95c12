//go:build suites && linux

package board

import (
	"net"
	"sync"
	"testing"
	"time"
)

// proxy lies between boards and the server, and can keep what the server says for
// a while: acknowledgements that come after the board gave up waiting for them.
type proxy struct {
	addr, server string

	mu    sync.Mutex
	hold  time.Duration // what the server says is late by so much; 0: not
	conns map[net.Conn]bool
	done  bool
	wait  sync.WaitGroup
}

func newProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), server: server, conns: map[net.Conn]bool{}}
	p.wait.Go(func() {
		for {
			board, err := l.Accept()
			if err != nil {
				return
			}
			p.wait.Go(func() { p.carry(board) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		p.done = true
		for c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		p.wait.Wait()
	})
	return p
}

// delay makes everything that the server says late.
func (p *proxy) delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = d
}

func (p *proxy) late() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hold
}

// keep remembers a connection, so that the end closes it; false when that was.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *proxy) drop(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// carry carries one connection. Closing either end closes the other.
func (p *proxy) carry(board net.Conn) {
	if !p.keep(board) {
		return
	}
	defer p.drop(board)
	server, err := net.Dial("tcp", p.server)
	if err != nil || !p.keep(server) {
		return
	}
	defer p.drop(server)
	p.wait.Go(func() {
		p.copy(server, board, func() time.Duration { return 0 })
		p.drop(server)
		p.drop(board)
	})
	p.copy(board, server, p.late)
}

func (p *proxy) copy(to, from net.Conn, late func() time.Duration) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			time.Sleep(late())
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
