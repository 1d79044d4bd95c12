package views

import (
	"slices"

	"vaiven"
)

// wholeRecord stands for all events of a record.
const wholeRecord = ^uint32(0)

// maxMarks bounds a list of events: 16 MB. Gateways keep repeats out of the log
// but for cases of doubt, and gaps are seldom filled, so it stays short; beyond the
// bound the oldest are forgotten, and whoever reads the log's history sees those
// twice, or without the word that they filled a gap.
const maxMarks = 1 << 20

// marks lists, in log order, what the decider has not handed on, or has found to
// fill a gap, so that the log's history can be read without deciding it all again.
type marks []vaiven.ID

func (m *marks) add(id vaiven.ID) {
	if len(*m) >= maxMarks {
		*m = slices.Clone((*m)[maxMarks/4:])
	}
	*m = append(*m, id)
}

// in returns what is marked of one record.
func (m marks) in(record uint64) marks {
	from, _ := slices.BinarySearchFunc(m, record, func(id vaiven.ID, rec uint64) int {
		if id.Record < rec {
			return -1
		}
		return 1
	})
	to := from
	for to < len(m) && m[to].Record == record {
		to++
	}
	return m[from:to]
}

// has reports whether an event of the record that m is about is marked.
func (m marks) has(index uint32) bool {
	for _, id := range m {
		if id.Index == index || id.Index == wholeRecord {
			return true
		}
	}
	return false
}
