package live

import (
	"bufio"
	"net"
	"net/http"
	"sync/atomic"
)

// upgrade is the answer as ws.Accept sees it: the connection that it takes over
// is a socket, and what it says to a handshake that fails is kept back for a
// problem of our own.
type upgrade struct {
	http.ResponseWriter
	socket *socket
}

func (u *upgrade) WriteHeader(int) {}

func (u *upgrade) Write(p []byte) (int, error) { return len(p), nil }

// Hijack takes the connection over.
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	u.socket = &socket{Conn: nc, moved: make(chan struct{}, 1)}
	return u.socket, rw, nil
}

// socket is a connection that tells how many messages have been written to it.
// A WebSocket's Write never blocks, so this is how a follower knows that the
// peer takes what it is sent. That it is not a plain TCP connection also makes
// the WebSocket write what is queued in one piece, not message by message.
type socket struct {
	net.Conn
	counting atomic.Bool   // the handshake is over
	texts    atomic.Uint64 // text messages written whole
	moved    chan struct{} // holds one: something was written
	frames   frames        // of the one goroutine that writes at a time
}

// Write passes bytes on and looks at the frames in them.
func (s *socket) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	if s.counting.Load() {
		s.texts.Add(s.frames.take(p[:n]))
		select {
		case s.moved <- struct{}{}:
		default:
		}
	}
	return n, err
}

// NetConn is the TCP connection at the bottom, for whoever drops it.
func (s *socket) NetConn() net.Conn {
	if t, ok := s.Conn.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return s.Conn
}

// CloseWrite ends the stream to the peer.
func (s *socket) CloseWrite() error {
	if t, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return t.CloseWrite()
	}
	return nil
}

// frames reads the headers of a server's frames (RFC 6455, section 5.2): no
// masks, and messages of one frame.
type frames struct {
	head [10]byte
	got  int    // bytes of head
	rest uint64 // of the payload
}

// take returns how many text messages end in p.
func (f *frames) take(p []byte) (texts uint64) {
	for len(p) > 0 {
		if f.rest > 0 {
			n := min(f.rest, uint64(len(p)))
			f.rest -= n
			p = p[n:]
			texts += f.end()
			continue
		}
		f.head[f.got] = p[0]
		f.got++
		p = p[1:]
		if size, ok := f.size(); ok {
			f.rest = size
			texts += f.end()
		}
	}
	return texts
}

// end is called when some of a frame was seen; it returns 1 behind a text.
func (f *frames) end() uint64 {
	if f.rest > 0 {
		return 0
	}
	f.got = 0
	if f.head[0]&0x0f == 1 {
		return 1
	}
	return 0
}

// size returns the payload's length once the header is complete.
func (f *frames) size() (n uint64, ok bool) {
	if f.got < 2 {
		return 0, false
	}
	n, long := uint64(f.head[1]&0x7f), 0
	switch n {
	case 126:
		long = 2
	case 127:
		long = 8
	}
	if f.got < 2+long {
		return 0, false
	}
	if long > 0 {
		n = 0
	}
	for _, c := range f.head[2 : 2+long] {
		n = n<<8 | uint64(c)
	}
	return n, true
}
