package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"vaiven/wire"
)

// connection is one WebSocket from dial to its end. The goroutine of run reads;
// one more writes, and is the only one that does (coder/websocket answers pings
// and closes by itself).
type connection struct {
	c       *Client
	begun   time.Time
	tcp     net.Conn // closed to end everything at once
	ws      *websocket.Conn
	trusted bool          // nobody else reads what is said on it
	ended   chan struct{} // closed when reading is over
	limit   *time.Timer   // ends the connection when a farewell takes too long
	tasks   sync.WaitGroup

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

// run connects and serves the connection until it is over. It returns why: what
// the server said in its close frame, else why we ended it, else what the socket
// said.
func (cn *connection) run(ctx context.Context) error {
	c := cn.c
	if err := cn.dial(ctx); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stats.Disconnects++
		return err
	}
	cn.ended = make(chan struct{})
	cn.limit = time.AfterFunc(time.Hour, func() { cn.kill(errFarewell) })
	cn.limit.Stop()
	defer cn.limit.Stop()
	stop := context.AfterFunc(ctx, func() { cn.limit.Reset(c.o.CloseTimeout) })
	defer stop()
	cn.noteAlive()
	c.mu.Lock()
	c.out.connected()
	c.access.connected()
	if c.o.Course { // nobody will welcome it
		c.out.hello = welcomed
		c.noteWelcomed()
	}
	c.mu.Unlock()
	cn.tasks.Go(func() { cn.write(ctx) })
	err := cn.read()
	close(cn.ended)
	_ = cn.tcp.Close()
	_ = cn.ws.CloseNow()
	cn.tasks.Wait()
	c.mu.Lock()
	c.stats.Connected = false
	c.stats.Disconnects++
	c.changed()
	c.mu.Unlock()
	gone := &Disconnected{Err: err}
	var said websocket.CloseError
	if errors.As(err, &said) {
		gone.Code, gone.Reason = int(said.Code), said.Reason
		return gone
	}
	cn.whyMu.Lock() // a timer may be ending the connection just now
	defer cn.whyMu.Unlock()
	if cn.why != nil {
		gone.Err = cn.why
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
func (cn *connection) kill(why error) {
	cn.noteCause(why)
	_ = cn.tcp.Close()
}

// noteCause notes why the connection ends. The first reason counts.
func (cn *connection) noteCause(why error) {
	cn.whyMu.Lock()
	defer cn.whyMu.Unlock()
	if cn.why == nil {
		cn.why = why
	}
}

// noteAlive notes a sign of life of the server.
func (cn *connection) noteAlive() { cn.seen.Store(int64(time.Since(cn.begun))) }

// ping asks a silent server, once at a time.
func (cn *connection) ping() {
	if !cn.pinging.CompareAndSwap(false, true) {
		return
	}
	cn.tasks.Go(func() {
		defer cn.pinging.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), cn.c.o.IdleTimeout-cn.c.o.PingAfter)
		defer cancel()
		_ = cn.ws.Ping(ctx) // no pong: the writer sees that nothing came
	})
}

// noteWelcomed notes that the server took the device in. The caller holds mu.
func (c *Client) noteWelcomed() {
	c.stats.Connected = true
	c.stats.Connects++
	if !c.wasOpened() {
		close(c.opened)
	}
}

// Close codes of the protocol that decide what the device does next.
const (
	closeDone         = 1000
	closePolicy       = 1008
	closeUnauthorised = 4401
	closeInUse        = 4409
)

// maxServerMessage is what a message of the server may be at most. The protocol
// says 1 KiB; a later server may say more, none needs to say this much.
const maxServerMessage = 64 << 10

// dial opens the connection: TCP, TLS, WebSocket. After an error nothing
// is left open.
func (cn *connection) dial(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cn.c.o.DialTimeout)
	defer cancel()
	u, err := url.Parse(cn.c.o.URL)
	if err != nil {
		return err
	}
	secure := u.Scheme == "wss" || u.Scheme == "https"
	cn.trusted = cn.c.o.trusted(secure)
	dial, port := cn.c.o.NetDial, u.Port()
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	if port == "" {
		port = "80"
		if secure {
			port = "443"
		}
	}
	if cn.tcp, err = dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port)); err != nil {
		return err
	}
	conn := cn.tcp
	if secure {
		config := cn.c.o.TLS.Clone()
		if config == nil {
			config = &tls.Config{}
		}
		if config.ServerName == "" {
			config.ServerName = u.Hostname()
		}
		t := tls.Client(cn.tcp, config)
		if err := t.HandshakeContext(ctx); err != nil {
			_ = cn.tcp.Close()
			return err
		}
		conn = t
	}
	if err := cn.handshake(ctx, conn); err != nil {
		_ = cn.tcp.Close()
		return err
	}
	return nil
}

// handshake opens the WebSocket over conn. The transport gets a connection
// that exists already, so that no dial of its own can outlive this call.
func (cn *connection) handshake(ctx context.Context, conn net.Conn) error {
	taken := false
	once := func(context.Context, string, string) (net.Conn, error) {
		if taken {
			return nil, errors.New("one connection only")
		}
		taken = true
		return conn, nil
	}
	tr := &http.Transport{DialContext: once, DialTLSContext: once, DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	header := cn.c.o.Header.Clone()
	cn.c.mu.Lock()
	token := cn.c.access.token
	cn.c.mu.Unlock()
	if token != "" && cn.trusted {
		if header == nil {
			header = http.Header{}
		}
		header.Set("Authorization", "Bearer "+token)
	}
	ws, resp, err := websocket.Dial(ctx, cn.c.o.URL, &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport:     tr,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		HTTPHeader:     header,
		Subprotocols:   cn.c.o.Subprotocols,
		OnPingReceived: func(context.Context, []byte) bool { cn.noteAlive(); return true },
		OnPongReceived: func(context.Context, []byte) { cn.noteAlive() },
	})
	if err != nil {
		return handshakeError(resp, err)
	}
	ws.SetReadLimit(maxServerMessage)
	cn.ws = ws
	return nil
}

func handshakeError(resp *http.Response, err error) error {
	if resp == nil {
		return err
	}
	h := &Handshake{Status: resp.StatusCode, Err: err}
	if resp.Body != nil {
		b, readErr := io.ReadAll(io.LimitReader(resp.Body, 1024))
		if readErr == nil {
			h.Body = string(b)
		}
	}
	return h
}

// steady is how long a connection of a device in the course's form, which is
// never welcomed, must have lasted to count as a good one.
const steady = 10 * time.Second

// wasGood reports whether the connection was one worth coming back to soon.
func (cn *connection) wasGood() bool {
	return cn.welcomed || cn.c.o.Course && cn.ws != nil && time.Since(cn.begun) >= steady
}
