package gateway

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// addresses counts the connections of each address; of IPv6 those of each /64,
// which is what one machine is given. Loopback is not counted: that is a proxy or
// a simulator of ours.
type addresses struct {
	max int

	mu    sync.Mutex
	count map[netip.Addr]int
}

// site is what from is counted under, if it is.
func site(from netip.AddrPort) (addr netip.Addr, counts bool) {
	addr = from.Addr().WithZone("")
	if addr.IsLoopback() {
		return addr, false
	}
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			addr = p.Addr()
		}
	}
	return addr, true
}

func (a *addresses) take(from netip.AddrPort) bool {
	addr, counts := site(from)
	if !counts {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count[addr] >= a.max {
		return false
	}
	if a.count == nil {
		a.count = make(map[netip.Addr]int)
	}
	a.count[addr]++
	return true
}

func (a *addresses) release(from netip.AddrPort) {
	addr, counts := site(from)
	if !counts {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count[addr]--; a.count[addr] <= 0 {
		delete(a.count, addr)
	}
}

// address is how a person is told where a board is: without a port where a
// proxy did not say it.
func address(from netip.AddrPort) string {
	if from.Port() == 0 {
		return from.Addr().String()
	}
	return from.String()
}

// Remote is the board's address: the peer's, or what a trusted proxy says that
// its peer was (the last address in X-Forwarded-For that is no trusted proxy).
func (g *Gateway) Remote(r *http.Request) netip.AddrPort {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	if !g.trusted(peer.Addr()) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if addr = addr.Unmap(); !g.trusted(addr) {
			return netip.AddrPortFrom(addr, 0)
		}
	}
	return peer
}

func (g *Gateway) trusted(a netip.Addr) bool {
	for _, p := range g.o.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
