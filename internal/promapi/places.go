package promapi

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
)

// places are what requests that cost work need one of. Those of one address have half
// of them at most, so that a client that does not read its answers leaves some to
// others; its own wait for one another.
type places struct {
	all   chan struct{}
	share int

	mu    sync.Mutex
	peers map[string]*peer // that have a place, or wait for one
}

type peer struct {
	places   chan struct{}
	requests int
}

func newPlaces(n int) *places {
	return &places{all: make(chan struct{}, n), share: max(n/2, 1), peers: map[string]*peer{}}
}

// take waits for a place until ctx ends. Whoever got one calls leave, once.
func (p *places) take(ctx context.Context, address string) (leave func(), ok bool) {
	own := p.enter(address)
	select {
	case own.places <- struct{}{}:
	case <-ctx.Done():
		p.exit(address, own)
		return nil, false
	}
	select {
	case p.all <- struct{}{}:
	case <-ctx.Done():
		<-own.places
		p.exit(address, own)
		return nil, false
	}
	return func() {
		<-p.all
		<-own.places
		p.exit(address, own)
	}, true
}

func (p *places) enter(address string) *peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.peers[address]
	if own == nil {
		own = &peer{places: make(chan struct{}, p.share)}
		p.peers[address] = own
	}
	own.requests++
	return own
}

func (p *places) exit(address string, own *peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if own.requests--; own.requests == 0 {
		delete(p.peers, address)
	}
}

// addressOf is who asks: an address of IPv4, or the 64 bits of one of IPv6 that its
// owner cannot choose.
func addressOf(r *http.Request) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "" // a test's
	}
	addr := from.Addr().Unmap().WithZone("")
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().String()
	}
	return addr.String()
}

// Bounds of answers that are kept for their clients.
const (
	maxKept  = 256 << 10 // bytes of one, as it is sent
	maxKeeps = 64        // how many at once
)

// keeper holds what is written, up to max bytes: an answer that is no larger needs no
// place while it is sent. More than that goes on to w.
type keeper struct {
	w    http.ResponseWriter
	max  int
	kept []byte
}

func (k *keeper) Write(b []byte) (int, error) {
	if len(k.kept)+len(b) <= k.max {
		k.kept = append(k.kept, b...)
		return len(b), nil
	}
	if err := k.send(); err != nil {
		return 0, err
	}
	return k.w.Write(b)
}

// send sends what is held, and holds nothing from then on.
func (k *keeper) send() error {
	k.max = 0
	if len(k.kept) == 0 {
		return nil
	}
	_, err := k.w.Write(k.kept)
	k.kept = nil
	return err
}
