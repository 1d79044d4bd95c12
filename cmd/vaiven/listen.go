package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Deadlines of the HTTP side. A board's socket leaves net/http at its
// handshake, so none of these touches it afterwards.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 60 * time.Second
	maxHeader     = 16 << 10
)

// listener is one bound address, with TLS or without.
type listener struct {
	net.Listener
	tls   bool
	watch *watched
}

// listen binds every address before anything else is opened, so that a busy
// port costs nothing but its error.
func (p *program) listen(ctx context.Context, c *config) (all []listener, err error) {
	defer func() {
		if err != nil {
			closeAll(all)
		}
	}()
	for _, addr := range c.Listen {
		l, err := p.bind(ctx, addr)
		if err != nil {
			return all, err
		}
		w := &watched{Listener: l}
		all = append(all, listener{w, false, w})
	}
	if c.TLSCert == "" {
		return all, nil
	}
	cert, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return all, fmt.Errorf(p.say("certificate: %w", "certificado: %w"), err)
	}
	// TLS 1.2 stays allowed, since boards' libraries have nothing newer.
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	for _, addr := range c.TLSListen {
		l, err := p.bind(ctx, addr)
		if err != nil {
			return all, err
		}
		w := &watched{Listener: l, tls: true}
		all = append(all, listener{tls.NewListener(w, conf), true, w})
	}
	return all, nil
}

func closeAll(all []listener) {
	for _, l := range all {
		_ = l.Close()
	}
}

func (p *program) bind(ctx context.Context, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err == nil {
		return l, nil
	}
	_, port, _ := net.SplitHostPort(addr) // checked before
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, hinted{fmt.Errorf(p.say("port %s is in use", "el puerto %s está ocupado"), port), fmt.Sprintf(p.say(
			"another program (or another vaiven) listens there: stop it, or choose another with --listen :%s",
			"otro programa (u otro vaiven) escucha ahí: ciérralo, o elige otro con --listen :%s"), nextPort(port))}
	case errors.Is(err, os.ErrPermission):
		return nil, hinted{fmt.Errorf(p.say("no permission for port %s", "sin permiso para el puerto %s"), port), p.say(
			"ports below 1024 are the system's: sudo setcap cap_net_bind_service=+ep vaiven, or AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit, or --listen :8080",
			"los puertos menores que 1024 son del sistema: sudo setcap cap_net_bind_service=+ep vaiven, o AmbientCapabilities=CAP_NET_BIND_SERVICE en su unidad de systemd, o --listen :8080")}
	}
	return nil, fmt.Errorf("--listen %s: %w", addr, err)
}

func nextPort(port string) string {
	n, err := strconv.Atoi(port)
	if err != nil || n >= 65535 {
		return "8081"
	}
	return strconv.Itoa(n + 1)
}

// httpServer carries the handler on all listeners until it is shut down.
func httpServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          nil,
	}
}

// port is the TCP port that l is bound to.
func (l listener) port() int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// reach says how a board writes the listener's address: every address of this
// machine when it listens on all, its own otherwise.
func (l listener) reach() []string {
	a, ok := l.Addr().(*net.TCPAddr)
	if !ok || !a.IP.IsUnspecified() {
		if ok {
			return []string{a.IP.String()}
		}
		return nil
	}
	return localAddresses()
}

// localAddresses are this machine's addresses as boards reach them: IPv4 of the
// local network first, then NAME.local. Loopback alone is not of use to a board.
func localAddresses() []string {
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
