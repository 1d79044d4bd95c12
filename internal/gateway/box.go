package gateway

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vaiven"
	"vaiven/internal/ws"
)

// socket is what a connection writes to: a WebSocket, or the box of a board
// that comes by HTTP.
type socket interface {
	Write(op ws.Op, p []byte) error
	Close(code uint16, reason string)
	Kill()
}

// box is where the messages for a board wait that comes by HTTP, until the
// answer to its request takes them along. It holds boxSize of them; one more is
// refused, and learned by the board from its next WELCOME.
type box struct {
	at    place
	serve chan struct{} // holds a token while a request's messages are handled

	// Of the request that has the token.
	post *post
	told bool // the desired states are in its answer

	mu      sync.Mutex
	out     [][]byte
	closed  bool
	guests  int           // requests under way: somebody is there
	left    time.Duration // when the last one ended, as uptime has it
	changed chan struct{} // closed when there may be news for whoever waits; nil: nobody does
	names   []string      // states that it declared
}

const boxSize = 512

// place is where a board that comes by HTTP is known by: its address without
// the port, of which every request may have another, and its id.
type place struct {
	addr netip.Addr
	dev  vaiven.Device
}

// Write puts a copy of p into the box.
func (b *box) Write(_ ws.Op, p []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.out) >= boxSize {
		return ws.ErrClosed
	}
	b.out = append(b.out, slices.Clone(p))
	return nil
}

// Close ends it for later requests; one that is under way still takes along what
// is there.
func (b *box) Close(uint16, string) { b.Kill() }

// Kill is Close.
func (b *box) Kill() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.poke()
}

// turn takes the token, at once if it is there.
func (b *box) turn(ctx context.Context) error {
	select {
	case b.serve <- struct{}{}:
		return nil
	default:
	}
	select {
	case b.serve <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take empties the box.
func (b *box) take() [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.out
	b.out = nil
	return out
}

// poke wakes the requests that wait for news.
func (b *box) poke() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// news is closed at the next poke.
func (b *box) news() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// enter begins a request, if the box is not closed; leave ends it.
func (b *box) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.guests++
	}
	return !b.closed
}

func (b *box) leave(now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.guests--
	b.left = now
}

// idle says since when no request was under way; false while one is.
func (b *box) idle() (since time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left, b.guests == 0
}

// expire closes the box if nobody was there since then.
func (b *box) expire(since time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.guests > 0 || b.left > since {
		return false
	}
	b.closed = true
	return true
}

func (b *box) declared() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.names
}

func (b *box) declare(names []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names = names
}
