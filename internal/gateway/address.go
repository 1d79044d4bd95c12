package gateway

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"vaiven"
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
		hop := strings.TrimSpace(hops[i])
		addr, ok := parseHop(hop)
		if !ok {
			g.tellUnreadable(peer, hop)
			break
		}
		if !g.trusted(addr.Addr()) {
			return addr
		}
	}
	return peer
}

// parseHop reads an address as proxies write it: bare, in brackets, with a port
// or without.
func parseHop(s string) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), true
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s, _ = strings.CutSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(s)
	return netip.AddrPortFrom(a.Unmap(), 0), err == nil
}

// tellUnreadable says once that a proxy's header cannot be read; a request that
// did not come through one has none.
func (g *Gateway) tellUnreadable(peer netip.AddrPort, hop string) {
	if hop == "" || !g.unreadable.CompareAndSwap(false, true) {
		return
	}
	g.tell(Notice{Remote: address(peer), Text: fmt.Sprintf(g.o.Lang.Say(
		"a trusted proxy writes %q into X-Forwarded-For, which is no address: its boards seem to come from the proxy",
		"un proxy de confianza escribe %q en X-Forwarded-For, que no es una dirección: sus placas parecen venir del proxy"),
		vaiven.Shorten(hop))})
}

func (g *Gateway) trusted(a netip.Addr) bool {
	for _, p := range g.o.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
