package views

import "slices"

// span is the numbers lo..hi, both included.
type span struct{ lo, hi uint64 }

// spans is an exact set of numbers from 1 on, as sorted spans that neither
// overlap nor touch. The usual set, 1..n, is one span.
type spans []span

// find returns the index of the first span that ends at x or behind it.
func (s spans) find(x uint64) int {
	if n := len(s); n > 0 && x > s[n-1].lo {
		if x <= s[n-1].hi {
			return n - 1
		}
		return n
	}
	i, _ := slices.BinarySearchFunc(s, x, func(e span, x uint64) int {
		if e.hi < x {
			return -1
		}
		return 1
	})
	return i
}

// has reports whether x, 1 or more, is in the set.
func (s spans) has(x uint64) bool { return s.endOf(x) >= x }

// covers reports whether all of lo..hi is in the set, 1 <= lo <= hi.
func (s spans) covers(lo, hi uint64) bool { return s.endOf(lo) >= hi }

// endOf returns the last number of the span that holds x, or x-1 when none does.
func (s spans) endOf(x uint64) uint64 {
	if i := s.find(x); i < len(s) && s[i].lo <= x {
		return s[i].hi
	}
	return x - 1
}

// next returns the first number of the set from x on, 0 when there is none.
func (s spans) next(x uint64) uint64 {
	if i := s.find(x); i < len(s) {
		return max(x, s[i].lo)
	}
	return 0
}

// max returns the largest number of the set, 0 when it is empty.
func (s spans) max() uint64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].hi
}

// add puts lo..hi into the set, 1 <= lo <= hi.
func (s *spans) add(lo, hi uint64) {
	if n := len(*s); n == 0 || lo-1 > (*s)[n-1].hi {
		*s = append(*s, span{lo, hi})
		return
	} else if last := &(*s)[n-1]; lo-1 == last.hi {
		last.hi = hi
		return
	}
	i := s.find(max(lo-1, 1)) // the first span that touches lo..hi, or lies behind it
	j := i
	for j < len(*s) && (*s)[j].lo-1 <= hi {
		lo, hi = min(lo, (*s)[j].lo), max(hi, (*s)[j].hi)
		j++
	}
	*s = slices.Replace(*s, i, j, span{lo, hi})
}

// remove takes lo..hi out of the set, 1 <= lo <= hi.
func (s *spans) remove(lo, hi uint64) {
	i := s.find(lo)
	j, rest := i, spans(nil)
	for j < len(*s) && (*s)[j].lo <= hi {
		if e := (*s)[j]; e.lo < lo {
			rest = append(rest, span{e.lo, lo - 1})
		}
		if e := (*s)[j]; e.hi > hi {
			rest = append(rest, span{hi + 1, e.hi})
		}
		j++
	}
	if j > i {
		*s = slices.Replace(*s, i, j, rest...)
	}
}
