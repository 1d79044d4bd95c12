package gateway

import (
	"sync"
	"time"
)

// visits are the connections that stand for boards which come by HTTP.
type visits struct {
	mu    sync.Mutex
	conns map[place]*conn
}

type post struct{}

// visited reports whether a request of the board is under way: one that comes by
// HTTP cannot be asked otherwise.
func (c *conn) visited() bool {
	_, idle := c.ws.(*box).idle()
	return !idle
}

func (r *round) visit(d *device) time.Duration { return never }
