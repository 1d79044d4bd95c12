package web

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// patience gives an answer more time with every piece of it: it may take hours, as long
// as it gets on.
type patience struct {
	c *http.ResponseController
}

func (p patience) wait(d time.Duration) {
	_ = p.c.SetReadDeadline(time.Time{}) // or the connection would count as broken: nothing more comes from it
	_ = p.c.SetWriteDeadline(time.Now().Add(d))
}

// patientWriter is an answer whose reader has to get on, and otherwise may be slow: what
// stands still for stall is cut off, and so is, with a rate, what has been slower than
// that for maxSlow in all. The time between two pieces is the server's own.
//
// A phone on bad Wi-Fi gets a few KiB a second and stands still for half a minute when it
// changes its access point, since TCP then waits as long again before it tries (RFC 6298,
// section 5): at 20 KiB a second it has an hour and a half, which is 100 MB. Who reads a byte
// now and then to keep others from their turn has that hour, and one turn for an address.
type patientWriter struct {
	http.ResponseWriter
	patience
	stall time.Duration
	rate  int           // bytes a second; 0: any
	slow  time.Duration // how much later it is than with that rate
	begun bool
}

// How the readers of exports and CSV files are waited for.
const (
	readerStall = time.Minute
	exportRate  = 64 << 10
	maxSlow     = time.Hour
)

// pieceBytes is what counts as getting on: a format may write some MiB at once.
const pieceBytes = 16 << 10

func newPatientWriter(w http.ResponseWriter, stall time.Duration, rate int) *patientWriter {
	return &patientWriter{ResponseWriter: w, patience: patience{http.NewResponseController(w)}, stall: stall, rate: rate}
}

func (p *patientWriter) Write(b []byte) (n int, err error) {
	p.begun = true
	for len(b) > n && err == nil {
		piece := b[n:min(len(b), n+pieceBytes)]
		p.wait(min(p.stall, maxSlow-p.slow))
		begin := time.Now()
		var wrote int
		wrote, err = p.ResponseWriter.Write(piece)
		n += wrote
		p.count(time.Since(begin), wrote)
	}
	return n, err
}

// count notes that a piece of n bytes took so long.
func (p *patientWriter) count(took time.Duration, n int) {
	if p.rate > 0 {
		p.slow = max(p.slow+took-time.Duration(n)*time.Second/time.Duration(p.rate), 0)
	}
}

// turns are for what may go on a few times at once, and fewer times for one address, so
// that one alone, whatever it does with its answers, leaves turns to others. It may be
// used from any goroutine.
type turns struct {
	all  chan struct{}
	each int

	mu   sync.Mutex
	held map[netip.Addr]*heldTurns
}

// heldTurns are those of one address.
type heldTurns struct {
	now   chan struct{}
	users int // who have one, or wait for one
}

func newTurns(all, each int) *turns {
	return &turns{all: make(chan struct{}, all), each: each, held: map[netip.Addr]*heldTurns{}}
}

// take waits for a turn: the address's, and one of all. release gives it back. The error
// is ctx's, or context.DeadlineExceeded after maxTurn.
func (t *turns) take(ctx context.Context, who netip.Addr) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, maxTurn)
	defer cancel()
	t.mu.Lock()
	h := t.held[who]
	if h == nil {
		h = &heldTurns{now: make(chan struct{}, t.each)}
		t.held[who] = h
	}
	h.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if h.users--; h.users == 0 {
			delete(t.held, who)
		}
	}
	if err := acquire(ctx, h.now); err != nil {
		leave()
		return nil, err
	}
	if err := acquire(ctx, t.all); err != nil {
		<-h.now
		leave()
		return nil, err
	}
	return func() {
		<-t.all
		<-h.now
		leave()
	}, nil
}

// peerAddr is the address that a request came from.
func peerAddr(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}
