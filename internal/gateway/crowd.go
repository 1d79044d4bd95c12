package gateway

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// crowdSize is from how many appends that are not committed on nobody may have more than
	// its share of them: what a log commits in a tenth of a second or less.
	crowdSize = 8 << 10
	// leastShare is what every device may have: as much as a board sends before it is answered.
	leastShare = 32
	// crowdWait is how long a device that has its share waits for a commit; then the log's
	// own queue decides.
	crowdWait = 2 * time.Second
)

// crowd keeps those who send much from filling the log's queue in front of the others:
// while much waits for the disk, each device has its share of what waits, and whoever has
// that is not read.
type crowd struct {
	devices atomic.Int64 // that have something uncommitted

	mu      sync.Mutex
	waiting int
	room    chan struct{} // closed, and made anew, at a commit that somebody waits for
}

// share is how many appends of one device may be uncommitted.
func (c *crowd) share() int32 {
	return int32(max(leastShare, 2*crowdSize/max(1, c.devices.Load())))
}

// awaitShare waits while d has its share, and much is queued. The caller holds d.mu.
func (g *Gateway) awaitShare(d *device) {
	c := &g.crowd
	if g.pending.Load() < crowdSize || d.uncommitted.Load() < c.share() {
		return
	}
	g.stats.Crowded.Add(1)
	limit := time.NewTimer(crowdWait)
	defer limit.Stop()
	for {
		c.mu.Lock()
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		if g.pending.Load() < crowdSize || d.uncommitted.Load() < c.share() {
			c.mu.Unlock()
			return
		}
		c.waiting++
		c.mu.Unlock()
		over := false
		select {
		case <-room:
		case <-limit.C:
			over = true
		}
		c.mu.Lock()
		c.waiting--
		c.mu.Unlock()
		if over {
			return
		}
	}
}

// enter counts an append of d that is about to be queued.
func (c *crowd) enter(d *device) {
	if d.uncommitted.Add(1) == 1 {
		c.devices.Add(1)
	}
}

// exit is for an append of d that was committed, or not taken.
func (c *crowd) exit(d *device) {
	if d.uncommitted.Add(-1) == 0 {
		c.devices.Add(-1)
	}
}

// makeShares wakes those who wait for their share, behind a commit.
func (c *crowd) makeShares() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting > 0 {
		close(c.room)
		c.room = make(chan struct{})
	}
}
