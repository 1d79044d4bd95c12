package client

import (
	"maps"

	"vaiven"
)

// Stats are counts since Dial.
type Stats struct {
	Sent     uint64 // readings with SEQ given to a socket, each counted once
	Resent   uint64 // times that one was given to a socket again
	Acked    uint64 // readings settled: on disk
	Refused  uint64 // readings settled: refused for good
	Lost     uint64 // readings given up by Options.DropOldest
	Unacked  uint64 // readings without SEQ and raw messages, written
	Messages uint64 // WebSocket messages written

	Pending   int  // readings held now, without acknowledgement
	Connected bool // welcomed, or in the course's form connected

	Connects    uint64 // connections that were welcomed
	Disconnects uint64 // connections that ended, or failed to begin
	GoBacks     uint64 // times that sending began again at an earlier SEQ on one connection
	Stalls      uint64 // of those, for want of an answer
	Foreign     uint64 // acknowledgements with another BOOT, ignored
	Late        uint64 // desired states that came past their deadline, not applied
	Stale       uint64 // desired states with a lower REV than one that came before, not applied

	Rejected map[vaiven.Code]uint64 // errors from the server, by code
}

// Stats returns the counts at this moment.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Rejected = maps.Clone(c.stats.Rejected)
	s.Pending, s.Lost = c.out.n, c.out.lost
	return s
}

// Connected reports whether the server has welcomed the device and is still
// there; in the course's form, whether the WebSocket is open.
func (c *Client) Connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats.Connected
}
