package live

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"vaiven"
	"vaiven/internal/ws"
)

// Close codes of the IANA registry that package ws has no need of.
const statusInternalError uint16 = 1011

// wsWindow is how much is queued before it must have been written.
const wsWindow = 32 << 10

// closeTime is twice what a closing handshake may take: a follower that was
// too slow is to read why, behind all that it had not taken.
const closeTime = 10 * time.Second

// webSocket takes the connection over and follows on goroutines of its own, so
// that what net/http holds for a request is given back. It returns false when
// the handshake failed.
func (fo *follower) webSocket(w http.ResponseWriter, r *http.Request) bool {
	u := &upgradeWriter{ResponseWriter: w}
	conn, err := ws.Accept(u, r, &ws.Options{
		MaxMessage:   4 << 10,                            // nothing is expected
		WriteTimeout: fo.feed.o.WriteTimeout + closeTime, // never reached: the sink gives up before
		CloseTimeout: closeTime / 2,
		MaxQueue:     1 << 20, // never reached: the sink waits
	})
	var refused *ws.HandshakeError
	if errors.As(err, &refused) {
		problem(w, refused.Status, "bad_handshake", handshakeText(refused, fo.feed.o.Lang))
	}
	if err != nil {
		return false
	}
	u.conn.counting.Store(true)
	go fo.runWebSocket(conn, u.conn)
	return true
}

// runWebSocket follows until the connection is over.
func (fo *follower) runWebSocket(conn *ws.Conn, to *countingConn) {
	f := fo.feed
	defer f.leave(WebSocket)
	ctx, cancel := context.WithCancelCause(f.ctx)
	defer cancel(nil)
	ended := make(chan struct{})
	inbound := &inboundHandler{conn: conn}
	go func() {
		defer close(ended)
		_ = conn.Serve(inbound) // why it ended is seen by what follow says
		cancel(errGone)
	}()
	s := &webSocketSink{conn: conn, to: to, timeout: f.o.WriteTimeout}
	s.limit = time.NewTimer(s.timeout)
	defer s.limit.Stop()
	why := fo.follow(ctx, s)
	if fo.cursor.Before(s.last) {
		fo.cursor = s.last // queued before the close frame
	}
	if inbound.spoke.Load() {
		why = Spoke
	}
	f.counts.ended[why].Add(1)
	closeWithReason(conn, why, fo.cursor)
	f.awaitClose(conn, ended)
}

// awaitClose lets the closing handshake end, within the connection's own time, or
// sooner when the feed is closed.
func (f *Feed) awaitClose(conn *ws.Conn, ended <-chan struct{}) {
	select {
	case <-ended:
	case <-f.ctx.Done():
		hurry := time.NewTimer(shortTimeout)
		defer hurry.Stop()
		select {
		case <-ended:
		case <-hurry.C:
			conn.Kill()
			<-ended
		}
	}
}

// closeWithReason starts the closing handshake; the reason says where to resume.
func closeWithReason(conn *ws.Conn, why Reason, id vaiven.ID) {
	text := ": resume after " + id.String()
	switch why {
	case TooSlow:
		conn.Close(ws.StatusTryLater, "too slow"+text)
	case Busy:
		conn.Close(ws.StatusTryLater, "busy"+text)
	case Shutdown:
		conn.Close(ws.StatusGoingAway, "shutting down"+text)
	case Revoked:
		conn.Close(ws.StatusPolicy, "this token is not good any more"+text)
	case Failed:
		conn.Close(statusInternalError, "the log cannot be read"+text)
	default:
		conn.Close(ws.StatusNormal, "") // over already
	}
}

// inboundHandler is the handler of what a follower sends: nothing is expected of it.
type inboundHandler struct {
	conn  *ws.Conn
	spoke atomic.Bool
}

// Message ends a connection whose peer talks.
func (e *inboundHandler) Message(ws.Op, []byte) {
	e.spoke.Store(true)
	e.conn.Close(ws.StatusPolicy, "this feed takes no messages")
}

// webSocketSink writes each event as a text message.
type webSocketSink struct {
	conn    *ws.Conn
	to      *countingConn
	timeout time.Duration
	limit   *time.Timer
	queued  uint64 // messages
	ahead   int    // bytes queued since everything was written
	last    vaiven.ID
}

func (s *webSocketSink) events(ctx context.Context, b *Batch) error {
	for _, e := range b.Events {
		if err := s.write(ctx, e.ID, b.JSON(e)); err != nil {
			return err
		}
	}
	return s.awaitWritten(ctx)
}

func (s *webSocketSink) position(ctx context.Context, id vaiven.ID) error {
	if err := s.write(ctx, id, appendPosition(nil, id)); err != nil {
		return err
	}
	return s.awaitWritten(ctx)
}

