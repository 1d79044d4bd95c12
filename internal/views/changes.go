package views

import (
	"slices"

	"vaiven"
)

const (
	// keepChanges is how many changes of a device are remembered by their key.
	// The oldest that has ended makes room.
	keepChanges = 32
	// maxOpen bounds those that have not ended: beyond, the oldest makes room,
	// and its end is dropped.
	maxOpen = 1024
)

// changes is what the decider knows of a device's changes of desired state, the
// one that the log named last at the end: which keys were used, and which of
// them are still waiting for their end.
type changes []change

type change struct {
	key  vaiven.Key
	sent bool
	over bool
}

func (c changes) find(key vaiven.Key) *change {
	for i := len(c) - 1; i >= 0; i-- {
		if c[i].key == key {
			return &c[i]
		}
	}
	return nil
}

// ask takes a change, and reports whether its key is new.
func (c *changes) ask(key vaiven.Key) bool {
	if c.find(key) != nil {
		return false
	}
	c.makeRoom()
	*c = append(*c, change{key: key})
	return true
}

func (c *changes) makeRoom() {
	if len(*c) < keepChanges {
		return
	}
	i := slices.IndexFunc(*c, func(x change) bool { return x.over })
	if i < 0 && len(*c) < maxOpen {
		return
	}
	*c = slices.Delete(*c, max(i, 0), max(i, 0)+1)
}

// send notes that an open change was sent, and reports whether that is news.
func (c changes) send(key vaiven.Key) bool {
	x := c.find(key)
	if x == nil || x.sent || x.over {
		return false
	}
	x.sent = true
	return true
}

// end closes a change, and reports whether it was open.
func (c changes) end(key vaiven.Key) bool {
	x := c.find(key)
	if x == nil || x.over {
		return false
	}
	x.over = true
	return true
}
