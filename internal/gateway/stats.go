package gateway

import (
	"sync"
	"sync/atomic"

	"vaiven"
)

// Stats are counters since the start of the process.
type Stats struct {
	Connections        atomic.Int64  // open now
	RefusedConnections atomic.Uint64 // by a limit, before the handshake
	Handshakes         atomic.Uint64 // WebSockets opened
	BadHandshakes      atomic.Uint64
	Messages           atomic.Uint64
	Posts              atomic.Uint64 // of them over HTTP
	Readings           atomic.Uint64 // admitted
	Repeats            atomic.Uint64 // SEQs that had been taken before
	Takeovers          atomic.Uint64
	Finished           atomic.Uint64 // boards that came back after their session
	Delivered          atomic.Uint64 // desired states written to a board
	Resent             atomic.Uint64 // the same again, since the board did not confirm them
	Confirmed          atomic.Uint64 // changes that boards reported to have

	mu       sync.Mutex
	rejected map[vaiven.Code]uint64
}

func (s *Stats) reject(c vaiven.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rejected == nil {
		s.rejected = make(map[vaiven.Code]uint64)
	}
	s.rejected[c]++
}

// Rejected returns the refused messages by code.
func (s *Stats) Rejected() map[vaiven.Code]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[vaiven.Code]uint64, len(s.rejected))
	for c, n := range s.rejected {
		out[c] = n
	}
	return out
}

// Stats returns the gateway's counters, which go on counting.
func (g *Gateway) Stats() *Stats { return &g.stats }
