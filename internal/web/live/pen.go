package live

import (
	"net/http"
	"sync"
	"time"
)

// inHurry is what a peer is given to take its last bytes when the feed closes.
const inHurry = 500 * time.Millisecond

// pieceSize is written with one deadline: a peer that reads slowly, but reads,
// is not dropped.
const pieceSize = 16 << 10

// pen writes an HTTP answer, each piece with a deadline of its own.
type pen struct {
	to      *http.ResponseController
	timeout time.Duration

	mu      sync.Mutex
	hurried bool
	over    bool
}

// open lifts the deadlines that the request came with. Reading is left without
// one: it is how the server notices that the peer has gone.
func (p *pen) open() {
	_ = p.to.SetReadDeadline(time.Time{}) // a connection without deadlines is a test's
	p.arm()
}

// arm gives the next write its time.
func (p *pen) arm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.timeout
	if p.hurried {
		d = min(d, inHurry)
	}
	_ = p.to.SetWriteDeadline(time.Now().Add(d)) // see open
}

// hurry shortens the time of a write that is under way, and of all to come.
func (p *pen) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hurried = true; !p.over {
		_ = p.to.SetWriteDeadline(time.Now().Add(min(p.timeout, inHurry))) // see open
	}
}

// close: the answer is complete, and the connection is somebody else's now.
func (p *pen) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
}

// write sends b to w in pieces, and leaves the last for flush.
func (p *pen) write(w http.ResponseWriter, b []byte) error {
	for len(b) > 0 {
		p.arm()
		n, err := w.Write(b[:min(len(b), pieceSize)])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (p *pen) flush() error {
	p.arm()
	return p.to.Flush()
}
