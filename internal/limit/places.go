// Package limit bounds what strangers may have of a server: places for connections,
// in all and for each address, and how much of something there is in a second.
//
// It owns who gives way when all places are taken. It does not own what a connection
// says, nor who somebody is: those who learn that tell it ([Conn.Heard], [Conn.Trust]).
// It knows nothing of devices, HTTP or TLS.
//
// All of it may be used from any goroutine, but for a [Bucket]. Nothing here waits for
// a peer: a connection that gives way is reset, without a word.
package limit

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the bounds of Places.
type Options struct {
	// Max is how many connections there may be in all, PerAddress those of one address
	// (see [Key]), loopback excepted. An eighth of each is for who arrives and for who is
	// trusted: others that stay there give way to who comes.
	Max, PerAddress int
	// Arrivals is how many connections an address may open, loopback and Proxies excepted;
	// the zero value bounds none.
	Arrivals Rate
	// Proxies are addresses that stand for others: as loopback they may have all places.
	Proxies []netip.Prefix
	// Exhausted is told when an address has all its places, opens connections too often, or
	// loses some since all places are taken: once until that is over. It must not wait. May be nil.
	Exhausted func(Exhaustion)
}

// Exhaustion is that an address has as much as it may, or the most when all is taken.
type Exhaustion struct {
	From        netip.Addr
	Connections int
	InAll       bool // all places are taken, and From has the most of those that only wait
	TooOften    bool // From opens more than Options.Arrivals
}

// Places are those of all connections. Make them with New.
type Places struct {
	o Options

	refused atomic.Uint64 // connections that found no place
	evicted atomic.Uint64 // connections that gave way

	mu      sync.Mutex
	taken   int
	settled int // of them, those that are busy and not trusted
	by      map[netip.Addr]*holder
	waiting map[int]*ring // of holders, by how many of their connections only wait
	most    int           // such connections that one holder has
	full    bool          // that all places are taken was told, and holds

	born     time.Time
	arrivals map[netip.Addr]*arrivals
}

// maxArrivals bounds the addresses whose connections are counted as they come; those that
// are too many have one bucket together.
const maxArrivals = 16 << 10

// arrivals are the connections that an address opened of late.
type arrivals struct {
	Bucket
	told bool // that they are too many was told, and holds
}

// New returns places that nobody has.
func New(o Options) *Places {
	return &Places{
		o: o, by: make(map[netip.Addr]*holder), waiting: make(map[int]*ring),
		born: time.Now(), arrivals: make(map[netip.Addr]*arrivals),
	}
}

// holder is an address with its connections.
type holder struct {
	addr     netip.Addr
	bounded  bool // it may not have all places
	taken    int
	settled  int
	told     bool  // that it has all its places was told, and holds
	waiting  queue // its connections that only wait, the longest waiting first
	in       *ring // among those with as many
	earlier  *holder
	later    *holder
	nWaiting int
}

// ring is the holders with as many waiting connections, in any order.
type ring struct{ first *holder }

// queue is a list of connections.
type queue struct{ first, last *Conn }

// take gives an accepted connection a place, or closes it and returns nil.
func (p *Places) take(t *net.TCPConn) *Conn {
	from := netip.Addr{}
	if a, ok := t.RemoteAddr().(*net.TCPAddr); ok {
		from = a.AddrPort().Addr()
	}
	c := &Conn{TCPConn: t, places: p}
	p.mu.Lock()
	gone, told, ok := p.makeRoom(c, Key(from))
	p.mu.Unlock()
	if p.o.Exhausted != nil {
		for _, e := range told {
			p.o.Exhausted(e)
		}
	}
	if gone != nil {
		p.evicted.Add(1)
		gone.reset()
	}
	if !ok {
		p.refused.Add(1)
		c.reset()
		return nil
	}
	return c
}

// makeRoom seats c, if need be on the place of another, which is returned and to be
// closed. The caller holds p.mu.
func (p *Places) makeRoom(c *Conn, key netip.Addr) (gone *Conn, told []Exhaustion, ok bool) {
	h := p.by[key]
	if h == nil {
		h = &holder{addr: key, bounded: p.bounds(key)}
	}
	if h.bounded {
		if often, news := p.comesTooOften(key, time.Since(p.born)); news {
			return nil, []Exhaustion{{From: key, Connections: h.taken, TooOften: true}}, false
		} else if often {
			return nil, nil, false
		}
	}
	switch {
	case h.bounded && h.taken >= p.o.PerAddress:
		if !h.told {
			h.told = true
			told = append(told, Exhaustion{From: key, Connections: h.taken})
		}
		if gone = h.waiting.first; gone == nil {
			return nil, told, false
		}
	case p.taken >= p.o.Max:
		gone = p.heaviest()
		if gone == nil {
			return nil, told, false
		}
		if !p.full {
			p.full = true
			told = append(told, Exhaustion{From: gone.of.addr, Connections: gone.of.taken, InAll: true})
		}
	}
	if gone != nil {
		p.leave(gone)
	}
	p.by[key] = h // leaving may have taken it out
	h.taken++
	p.taken++
	c.of = h
	p.wait(c)
	return gone, told, true
}

