package live

import "sync/atomic"

// Transport is one of the four ways to follow.
type Transport int

// The transports.
const (
	WebSocket Transport = iota
	SSE
	Poll
	NDJSON
	transports
)

// String is the last part of the transport's path.
func (t Transport) String() string { return [...]string{"ws", "sse", "poll", "ndjson"}[t] }

// Reason says why a follower ended.
type Reason int

// Why followers end.
const (
	Left     Reason = iota // the peer went, or was answered (long polling)
	TooSlow                // it took nothing for Options.WriteTimeout
	Shutdown               // the feed was closed
	Busy                   // too many readers of the log
	Failed                 // the log could not be read
	Spoke                  // it sent a message
	reasons
)

// String is the reason's name, in stats and in the last message of a stream.
func (r Reason) String() string {
	return [...]string{"left", "too_slow", "shutdown", "busy", "error", "spoke"}[r]
}

// counts are what a Feed counts since it began.
type counts struct {
	sent     [transports]atomic.Uint64
	bytes    atomic.Uint64
	ended    [reasons]atomic.Uint64
	refused  atomic.Uint64
	readings atomic.Uint64
	waiting  atomic.Int64
}

// Stats are figures of a feed; all but the followers and the ring are counted
// since it began.
type Stats struct {
	Followers  map[string]int    // by transport; a long poll counts while it waits
	Sent       map[string]uint64 // events, by transport
	Bytes      uint64            // of their JSON
	Ended      map[string]uint64 // followers, by reason; polls that were answered are not counted
	Refused    uint64            // followers for whom there was no room
	Readings   uint64            // turns of reading the log
	Waiting    int               // followers that wait for such a turn
	RingEvents int
	RingBytes  int
}

// Stats returns the figures of now.
func (f *Feed) Stats() Stats {
	s := Stats{
		Followers: make(map[string]int), Sent: make(map[string]uint64), Ended: make(map[string]uint64),
		Bytes: f.counts.bytes.Load(), Refused: f.counts.refused.Load(), Readings: f.counts.readings.Load(),
		Waiting: int(f.counts.waiting.Load()),
	}
	by, _ := f.followers()
	for t := range transports {
		s.Followers[t.String()] = by[t]
		s.Sent[t.String()] = f.counts.sent[t].Load()
	}
	for r := range reasons {
		s.Ended[r.String()] = f.counts.ended[r].Load()
	}
	s.RingEvents, s.RingBytes = f.ring.size()
	return s
}

// sent counts a batch.
func (c *counts) sentBatch(t Transport, b *Batch) {
	c.sent[t].Add(uint64(len(b.Events)))
	c.bytes.Add(uint64(len(b.buf)))
}
