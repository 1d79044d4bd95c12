package clienttest

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"vaiven"
	"vaiven/wire"
)

// Conn is a board's connection.
type Conn struct {
	Request *http.Request // of its handshake

	ws    *websocket.Conn
	tasks sync.WaitGroup // close handshakes under way
	done  chan struct{}

	// Under the server's mu.
	boots map[vaiven.Device]vaiven.Boot
	dead  bool // Crash came
}

// writeTimeout bounds a write to a board that does not read.
const writeTimeout = 10 * time.Second

// serve is a connection's life.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if s.o.Refuse != nil {
		if status := s.o.Refuse(r); status != 0 {
			http.Error(w, http.StatusText(status), status)
			return
		}
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, Subprotocols: []string{"arduino"},
	})
	if err != nil {
		return // Accept has answered
	}
	c := &Conn{Request: r, ws: ws, done: make(chan struct{}), boots: make(map[vaiven.Device]vaiven.Boot)}
	defer close(c.done)
	defer c.tasks.Wait()
	defer c.Drop()
	if !s.enter(c) {
		return
	}
	defer s.leave(c)
	var dec wire.Decoder
	for {
		op, p, err := ws.Read(context.Background())
		if err != nil {
			return
		}
		dec.Decode(op == websocket.MessageBinary, p, func(it *wire.Item) { s.take(c, it) })
		s.settle()
	}
}

func (s *Server) enter(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	c.ws.SetReadLimit(vaiven.MaxMessage)
	s.conns[c] = true
	return true
}

func (s *Server) leave(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	for _, b := range s.boots {
		if b.conn == c {
			b.conn = nil
		}
	}
}

// Write sends text as one message. A board that has gone does not get it.
func (c *Conn) Write(text []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	_ = c.ws.Write(ctx, websocket.MessageText, text) // the reading side notices
}

// Bye says goodbye and closes with the code, as the server does on purpose.
func (c *Conn) Bye(text string, retry time.Duration, code int) {
	c.Write(wire.AppendBye(nil, text, retry))
	c.Close(code, text)
}

// Close starts the close handshake and returns at once, since a hook that waited
// for the answer would keep it from being read.
func (c *Conn) Close(code int, reason string) {
	c.tasks.Go(func() { _ = c.ws.Close(websocket.StatusCode(code), reason) })
}

// Drop ends the connection without a word.
func (c *Conn) Drop() { _ = c.ws.CloseNow() }
