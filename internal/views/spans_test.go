package views

import (
	"testing"

	"pgregory.net/rapid"
)

// naive is a set of numbers without any cleverness.
type naive map[uint64]bool

func (n naive) check(t *rapid.T, s spans, limit uint64) {
	for i, e := range s {
		if e.lo > e.hi || e.lo == 0 {
			t.Fatalf("span %v", e)
		}
		if i > 0 && s[i-1].hi+1 >= e.lo {
			t.Fatalf("spans %v and %v are not apart", s[i-1], e)
		}
	}
	top := uint64(0)
	for x := uint64(1); x <= limit; x++ {
		if s.has(x) != n[x] {
			t.Fatalf("has(%d) = %v in %v", x, s.has(x), s)
		}
		if n[x] {
			top = x
		}
		end := x - 1
		for n[end+1] {
			end++
		}
		if s.endOf(x) != end {
			t.Fatalf("end(%d) = %d in %v, want %d", x, s.endOf(x), s, end)
		}
	}
	if s.max() != top {
		t.Fatalf("max = %d in %v, want %d", s.max(), s, top)
	}
}

func TestSpansAreTheSetOfWhatWasAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 60
		s, n := spans(nil), naive{}
		for range rapid.IntRange(0, 40).Draw(t, "adds") {
			lo := rapid.Uint64Range(1, limit).Draw(t, "lo")
			hi := min(lo+rapid.Uint64Range(0, 8).Draw(t, "more"), limit)
			all := true
			for x := lo; x <= hi; x++ {
				all = all && n[x]
			}
			if s.covers(lo, hi) != all {
				t.Fatalf("covers(%d, %d) = %v in %v", lo, hi, !all, s)
			}
			s.add(lo, hi)
			for x := lo; x <= hi; x++ {
				n[x] = true
			}
			n.check(t, s, limit+2)
		}
	})
}

func TestRemovedNumbersAreOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s spans
		want := naive{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			lo := rapid.Uint64Range(1, 40).Draw(t, "lo")
			hi := lo + rapid.Uint64Range(0, 10).Draw(t, "more")
			add := rapid.Bool().Draw(t, "add")
			if add {
				s.add(lo, hi)
			} else {
				s.remove(lo, hi)
			}
			for x := lo; x <= hi; x++ {
				if add {
					want[x] = true
				} else {
					delete(want, x)
				}
			}
			next := uint64(0)
			for x := uint64(55); x >= 1; x-- {
				if want[x] {
					next = x
				}
				if s.has(x) != want[x] || s.next(x) != next {
					t.Fatalf("%v: has(%d) = %v, next = %d, want %d", s, x, s.has(x), s.next(x), next)
				}
			}
			for i := 1; i < len(s); i++ {
				if s[i].lo <= s[i-1].hi+1 {
					t.Fatalf("%v touch", s)
				}
			}
		}
	})
}
