package client

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"vaiven/wire"
)

// session is one connection from dial to its end. The goroutine of run reads;
// one more writes, and is the only one that does (coder/websocket answers pings
// and closes by itself).
type session struct {
	c     *Client
	begun time.Time
	tcp   net.Conn // closed to end everything at once
	conn  *websocket.Conn
	ended chan struct{} // closed when reading is over
	limit *time.Timer   // ends the connection when a farewell takes too long
	tasks sync.WaitGroup

	seen    atomic.Int64 // last sign of life, ns since begun
	pinging atomic.Bool

	whyMu sync.Mutex
	why   error // why we ended it ourselves, the first reason

	// Of the reading goroutine.
	in       bytes.Buffer
	settled  []Acked
	welcomed bool
	bye      *wire.ServerMessage

	leaving atomic.Bool // BYE came: nothing more is sent

	// Of the writing goroutine.
	out   []byte
	armed time.Time // when the writer's timer fires
}

// run connects and serves the connection until it is over, and returns why.
func (s *session) run(ctx context.Context) error {
	if err := s.dial(ctx); err != nil {
		s.c.failed()
		return err
	}
	s.ended = make(chan struct{})
	s.limit = time.AfterFunc(time.Hour, func() { s.kill(errFarewell) })
	s.limit.Stop()
	defer s.limit.Stop()
	stop := context.AfterFunc(ctx, func() { s.limit.Reset(s.c.o.CloseTimeout) })
	defer stop()
	s.alive()
	s.c.attach()
	s.tasks.Go(func() { s.write(ctx) })
	err := s.read()
	close(s.ended)
	_ = s.tcp.Close()
	_ = s.conn.CloseNow()
	s.tasks.Wait()
	s.c.detach()
	return s.because(err)
}

// because is why the connection ended: what the server said in its close frame,
// else why we ended it, else what the socket said.
func (s *session) because(read error) error {
	gone := closing(read)
	if why := s.reason(); why != nil && gone.Code == 0 {
		gone.Err = why
	}
	return gone
}

// Reasons to end a connection.
var (
	errFarewell  = errors.New("the server did not close in time")
	errSlow      = errors.New("a write took too long")
	errSilent    = errors.New("the server fell silent")
	errStalled   = errors.New("the server acknowledges nothing")
	errNoWelcome = errors.New("the server did not answer HELLO: is it a vaiven server?")
)

// kill ends the connection at once.
func (s *session) kill(why error) {
	s.blame(why)
	_ = s.tcp.Close()
}

// blame notes why the connection ends. The first reason counts.
func (s *session) blame(why error) {
	s.whyMu.Lock()
	defer s.whyMu.Unlock()
	if s.why == nil {
		s.why = why
	}
}

func (s *session) reason() error {
	s.whyMu.Lock()
	defer s.whyMu.Unlock()
	return s.why
}

// alive notes a sign of life of the server.
func (s *session) alive() { s.seen.Store(int64(time.Since(s.begun))) }

func (s *session) lastSeen() time.Time { return s.begun.Add(time.Duration(s.seen.Load())) }

// ping asks a silent server, once at a time.
func (s *session) ping() {
	if !s.pinging.CompareAndSwap(false, true) {
		return
	}
	s.tasks.Go(func() {
		defer s.pinging.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), s.c.o.IdleTimeout-s.c.o.PingAfter)
		defer cancel()
		_ = s.conn.Ping(ctx) // no pong: the writer sees that nothing came
	})
}

// attach begins a connection in the state of c.
func (c *Client) attach() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.connected()
	if c.o.Course {
		c.out.hello = welcomed
		c.open()
	}
}

// detach ends it. Nothing of the session writes any more.
func (c *Client) detach() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Connected = false
	c.stats.Disconnects++
	c.changed()
}

// failed counts a connection that never began.
func (c *Client) failed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Disconnects++
}

// open notes that the server took the device in. The caller holds mu.
func (c *Client) open() {
	c.stats.Connected = true
	c.stats.Connects++
	if !c.wasOpened() {
		close(c.opened)
	}
}
