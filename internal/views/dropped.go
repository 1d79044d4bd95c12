package views

import (
	"slices"

	"vaiven"
)

// wholeRecord stands for all events of a record.
const wholeRecord = ^uint32(0)

// maxDropped bounds the list of dropped events: 16 MB. Gateways keep repeats
// out of the log but for cases of doubt, so it stays short; beyond the bound the
// oldest are forgotten, and whoever reads the log's history sees those twice.
const maxDropped = 1 << 20

// dropped lists what the decider has not handed on, in log order, so that the
// log's history can be read without deciding it all again.
type dropped []vaiven.ID

func (d *dropped) add(id vaiven.ID) {
	if len(*d) >= maxDropped {
		*d = slices.Clone((*d)[maxDropped/4:])
	}
	*d = append(*d, id)
}

// in returns what was dropped of one record.
func (d dropped) in(record uint64) dropped {
	from, _ := slices.BinarySearchFunc(d, record, func(id vaiven.ID, rec uint64) int {
		if id.Record < rec {
			return -1
		}
		return 1
	})
	to := from
	for to < len(d) && d[to].Record == record {
		to++
	}
	return d[from:to]
}

// has reports whether an event of the record that d is about was dropped.
func (d dropped) has(index uint32) bool {
	for _, id := range d {
		if id.Index == index || id.Index == wholeRecord {
			return true
		}
	}
	return false
}
