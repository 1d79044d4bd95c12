package limit

import (
	"net/netip"
	"sync"
)

// Key is what an address is counted under: of IPv6 its /64, which is what one machine
// is given; an address that machines give themselves on a link (fe80::) counts alone,
// since all of a link's are of one /64.
func Key(addr netip.Addr) netip.Addr {
	addr = addr.Unmap()
	if !addr.Is6() || addr.IsLinkLocalUnicast() || addr.IsLoopback() {
		return addr
	}
	p, err := addr.Prefix(64) // without the zone
	if err != nil {
		return addr
	}
	return p.Addr()
}

// Addresses counts what each address has, up to a bound. Loopback has none: whoever is
// there runs on the server's own machine, or is a proxy and stands for everybody. The
// zero value bounds nobody to anything: set Max.
type Addresses struct {
	Max int // of one address

	mu    sync.Mutex
	count map[netip.Addr]int
}

// Acquire counts one more for an address, if there may be one.
func (a *Addresses) Acquire(from netip.Addr) bool {
	key := Key(from)
	if key.IsLoopback() {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count[key] >= a.Max {
		return false
	}
	if a.count == nil {
		a.count = make(map[netip.Addr]int)
	}
	a.count[key]++
	return true
}

// Add counts one more for an address whatever it has: for who is trusted.
func (a *Addresses) Add(from netip.Addr) {
	key := Key(from)
	if key.IsLoopback() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count == nil {
		a.count = make(map[netip.Addr]int)
	}
	a.count[key]++
}

// Release is for the end of what Acquire or Add counted.
func (a *Addresses) Release(from netip.Addr) {
	key := Key(from)
	if key.IsLoopback() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count[key]--; a.count[key] <= 0 {
		delete(a.count, key)
	}
}

// Most is the address with the most, and how many those are; 0 when there are none.
func (a *Addresses) Most() (most netip.Addr, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for addr, has := range a.count {
		if has > n || has == n && addr.Less(most) {
			most, n = addr, has
		}
	}
	return most, n
}
