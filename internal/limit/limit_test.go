package limit

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

func TestWhatAnAddressIsCountedUnder(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8::1": "2001:db8::", "2001:db8:0:1::1": "2001:db8:0:1::",
		"fe80::1": "fe80::1", "fe80::2": "fe80::2", "fe80::1%eth0": "fe80::1%eth0", "::1": "::1", "fd00::5%eth0": "fd00::",
	} {
		if got := Key(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestConnectionsOfOneAddress(t *testing.T) {
	a := Addresses{Max: 2}
	at := netip.MustParseAddr
	for _, from := range []string{"192.0.2.7", "192.0.2.7", "2001:db8::1", "2001:db8::ffff", "fe80::1", "fe80::1", "fe80::2"} {
		if !a.Acquire(at(from)) {
			t.Fatalf("%s refused", from)
		}
	}
	for _, from := range []string{"192.0.2.7", "2001:db8::2", "fe80::1"} { // the same /64
		if a.Acquire(at(from)) {
			t.Errorf("%s taken", from)
		}
	}
	for _, from := range []string{"192.0.2.8", "2001:db8:0:1::1", "127.0.0.1", "127.0.0.1", "::1", "::1", "::1"} {
		if !a.Acquire(at(from)) {
			t.Errorf("%s refused", from)
		}
	}
	if most, n := a.Most(); n != 2 || most != at("192.0.2.7") {
		t.Errorf("most: %s with %d", most, n)
	}
	a.Release(at("2001:db8::1"))
	if !a.Acquire(at("2001:db8::2")) {
		t.Error("refused although there is room")
	}
	for addr, n := range a.count {
		for range n {
			a.Release(addr)
		}
	}
	if len(a.count) != 0 {
		t.Errorf("left over: %v", a.count)
	}
}

func TestBucket(t *testing.T) {
	rate := Rate{PerSecond: 10, Burst: 20}
	var b Bucket
	if w := b.Take(rate, 20, 0); w != 0 {
		t.Errorf("the burst waits %v", w)
	}
	if w := b.Take(rate, 5, 0); w != 500*time.Millisecond {
		t.Errorf("beyond it: wait %v", w)
	}
	if w := b.Take(rate, 5, 500*time.Millisecond); w != 0 {
		t.Errorf("half a second later: wait %v", w)
	}
	if w := b.Spend(rate, 100, 500*time.Millisecond); w != 10*time.Second {
		t.Errorf("the debt of 100 takes %v", w)
	}
	if b.Full(rate, 10*time.Second) || !b.Full(rate, 13*time.Second) {
		t.Error("full at the wrong time")
	}
	if w := b.Spend(Rate{}, 1e9, time.Hour); w != 0 {
		t.Errorf("no bound: wait %v", w)
	}
}

// TestBucketHoldsItsRate: whatever is asked for at whatever times, what was taken is never
// more than the burst and what the time brought, and who waits as told finds it there.
func TestBucketHoldsItsRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := Rate{PerSecond: rapid.Float64Range(0.1, 1e6).Draw(t, "rate"), Burst: rapid.Float64Range(1, 1e6).Draw(t, "burst")}
		var b Bucket
		now, took := time.Duration(0), 0.0
		for range 50 {
			now += time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "pause"))
			n := rapid.Float64Range(0, rate.Burst).Draw(t, "n")
			if w := b.Take(rate, n, now); w > 0 {
				now += w
				if b.Take(rate, n, now) != 0 {
					t.Fatal("waited as told, and has to wait again")
				}
			}
			took += n
			if most := rate.Burst + rate.PerSecond*now.Seconds(); took > most*(1+1e-9) {
				t.Fatalf("%g taken by %v, of %g", took, now, most)
			}
		}
	})
}

// street is a listener with places, on a real socket.
type street struct {
	t      *testing.T
	places *Places
	l      net.Listener
	in     chan *Conn
}

func open(t *testing.T, o Options) *street {
	t.Helper()
	bare, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &street{t: t, places: New(o), in: make(chan *Conn)}
	s.l = s.places.Listen(bare)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			s.in <- Of(c)
		}
	}()
	t.Cleanup(func() { _ = s.l.Close(); <-done })
	return s
}

// visitor is a connection from both its ends.
type visitor struct {
	net.Conn
	place *Conn
}

func (s *street) dial() visitor {
	s.t.Helper()
	c, err := net.Dial("tcp", s.l.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	v := visitor{c, <-s.in}
	s.t.Cleanup(func() { _ = c.Close(); _ = v.place.Close() })
	return v
}

// gone reports whether the server has reset the connection; it waits for that.
func (v visitor) gone() bool {
	_, err := v.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, io.EOF)
}

// there reports whether the place is still the connection's.
func (s *street) there(v visitor) bool {
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	return v.place.rank != ended
}

func TestTheLongestWaitingGivesWay(t *testing.T) {
	told := make(chan Exhaustion, 8)
	s := open(t, Options{Max: 16, PerAddress: 16, Exhausted: func(e Exhaustion) { told <- e }})
	var all []visitor
	for range 16 {
		all = append(all, s.dial())
	}
	all[0].place.Heard() // a board
	all[1].place.Trust()
	first, second := s.dial(), s.dial()
	if !all[2].gone() || !all[3].gone() {
		t.Error("not the ones that waited longest gave way")
	}
	for _, v := range []visitor{all[0], all[1], first, second} {
		if !s.there(v) {
			t.Error("one gave way that should not")
		}
	}
	if e := <-told; !e.InAll || e.From != netip.MustParseAddr("127.0.0.1") || e.Connections != 16 {
		t.Errorf("told %+v", e)
	}
	if len(told) != 0 {
		t.Error("told twice")
	}
	if st := s.places.Stats(); st.Taken != 16 || st.Evicted != 2 || st.Refused != 0 || !st.Full || st.Has != 16 {
		t.Errorf("%+v", st)
	}
}

