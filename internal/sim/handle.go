package sim

import "vaiven"

// Board is a simulated board as somebody sees it who stands in front of it. Its
// methods may be called from several goroutines, also after the board has ended.
type Board struct{ b *board }

// ID returns the board's device id.
func (h Board) ID() vaiven.Device { return vaiven.Device(h.b.id) }

// Connected reports whether the server has the board's connection.
func (h Board) Connected() bool {
	c := h.b.client.Load()
	return c != nil && c.Connected()
}

// States returns what the board has now, whatever it says to the server.
func (h Board) States() []vaiven.Value { return h.b.switches.now() }

// Toggle presses the board's own switch, and returns what the state is then. It
// is false for a state that the board does not have.
func (h Board) Toggle(state string) (float64, bool) {
	num, ok := h.b.switches.toggle(state)
	if ok {
		h.b.tally.local.Add(1)
	}
	return num, ok
}

// Drop pulls the cable: the connection ends without a word, and the board dials
// again.
func (h Board) Drop() { h.b.luck.cut() }
