package transports

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
)

// traffic is what one follower has moved: bytes that its connections carried,
// as TCP's payload, handshakes and headers included.
type traffic struct {
	in, out  atomic.Int64
	requests atomic.Int64
}

// countedConn adds what goes through a connection to a traffic.
type countedConn struct {
	net.Conn
	t *traffic
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.t.in.Add(int64(n))
	return n, err
}

func (c countedConn) Write(b []byte) (int, error) {
	c.t.out.Add(int64(len(b))) // first: the answer may come before Write returns
	n, err := c.Conn.Write(b)
	c.t.out.Add(int64(n - len(b)))
	return n, err
}

// dial opens a counted connection.
func (t *traffic) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: stepTime}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return countedConn{c, t}, nil
}

// RoundTrip counts requests.
func (c *countedClient) RoundTrip(r *http.Request) (*http.Response, error) {
	c.t.requests.Add(1)
	return c.Transport.RoundTrip(r)
}

// countedClient is the HTTP side of a traffic; CloseIdleConnections ends it.
type countedClient struct {
	*http.Transport
	t *traffic
}

// client returns an HTTP client over counted connections. It asks for no
// compression, which no feed offers.
func (t *traffic) client() *http.Client {
	return &http.Client{Transport: &countedClient{&http.Transport{DialContext: t.dial, DisableCompression: true}, t}}
}
