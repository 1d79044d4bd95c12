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

// oneEach gives every address one place at a time, so that one alone, whatever it does
// with its answers, leaves places to others. It may be used from any goroutine; the zero
// value is ready.
type oneEach struct {
	mu   sync.Mutex
	held map[netip.Addr]chan struct{} // closed when it is given back
}

// acquire waits until the address has no place, and takes it.
func (o *oneEach) acquire(ctx context.Context, who netip.Addr) error {
	for {
		o.mu.Lock()
		held, taken := o.held[who]
		if !taken {
			if o.held == nil {
				o.held = map[netip.Addr]chan struct{}{}
			}
			o.held[who] = make(chan struct{})
		}
		o.mu.Unlock()
		if !taken {
			return nil
		}
		select {
		case <-held:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (o *oneEach) release(who netip.Addr) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.held[who])
	delete(o.held, who)
}

// acquireExport waits for the turn of an export: its address's, and one of all. release
// gives it back.
func (s *server) acquireExport(ctx context.Context, r *http.Request) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, maxTurn)
	defer cancel()
	who := s.o.Remote(r)
	if err := s.exporters.acquire(ctx, who); err != nil {
		return nil, err
	}
	if err := acquire(ctx, s.exporting); err != nil {
		s.exporters.release(who)
		return nil, err
	}
	return func() {
		<-s.exporting
		s.exporters.release(who)
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
