package client

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestRingIsAQueue compares the ring with the simplest thing that it could be.
func TestRingIsAQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 40).Draw(t, "max")
		head := rapid.Uint64Range(1, 1000).Draw(t, "head")
		r := ring{head: head, max: limit}
		var model []slot
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				if r.full() {
					return
				}
				s := slot{sends: rapid.Int().Draw(t, "mark")}
				if seq := r.push(s); seq != head+uint64(len(model)) {
					t.Fatalf("seq %d, want %d", seq, head+uint64(len(model)))
				}
				model = append(model, s)
			},
			"pop": func(t *rapid.T) {
				if r.n == 0 {
					return
				}
				if got := r.pop(); got.sends != model[0].sends {
					t.Fatalf("popped %d, want %d", got.sends, model[0].sends)
				}
				model, head = model[1:], head+1
			},
			"": func(t *rapid.T) {
				if r.n != len(model) || r.head != head || r.full() != (len(model) == limit) || len(r.slots) > limit {
					t.Fatalf("ring n=%d head=%d slots=%d, want n=%d head=%d", r.n, r.head, len(r.slots), len(model), head)
				}
				for i, m := range model {
					if got := r.at(head + uint64(i)); got.sends != m.sends {
						t.Fatalf("at %d: %d, want %d", head+uint64(i), got.sends, m.sends)
					}
				}
			},
		})
	})
}

// ones is a source of the largest random numbers, so that waits are whole.
type ones struct{}

func (ones) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0xff
	}
	return len(p), nil
}

func TestBackoffDoublesUpToItsMax(t *testing.T) {
	p := pause{Backoff: Backoff{}.withDefaults(), rand: ones{}}
	want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}
	for i, w := range want {
		if got := p.draw().Round(time.Millisecond); got != w*time.Second {
			t.Errorf("wait %d: %v, want %v", i, got, w*time.Second)
		}
	}
	p.reset()
	if got := p.draw().Round(time.Millisecond); got != time.Second {
		t.Errorf("after reset: %v", got)
	}
	p.longest()
	if got := p.draw().Round(time.Millisecond); got != time.Minute {
		t.Errorf("longest: %v", got)
	}
}

func TestBackoffIsSpreadOverTheWholeWait(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "random")
		p := pause{Backoff: Backoff{Min: time.Second}.withDefaults(), rand: &fixed{seed}}
		if w := p.draw(); w < 0 || w > time.Second {
			t.Fatalf("wait %v", w)
		}
	})
}

type fixed struct{ b []byte }

func (f *fixed) Read(p []byte) (int, error) { return copy(p, f.b), nil }