// comesTooOften counts a connection of an address, and reports whether it opens too many,
// and whether that is news. The caller holds p.mu.
func (p *Places) comesTooOften(key netip.Addr, now time.Duration) (often, news bool) {
	b := p.arrivals[key]
	if b == nil && len(p.arrivals) >= maxArrivals {
		for addr, old := range p.arrivals {
			if old.Full(p.o.Arrivals, now) {
				delete(p.arrivals, addr)
			}
		}
		if len(p.arrivals) >= maxArrivals {
			key = netip.Addr{}
			b = p.arrivals[key]
		}
	}
	if b == nil {
		b = new(arrivals)
		p.arrivals[key] = b
	}
	if b.Full(p.o.Arrivals, now) {
		b.told = false
	}
	often = b.Take(p.o.Arrivals, 1, now) > 0
	news = often && !b.told
	b.told = b.told || often
	return often, news
}

// bounds reports whether an address may not have all places.
func (p *Places) bounds(key netip.Addr) bool {
	if key.IsLoopback() || !key.IsValid() {
		return false
	}
	for _, proxy := range p.o.Proxies {
		if proxy.Contains(key) {
			return false
		}
	}
	return true
}

// heaviest is the connection that has waited longest of the address with the most that
// only wait; nil when none waits. The caller holds p.mu.
func (p *Places) heaviest() *Conn {
	if r := p.waiting[p.most]; p.most > 0 && r != nil && r.first != nil {
		return r.first.waiting.first
	}
	return nil
}

// wait puts c behind those of its address that wait. The caller holds p.mu.
func (p *Places) wait(c *Conn) {
	h := c.of
	c.rank = waits
	c.before, c.behind = h.waiting.last, nil
	if h.waiting.last != nil {
		h.waiting.last.behind = c
	} else {
		h.waiting.first = c
	}
	h.waiting.last = c
	p.move(h, h.nWaiting+1)
}

// unwait takes c out of those that wait. The caller holds p.mu.
func (p *Places) unwait(c *Conn) {
	h := c.of
	if c.before != nil {
		c.before.behind = c.behind
	} else {
		h.waiting.first = c.behind
	}
	if c.behind != nil {
		c.behind.before = c.before
	} else {
		h.waiting.last = c.before
	}
	c.before, c.behind = nil, nil
	p.move(h, h.nWaiting-1)
}

// move puts h among those with n connections that wait. The caller holds p.mu.
func (p *Places) move(h *holder, n int) {
	if h.in != nil {
		if h.earlier != nil {
			h.earlier.later = h.later
		} else {
			h.in.first = h.later
		}
		if h.later != nil {
			h.later.earlier = h.earlier
		}
		if h.in.first == nil {
			delete(p.waiting, h.nWaiting)
		}
		h.in, h.earlier, h.later = nil, nil, nil
	}
	if h.nWaiting = n; n > 0 {
		r := p.waiting[n]
		if r == nil {
			r = &ring{}
			p.waiting[n] = r
		}
		h.in, h.later = r, r.first
		if r.first != nil {
			r.first.earlier = h
		}
		r.first = h
		p.most = max(p.most, n)
	}
	for p.most > 0 && p.waiting[p.most] == nil {
		p.most--
	}
}

// unreserved is how many of so many places are not kept for who arrives and who is
// trusted.
func unreserved(places int) int { return places - places/8 }

// leave gives c's place back. The caller holds p.mu.
func (p *Places) leave(c *Conn) {
	h := c.of
	if c.rank == waits {
		p.unwait(c)
	}
	p.discount(c)
	c.rank = ended
	p.taken--
	h.taken--
	if h.taken < unreserved(p.o.PerAddress) {
		h.told = false
	}
	if p.taken < unreserved(p.o.Max) {
		p.full = false
	}
	if h.taken == 0 {
		delete(p.by, h.addr)
	}
}

// discount takes c out of those that are busy and not trusted. The caller holds p.mu.
func (p *Places) discount(c *Conn) {
	if c.counts {
		c.counts = false
		p.settled--
		c.of.settled--
	}
}

// Closed reports whether all places are taken and nobody gives way, and who has most.
func (p *Places) Closed() (e Exhaustion, closed bool) {
	p.mu.Lock()
	closed = p.taken >= p.o.Max && p.most == 0
	p.mu.Unlock()
	if !closed {
		return Exhaustion{}, false
	}
	s := p.Stats()
	return Exhaustion{From: s.Most, Connections: s.Has, InAll: true}, true
}

// Stats are the figures of now, and those counted since the beginning.
type Stats struct {
	Taken   int
	Refused uint64 // connections that found no place
	Evicted uint64 // connections that gave way to others
	Full    bool   // all places are taken, or were a moment ago
	Most    netip.Addr
	Has     int // connections of Most; 0: nobody has any
}

// Stats returns the figures.
func (p *Places) Stats() Stats {
	s := Stats{Refused: p.refused.Load(), Evicted: p.evicted.Load()}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Taken, s.Full = p.taken, p.full
	for addr, h := range p.by {
		if h.taken > s.Has || h.taken == s.Has && addr.Less(s.Most) {
			s.Most, s.Has = addr, h.taken
		}
	}
	return s
}
