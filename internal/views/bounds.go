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
		_, asked := d.changes[id]
		switch {
		case !d.devices[id].real:
			d.nobodies--
		case asked:
			d.strangers++
		}
		delete(d.devices, id)
	}
}

// makeReal notes that a reading of a device was stored.
func (d *Decider) makeReal(id vaiven.Device) {
	dev := d.devices[id]
	if dev.real {
		return
	}
	dev.real = true
	d.nobodies--
	if _, asked := d.changes[id]; asked {
		d.strangers--
	}
}

// stranger reports whether no reading of a device was stored, as far as is known.
func (d *Decider) stranger(id vaiven.Device) bool {
	dev := d.devices[id]
	return dev == nil || !dev.real
}

// makeRoomForChanges counts a device of which the first change is asked for. When there
// are too many of which nothing else is known, it forgets the changes of those that the
// log has not named for the longest; such as have ended go first, since the end of one
// that is forgotten counts no more.
func (d *Decider) makeRoomForChanges(id vaiven.Device) {
	if !d.stranger(id) {
		return
	}
	if d.strangers >= maxNobodies {
		var ids []vaiven.Device
		for id := range d.changes {
			if d.stranger(id) {
				ids = append(ids, id)
			}
		}
		open := func(id vaiven.Device) int {
			if slices.ContainsFunc(d.changes[id].list, func(c change) bool { return !c.over }) {
				return 1
			}
			return 0
		}
		slices.SortFunc(ids, func(a, b vaiven.Device) int {
			return cmp.Or(cmp.Compare(open(a), open(b)), cmp.Compare(d.changes[a].used, d.changes[b].used), cmp.Compare(a, b))
		})
		for _, id := range ids[:maxNobodies/4] {
			d.dropChanges(id)
		}
	}
	d.strangers++
}

// dropChanges forgets what was asked of a device.
func (d *Decider) dropChanges(id vaiven.Device) {
	if _, asked := d.changes[id]; !asked {
		return
	}
	if d.stranger(id) {
		d.strangers--
	}
	delete(d.changes, id)
}
