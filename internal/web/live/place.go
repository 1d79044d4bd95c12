package live

import (
	"errors"
	"net/http"
	"net/netip"
)

// place is what a follower takes of what there is for all.
type place struct {
	from    netip.Addr
	trusted bool
}

func (f *Feed) placeOf(r *http.Request) place { return place{f.o.Remote(r), f.o.Trusted(r)} }

// peerOf is a request's other end; of a proxy's the proxy.
func peerOf(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return peer.Addr()
}

// Why one cannot follow, beside errShutdown.
var (
	errAllTaken    = errors.New("live: all places are taken")
	errAddressFull = errors.New("live: all places of an address are taken")
)

// join counts a follower in, or says why not. Who joined owes a leave.
func (f *Feed) join(t Transport, p place) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, most := 0, f.o.MaxFollowers
	for _, c := range f.byTransport {
		n += c
	}
	if !p.trusted {
		most -= most / 8
	}
	switch {
	case f.closed:
		return errShutdown
	case n >= most:
		return errAllTaken
	case !p.trusted && !f.address.Acquire(p.from):
		return errAddressFull
	}
	f.byTransport[t]++
	f.running.Add(1)
	return nil
}

func (f *Feed) leave(t Transport, p place) {
	f.mu.Lock()
	f.byTransport[t]--
	if !p.trusted {
		f.address.Release(p.from)
	}
	f.mu.Unlock()
	f.running.Done()
}
