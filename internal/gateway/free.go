package gateway

import "vaiven"

// Free closes the connection that speaks for a device, for whoever is to have it; false
// when none does.
func (g *Gateway) Free(id vaiven.Device) bool {
	d := g.connectedDevice(id)
	if d == nil {
		return false
	}
	c := d.conn.Load()
	if c == nil {
		return false
	}
	c.close(statusInUse, "freed")
	return true
}