func (s *webSocketSink) trimmed(ctx context.Context, first vaiven.ID) error {
	return s.write(ctx, s.last, appendTrimmed(nil, first))
}

// write queues one message, and waits when that makes a window full.
func (s *webSocketSink) write(ctx context.Context, id vaiven.ID, p []byte) error {
	if err := s.conn.Write(ws.Text, p); errors.Is(err, ws.ErrSlow) {
		return errSlow
	} else if err != nil {
		return writeError(ctx, err)
	}
	s.queued, s.last = s.queued+1, id
	if s.ahead += len(p); s.ahead >= wsWindow {
		return s.awaitWritten(ctx)
	}
	return nil
}

// awaitWritten waits until the peer's system has taken all that is queued.
func (s *webSocketSink) awaitWritten(ctx context.Context) error {
	s.limit.Reset(s.timeout)
	for s.to.texts.Load() < s.queued {
		select {
		case <-s.to.moved:
			s.limit.Reset(s.timeout)
		case <-s.limit.C:
			return errSlow
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	s.ahead = 0
	return nil
}

// handshakeText says why a handshake was refused.
func handshakeText(e *ws.HandshakeError, l vaiven.Lang) string {
	es := "no se puede abrir el WebSocket"
	switch e.Fault {
	case ws.FaultMethod:
		es = "un WebSocket empieza con GET"
	case ws.FaultHTTP:
		es = "un WebSocket necesita HTTP/1.1"
	case ws.FaultUpgrade:
		es = "esta es la dirección de un WebSocket: la petición no tiene Upgrade: websocket"
	case ws.FaultVersion:
		es = "Sec-WebSocket-Version debe ser 13"
	case ws.FaultKey:
		es = "Sec-WebSocket-Key debe ser 16 bytes en base64"
	case ws.FaultBody:
		es = "el saludo de un WebSocket no tiene cuerpo"
	}
	return l.Say(e.Reason, es)
}

// upgradeWriter is the answer as ws.Accept sees it: the connection that it takes over
// is a countingConn, and what it says to a handshake that fails is kept back for a
// problem of our own.
type upgradeWriter struct {
	http.ResponseWriter
	conn *countingConn
}

func (u *upgradeWriter) WriteHeader(int) {}

func (u *upgradeWriter) Write(p []byte) (int, error) { return len(p), nil }

// Hijack takes the connection over.
func (u *upgradeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	u.conn = &countingConn{Conn: nc, moved: make(chan struct{}, 1)}
	return u.conn, rw, nil
}

// countingConn is a connection that tells how many messages have been written to it.
// A WebSocket's Write never blocks, so this is how a follower knows that the
// peer takes what it is sent. That it is not a plain TCP connection also makes
// the WebSocket write what is queued in one piece, not message by message.
type countingConn struct {
	net.Conn
	counting atomic.Bool   // the handshake is over
	texts    atomic.Uint64 // text messages written whole
	moved    chan struct{} // holds one: something was written
	frames   frameCounter  // of the one goroutine that writes at a time
}

// Write passes bytes on and looks at the frames in them.
func (s *countingConn) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	if s.counting.Load() {
		s.texts.Add(s.frames.countTexts(p[:n]))
		select {
		case s.moved <- struct{}{}:
		default:
		}
	}
	return n, err
}

// NetConn is the TCP connection at the bottom, for whoever drops it.
func (s *countingConn) NetConn() net.Conn {
	if t, ok := s.Conn.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return s.Conn
}

// CloseWrite ends the stream to the peer.
func (s *countingConn) CloseWrite() error {
	if t, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return t.CloseWrite()
	}
	return nil
}

// frameCounter reads the headers of a server's frames (RFC 6455, section 5.2): no
// masks, and messages of one frame.
type frameCounter struct {
	head [10]byte
	got  int    // bytes of head
	rest uint64 // of the payload
}

// countTexts returns how many text messages end in p.
func (f *frameCounter) countTexts(p []byte) (texts uint64) {
	for len(p) > 0 {
		if f.rest > 0 {
			n := min(f.rest, uint64(len(p)))
			f.rest -= n
			p = p[n:]
			texts += f.endFrame()
			continue
		}
		f.head[f.got] = p[0]
		f.got++
		p = p[1:]
		if size, ok := f.payloadSize(); ok {
			f.rest = size
			texts += f.endFrame()
		}
	}
	return texts
}

// endFrame is called when some of a frame was seen; it returns 1 behind a text.
func (f *frameCounter) endFrame() uint64 {
	if f.rest > 0 {
		return 0
	}
	f.got = 0
	if f.head[0]&0x0f == 1 {
		return 1
	}
	return 0
}

// payloadSize returns the payload's length once the header is complete.
func (f *frameCounter) payloadSize() (n uint64, ok bool) {
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
