package views

import (
	"math"

	"vaiven"
)

// Values of how many readings are remembered, as 32-bit sums.
const (
	firstSums = 16 // SEQ 1 to 16 of each known boot
	lastSums  = 48 // SEQs above the highest stored one less 48, of the newest boots
	sumBoots  = 4  // how many boots of a device keep lastSums
)

// sums remembers what the readings of one boot held, so that a BOOT that is
// used twice shows: the same SEQ, other values. The record is a sum of 32 bits
// per reading: two readings with different values look the same once in 4
// thousand million.
//
// Unknown, by design, are the readings between the first 16 and the last 48,
// all but the first 16 of a device's older boots, readings that arrived more
// than 48 behind the highest, and SEQs that were refused or skipped. A board
// that begins again at SEQ 1 under a BOOT already used meets the first 16.
type sums struct {
	first []uint32          // by SEQ-1; 0: unknown
	last  *[lastSums]uint32 // by SEQ modulo lastSums; 0: unknown
}

// keep remembers the sum of seq; top is the highest SEQ stored, seq included.
func (s *sums) keep(seq, top uint64, sum uint32) {
	if seq <= firstSums {
		for uint64(len(s.first)) < seq {
			s.first = append(s.first, 0)
		}
		s.first[seq-1] = sum
		return
	}
	if top-seq >= lastSums {
		return
	}
	if s.last == nil {
		s.last = new([lastSums]uint32)
	}
	s.last[seq%lastSums] = sum
}

// of returns the sum of seq, which is stored, or 0 when it is not known.
func (s *sums) of(seq, top uint64) uint32 {
	switch {
	case seq <= firstSums:
		if seq <= uint64(len(s.first)) {
			return s.first[seq-1]
		}
	case s.last != nil && seq <= top && top-seq < lastSums:
		return s.last[seq%lastSums]
	}
	return 0
}

// sumOf is the sum of a reading's measurements, whatever their order; never 0.
// It goes into checkpoints: it must stay as it is.
func sumOf(values []vaiven.Value) uint32 {
	var total uint64
	for _, v := range values {
		h := uint64(14695981039346656037) // FNV-1a
		for i := range len(v.Name) {
			h = (h ^ uint64(v.Name[i])) * 1099511628211
		}
		num := v.Num
		if num == 0 {
			num = 0 // -0 is 0
		}
		h = (h ^ math.Float64bits(num)) * 0x9e3779b97f4a7c15
		h = (h ^ h>>29) * 0xbf58476d1ce4e5b9
		total += h ^ h>>32
	}
	if sum := uint32(total ^ total>>32); sum != 0 {
		return sum
	}
	return 1
}
