package main

import (
	"bytes"
	"net"
	"net/netip"

	"vaiven"
)

// watched is a listener that looks at what its connections begin with, and at
// what net/http refuses by itself, which no handler learns of.
type watched struct {
	net.Listener
	tls     bool
	refused func(netip.AddrPort, *vaiven.Error) // set before the first Accept
}

// Accept implements net.Listener.
func (w *watched) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	if t, ok := c.(*net.TCPConn); ok {
		return &watchedConn{TCPConn: t, w: w}, nil
	}
	return c, err
}

// watchedConn is a connection before it is a WebSocket.
type watchedConn struct {
	*net.TCPConn
	w    *watched
	read bool // something came
	told bool
}

// Unwatched gives the connection to whoever takes it over.
func (c *watchedConn) Unwatched() net.Conn { return c.TCPConn }

// Read implements net.Conn.
func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if n > 0 && !c.read {
		c.read = true
		if reason := foreign(p[:n], c.w.tls); reason != "" {
			c.tell(vaiven.CodeWrongProtocol, reason)
		}
	}
	return n, err
}

// Write implements net.Conn. What net/http refuses before there is a request it
// answers at once, and without a date.
func (c *watchedConn) Write(p []byte) (int, error) {
	if !c.told && !c.w.tls && bytes.HasPrefix(p, []byte("HTTP/1.1 4")) && !bytes.Contains(p, []byte("\r\nDate:")) {
		reason := vaiven.FaultRequest
		if bytes.Contains(p, []byte("Host header")) {
			reason = vaiven.FaultHost
		}
		c.tell(vaiven.CodeBadHandshake, reason)
	}
	return c.TCPConn.Write(p)
}

func (c *watchedConn) tell(code vaiven.Code, reason string) {
	c.told = true
	from, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err == nil && c.w.refused != nil {
		c.w.refused(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), &vaiven.Error{Code: code, Reason: reason, At: -1})
	}
}

// foreign says what the first bytes are if they are not the port's: nothing for
// an HTTP request, or for TLS where that is spoken.
func foreign(p []byte, tls bool) string {
	const handshake = 0x16 // of a TLS record; RFC 8446, section 5.1
	switch {
	case tls && p[0] == handshake:
		return ""
	case tls:
		return vaiven.FaultPlain
	case p[0] == handshake:
		return vaiven.FaultTLS
	case p[0] == 0x10 && (bytes.Contains(p, []byte("MQTT")) || bytes.Contains(p, []byte("MQIsdp"))):
		return vaiven.FaultMQTT
	case bytes.HasPrefix(p, []byte("PRI * HTTP/2")):
		return vaiven.FaultHTTP2
	case p[0] < 'A' || p[0] > 'Z':
		return vaiven.FaultBytes
	}
	return ""
}
