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

// patientWriter is an answer with patience. With a rate its reader has to take so many
// bytes a second, on an average over paceOver: what it is slower than that is taken from
// the time of the next piece. The time between two pieces is the server's own.
type patientWriter struct {
	http.ResponseWriter
	patience
	rate  int // 0: a piece in answerTimeout is enough
	spent time.Duration
	begun bool
}

// How fast the reader of an export has to be, on an average over how long.
const (
	exportRate = 64 << 10
	paceOver   = time.Minute
)

func newPatientWriter(w http.ResponseWriter, rate int) *patientWriter {
	return &patientWriter{ResponseWriter: w, patience: patience{http.NewResponseController(w)}, rate: rate}
}

func (p *patientWriter) Write(b []byte) (int, error) {
	p.begun = true
	if p.rate == 0 {
		p.wait(answerTimeout)
		return p.ResponseWriter.Write(b)
	}
	p.wait(paceOver - p.spent)
	begin := time.Now()
	n, err := p.ResponseWriter.Write(b)
	p.count(time.Since(begin), n)
	return n, err
}

// count notes that a piece of n bytes took so long.
func (p *patientWriter) count(took time.Duration, n int) {
	p.spent = max(p.spent+took-time.Duration(n)*time.Second/time.Duration(p.rate), 0)
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
