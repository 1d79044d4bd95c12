package views

import (
	"cmp"
	"slices"

	"vaiven"
)

// How many devices are remembered by their SEQs, and of these, of how many no reading
// was ever stored: whoever makes up ids leaves that many traces at most. A board that is
// forgotten would have its readings stored anew if it sent them again.
const (
	maxDevices  = 1 << 18
	maxNobodies = 1 << 12
)

// makeRoom forgets some of the devices that the log has not named for the longest when
// there are too many: it depends on the log alone, so every node forgets the same.
func (d *Decider) makeRoom() {
	if d.nobodies >= maxNobodies {
		d.forgetOldest(maxNobodies/4, func(dev *device) bool { return !dev.real })
	}
	if len(d.devices) >= maxDevices {
		d.forgetOldest(maxDevices/16, func(*device) bool { return true })
	}
}

// forgetOldest forgets so many of the devices of a sort.
func (d *Decider) forgetOldest(count int, of func(*device) bool) {
	var ids []vaiven.Device
	for id, dev := range d.devices {
		if of(dev) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b vaiven.Device) int {
		return cmp.Or(cmp.Compare(d.devices[a].used, d.devices[b].used), cmp.Compare(a, b))
	})
	for _, id := range ids[:min(count, len(ids))] {
		if !d.devices[id].real {
			d.nobodies--
		}
		delete(d.devices, id)
	}
}
