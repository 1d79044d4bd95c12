package server

import (
	"sync/atomic"
	"time"

	"vaiven"
)

// Clock stamps events with the system's time, and with whether the system knows it:
// a Raspberry Pi boots without, and is told by the network later. The zero value is
// ready; any goroutine may use it.
type Clock struct {
	asked  atomic.Int64 // Unix seconds of the last question to the kernel
	synced atomic.Bool
}

// Stamp is the time now. It is called for every event, and asks the kernel about
// synchronisation once a second.
func (c *Clock) Stamp() vaiven.Stamp {
	now := time.Now()
	if s := now.Unix(); c.asked.Swap(s) != s {
		c.synced.Store(clockSynced())
	}
	_, offset := now.Zone()
	return vaiven.Stamp{At: now.UnixMilli(), Offset: int32(offset), Synced: c.synced.Load()}
}
