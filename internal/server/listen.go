package server

import (
	"bytes"
	"cmp"
	"context"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"

	"vaiven"
	"vaiven/internal/limit"
)

// listener is one bound address, with TLS or without.
type listener struct {
	net.Listener
	tls   bool
	watch *watchedListener
}

// listen binds every address before anything else is opened, so that a busy port
// costs nothing but its error. What was bound before the error is s.listeners.
func (s *Server) listen(ctx context.Context) error {
	for _, addr := range s.o.Listen {
		l, err := Listen(ctx, s.o.Lang, addr)
		if err != nil {
			return err
		}
		w := &watchedListener{Listener: s.places.Listen(l)}
		s.listeners = append(s.listeners, listener{w, false, w})
	}
	return s.listenTLS(ctx)
}

// Listen binds an address of --listen, HOST:PORT; the error says in lang what to try.
func Listen(ctx context.Context, lang vaiven.Lang, addr string) (net.Listener, error) {
	return listenFor(ctx, lang, "--listen", addr)
}

// listenFor is Listen for an address of that flag.
func listenFor(ctx context.Context, lang vaiven.Lang, flag, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, explainListen(lang, flag, addr, err)
	}
	return l, nil
}

// watchedListener looks at what its connections begin with, and at what net/http
// refuses by itself: no handler learns of either.
type watchedListener struct {
	net.Listener
	tls     bool
	refused func(netip.AddrPort, *vaiven.Error) // set before the first Accept
}

// Accept implements net.Listener.
func (w *watchedListener) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	if t, ok := c.(*limit.Conn); ok {
		return &watchedConn{Conn: t, listener: w}, nil
	}
	return c, err
}

// watchedConn is a connection before it is a WebSocket.
type watchedConn struct {
	*limit.Conn
	listener *watchedListener
	read     bool // something came
	told     bool
}

// Unwatched gives the connection to whoever takes it over.
func (c *watchedConn) Unwatched() net.Conn { return c.Conn }

// Read implements net.Conn.
func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.read {
		c.read = true
		if reason := foreignProtocol(p[:n], c.listener.tls); reason != "" {
			c.tellRefused(vaiven.CodeWrongProtocol, reason)
		}
	}
	return n, err
}

// Write implements net.Conn. What net/http refuses before there is a request it
// answers at once, and without a date.
func (c *watchedConn) Write(p []byte) (int, error) {
	if !c.told && !c.listener.tls && bytes.HasPrefix(p, []byte("HTTP/1.1 4")) && !bytes.Contains(p, []byte("\r\nDate:")) {
		reason := vaiven.FaultRequest
		if bytes.Contains(p, []byte("Host header")) {
			reason = vaiven.FaultHost
		}
		c.tellRefused(vaiven.CodeBadHandshake, reason)
	}
	return c.Conn.Write(p)
}

func (c *watchedConn) tellRefused(code vaiven.Code, reason string) {
	c.told = true
	from, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err == nil && c.listener.refused != nil {
		c.listener.refused(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), &vaiven.Error{Code: code, Reason: reason, At: -1})
	}
}

// foreignProtocol says what the first bytes are if they are not the port's: nothing
// for an HTTP request, or for TLS where that is spoken.
func foreignProtocol(p []byte, tls bool) string {
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

// Addresses are where a server is reached, each as HOST:PORT.
type Addresses struct {
	// Plain are the addresses to give to a board, best first: those of the local
	// network, then NAME.local. Empty: only this machine can connect.
	Plain []string
	// Secure are the addresses with TLS, likewise.
	Secure []string
	// Local is where this machine itself connects, without TLS; "": it cannot.
	Local string
	// LocalSecure is where it connects with TLS; "": it cannot.
	LocalSecure string
}

// URLs are the addresses as a board is given them.
func (a Addresses) URLs() (urls []string) {
	for _, addr := range a.Plain {
		urls = append(urls, "ws://"+addr+"/")
	}
	for _, addr := range a.Secure {
		urls = append(urls, "wss://"+addr+"/")
	}
	return urls
}

// Addresses are where the server is reached now: a machine may change its network.
func (s *Server) Addresses() (all Addresses) {
	for _, l := range s.listeners {
		bound, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			continue
		}
		port := strconv.Itoa(bound.Port)
		hosts, local := []string{bound.IP.String()}, bound.IP.String()
		if bound.IP.IsUnspecified() {
			hosts, local = LocalAddresses(), "127.0.0.1"
		}
		for _, host := range hosts {
			if addr := net.JoinHostPort(host, port); l.tls {
				all.Secure = append(all.Secure, addr)
			} else {
				all.Plain = append(all.Plain, addr)
			}
		}
		own := &all.Local
		if l.tls {
			own = &all.LocalSecure
		}
		*own = cmp.Or(*own, net.JoinHostPort(local, port))
	}
	return all
}

// LocalAddresses are this machine's addresses as boards reach them: IPv4 of the
// local network first, then NAME.local. Loopback alone is not of use to a board.
func LocalAddresses() []string {
	var all []net.IP
	ifaces, _ := net.Interfaces()
	for _, i := range ifaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				all = append(all, n.IP)
			}
		}
	}
	out := bestAddresses(all)
	if name := localName(); name != "" && len(out) > 0 {
		out = append(out, name)
	}
	return out
}

// bestAddresses are those of the best kind that there is: IPv4, IPv6, then the
// ones that a machine gives itself on a cable, IPv4 and IPv6.
func bestAddresses(all []net.IP) []string {
	var kinds [4][]string
	for _, ip := range all {
		kind := 0
		if ip.To4() == nil {
			kind = 1
		}
		if ip.IsLinkLocalUnicast() {
			kind += 2
		}
		kinds[kind] = append(kinds[kind], ip.String())
	}
	for _, k := range kinds {
		if len(k) > 0 {
			return k
		}
	}
	return nil
}

// localName is this machine's name in multicast DNS, if something here answers
// for it: macOS and Windows do by themselves, Linux where Avahi runs (Raspberry
// Pi OS).
func localName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return ""
	}
	if runtime.GOOS == "linux" {
		if _, err := os.Stat("/run/avahi-daemon/socket"); err != nil {
			return ""
		}
	}
	host, _, _ = strings.Cut(host, ".")
	return strings.ToLower(host) + ".local"
}