func TestAnEighthIsForWhoArrives(t *testing.T) {
	s := open(t, Options{Max: 16, PerAddress: 16})
	var all []visitor
	for range 16 {
		v := s.dial()
		v.place.Heard()
		all = append(all, v)
	}
	for range 3 { // it waits, and gives way to the next
		v := s.dial()
		if !s.there(v) {
			t.Fatal("a newcomer found no place")
		}
	}
	v := s.dial()
	v.place.Trust()
	for i, v := range all[:14] {
		if !s.there(v) {
			t.Errorf("board %d gave way", i)
		}
	}
	if !s.there(v) {
		t.Error("who is trusted gave way")
	}
}

func TestWhoOnlyWaitsAgainGivesWay(t *testing.T) {
	s := open(t, Options{Max: 2, PerAddress: 2})
	a, b := s.dial(), s.dial()
	a.place.Heard()
	a.place.Wait() // its request is over: it is the younger one of those that wait
	b.place.Trust()
	b.place.Wait()
	s.dial()
	if !a.gone() || !s.there(b) {
		t.Error("the wrong one gave way")
	}
}

// TestWhoHasMostGivesWay has many addresses, which one machine's loopback stands for.
func TestWhoHasMostGivesWay(t *testing.T) {
	p := New(Options{Max: 10, PerAddress: 8})
	seat := func(addr string) (*Conn, *Conn, []Exhaustion, bool) {
		c := &Conn{places: p}
		p.mu.Lock()
		defer p.mu.Unlock()
		gone, told, ok := p.makeRoom(c, netip.MustParseAddr(addr))
		return c, gone, told, ok
	}
	first, _, _, _ := seat("192.0.2.1")
	for range 7 {
		seat("192.0.2.1")
	}
	if _, gone, told, ok := seat("192.0.2.1"); !ok || gone != first || len(told) != 1 || told[0].InAll || told[0].Connections != 8 {
		t.Errorf("at its bound: %v %v", told, ok)
	}
	seat("192.0.2.2")
	seat("192.0.2.3")
	for _, addr := range []string{"192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7"} {
		if _, gone, _, ok := seat(addr); !ok || gone == nil || gone.of.addr != netip.MustParseAddr("192.0.2.1") {
			t.Fatalf("%s: not the address with most gave way", addr)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.by {
		for h.waiting.first != nil {
			p.leave(h.waiting.first)
		}
	}
	if p.taken != 0 || p.settled != 0 || p.most != 0 || len(p.by) != 0 || len(p.waiting) != 0 {
		t.Errorf("left over: %d taken, %d settled, %d addresses, %d rings", p.taken, p.settled, len(p.by), len(p.waiting))
	}
}

// TestAddressFullOfBusyOnesRefuses: none of them gives way, not even to one of their own.
func TestAddressFullOfBusyOnesRefuses(t *testing.T) {
	p := New(Options{Max: 100, PerAddress: 8})
	from := netip.MustParseAddr("192.0.2.1")
	for range 8 {
		c := &Conn{places: p}
		p.mu.Lock()
		p.makeRoom(c, from)
		p.mu.Unlock()
		c.Trust()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, told, ok := p.makeRoom(&Conn{places: p}, from); ok || len(told) != 1 {
		t.Errorf("taken %v, told %v", ok, told)
	}
}

// TestAFloodOfArrivals: an address that opens ever new connections is refused, and others
// are not.
func TestAFloodOfArrivals(t *testing.T) {
	p := New(Options{Max: 1000, PerAddress: 1000, Arrivals: Rate{PerSecond: 1e-3, Burst: 5}, Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.9/32")}})
	news := 0
	seat := func(addr string) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		_, told, ok := p.makeRoom(&Conn{places: p}, Key(netip.MustParseAddr(addr)))
		news += len(told)
		return ok
	}
	for i := range 10 {
		if got := seat("192.0.2.1"); got != (i < 5) {
			t.Errorf("connection %d: %v", i, got)
		}
		for _, free := range []string{"127.0.0.1", "192.0.2.9"} {
			if !seat(free) {
				t.Errorf("%s is refused", free)
			}
		}
	}
	if !seat("192.0.2.2") || news != 1 {
		t.Errorf("another address is refused, or it was told %d times", news)
	}
	for i := range maxArrivals + 100 {
		p.comesTooOften(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 0)
	}
	if n := len(p.arrivals); n > maxArrivals+1 {
		t.Errorf("%d addresses under count", n)
	}
	p.comesTooOften(netip.MustParseAddr("192.0.2.3"), 24*time.Hour)
	if n := len(p.arrivals); n > 2 {
		t.Errorf("%d addresses under count, a day later", n)
	}
}

// TestThePlaceBelowTLS: whoever has the connection above finds its place.
func TestThePlaceBelowTLS(t *testing.T) {
	s := open(t, Options{Max: 2, PerAddress: 2})
	v := s.dial()
	if Of(tls.Server(v.place, &tls.Config{})) != v.place || Of(v.Conn) != nil {
		t.Error("not found, or found where none is")
	}
	if got := FromContext(NewContext(t.Context(), v.place)); got != v.place || got.Trusted() {
		t.Errorf("%v", got)
	}
	if v.place.Trust(); !v.place.Trusted() {
		t.Error("not trusted")
	}
}

func TestNilConnIsNobody(t *testing.T) {
	c := FromContext(t.Context())
	c.Heard()
	c.Wait()
	c.Trust()
	if c.Trusted() {
		t.Error("nobody is trusted")
	}
	if Of(nil) != nil {
		t.Error("nothing has a place")
	}
}
