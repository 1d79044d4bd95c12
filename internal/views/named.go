package views

import (
	"maps"

	"vaiven"
)

const (
	// namedRecords is how many of the log's newest records are remembered at least by
	// the devices that they name, unless those are more than namedDevices: then fewer.
	namedRecords = 4096
	namedDevices = 1024
)

// named knows which devices the log's newest records name, so that one which has come
// back is not forgotten by whoever had not read that yet. There are two generations:
// when the young one is full it becomes the old one, whose predecessor goes.
type named struct {
	from       uint64 // the first record that is remembered
	turn       uint64 // the first record of young
	old, young map[vaiven.Device]uint64
}

// note takes an event of the record pos. One about a message that was refused is no
// sign of a device's return.
func (n *named) note(pos uint64, ev vaiven.Event) {
	id := ev.Of()
	if _, gone := ev.(*vaiven.Forgotten); gone || id == "" || vaiven.Refuses(ev) {
		return
	}
	if n.young == nil || len(n.young) >= namedDevices || pos-n.turn >= namedRecords {
		if n.young != nil {
			n.from = n.turn
		}
		n.old, n.young, n.turn = n.young, make(map[vaiven.Device]uint64), pos
	}
	n.young[id] = pos
}

// silent reports whether no record behind through names the device. It is false when
// through is too long ago to say so.
func (n *named) silent(id vaiven.Device, through uint64) bool {
	return through+1 >= n.from && n.young[id] <= through && n.old[id] <= through
}

func (n *named) clone() named {
	return named{n.from, n.turn, maps.Clone(n.old), maps.Clone(n.young)}
}
