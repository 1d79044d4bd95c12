package gateway

import (
	"vaiven"
	"vaiven/internal/limit"
)

// approved reports whether a person let the device in: then its part of every bound is
// reserved for it.
func (g *Gateway) approved(d vaiven.Device) bool { return g.o.Approved != nil && g.o.Approved(d) }

// keepPlace is for something of d that was taken: c does not give way to newcomers from
// here on.
func (c *conn) keepPlace(d *device) {
	w, ok := c.peer.(*webSocket)
	if !ok {
		return // a request keeps its place by itself while it lasts
	}
	place := limit.Of(w.socket.Socket())
	if c.g.approved(d.id) {
		place.Trust()
	} else {
		place.Heard()
	}
}
