package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"
)

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

// dial opens the connection of s: TCP, TLS, WebSocket. After an error nothing
// is left open.
func (s *session) dial(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.c.o.DialTimeout)
	defer cancel()
	u, err := url.Parse(s.c.o.URL)
	if err != nil {
		return err
	}
	secure := u.Scheme == "wss" || u.Scheme == "https"
	if s.tcp, err = s.c.dialTCP(ctx, "tcp", address(u, secure)); err != nil {
		return err
	}
	conn := s.tcp
	if secure {
		t := tls.Client(s.tcp, tlsConfig(s.c.o.TLS, u.Hostname()))
		if err := t.HandshakeContext(ctx); err != nil {
			_ = s.tcp.Close()
			return err
		}
		conn = t
	}
	if err := s.handshake(ctx, conn); err != nil {
		_ = s.tcp.Close()
		return err
	}
	return nil
}

// handshake opens the WebSocket over conn. The transport gets a connection
// that exists already, so that no dial of its own can outlive this call.
func (s *session) handshake(ctx context.Context, conn net.Conn) error {
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
	header := s.c.o.Header.Clone()
	if token := s.c.bearer(); token != "" {
		if header == nil {
			header = http.Header{}
		}
		header.Set("Authorization", "Bearer "+token)
	}
	alive := func(context.Context, []byte) { s.alive() }
	ws, resp, err := websocket.Dial(ctx, s.c.o.URL, &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport:     tr,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		HTTPHeader:     header,
		Subprotocols:   s.c.o.Subprotocols,
		OnPingReceived: func(context.Context, []byte) bool { s.alive(); return true },
		OnPongReceived: alive,
	})
	if err != nil {
		return handshakeError(resp, err)
	}
	ws.SetReadLimit(maxServerMessage)
	s.conn = ws
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

func address(u *url.URL, secure bool) string {
	port := u.Port()
	switch {
	case port != "":
	case secure:
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func tlsConfig(given *tls.Config, host string) *tls.Config {
	c := &tls.Config{}
	if given != nil {
		c = given.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = host
	}
	return c
}

func (c *Client) bearer() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token
}

// closing turns an error of the socket into what the peer said, if it did.
func closing(err error) *Disconnected {
	var ce websocket.CloseError
	if errors.As(err, &ce) {
		return &Disconnected{Err: err, Code: int(ce.Code), Reason: ce.Reason}
	}
	return &Disconnected{Err: err}
}

// steady is how long a connection of a device in the course's form, which is
// never welcomed, must have lasted to count as a good one.
const steady = 10 * time.Second

// stable reports whether the connection was one worth coming back to soon.
func (s *session) stable() bool {
	return s.welcomed || s.c.o.Course && s.conn != nil && time.Since(s.begun) >= steady
}
