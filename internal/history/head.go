package history

import (
	"cmp"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// chunkSamples is how many samples a chunk has: what a query decodes at least.
const chunkSamples = 240

// sample is a value at a time, Unix ms.
type sample struct {
	t int64
	v float64
}

// head is what has come since the last block.
type head struct {
	series  map[key]*series
	samples int
	bytes   int // about what they take
	slots   map[int64]struct{}
	slot    int64 // the one that was asked for last, and is in slots
}

// maxSlots bounds in how many slots of time the head has samples, each of which becomes
// a block: six years.
const maxSlots = 128

// admits reports whether the head may have samples in a slot.
func (h *head) admits(slot int64) bool {
	if slot == h.slot && len(h.slots) > 0 {
		return true
	}
	if _, there := h.slots[slot]; !there && len(h.slots) == maxSlots {
		return false
	}
	h.slots[slot], h.slot = struct{}{}, slot
	return true
}

// series is one curve in the head. Its samples are in chunks in time's order; those
// that came behind a later one wait in a list.
type series struct {
	labels labels.Labels

	known bool  // newest is known
	top   int64 // of all its samples anywhere, the newest
	// No block has a sample of the series at free[0] <= t < free[1].
	free [2]int64

	full []chunk // in time's order
	open chunk   // its xor is nil: none
	app  chunkenc.Appender
	late []sample // in time's order
}

// chunk is a run of samples.
type chunk struct {
	first, last int64
	xor         *chunkenc.XORChunk
}

func newHead() *head {
	return &head{series: make(map[key]*series), slots: make(map[int64]struct{})}
}

// find returns the series of a key, which it makes if need be.
func (h *head) find(k key) *series {
	s := h.series[k]
	if s == nil {
		k = k.clone()
		s = &series{labels: k.labels()}
		h.series[k] = s
	}
	return s
}

// last is the time of the last sample in the chunks; false when there is none.
func (s *series) last() (int64, bool) {
	if s.open.xor != nil {
		return s.open.last, true
	}
	if n := len(s.full); n > 0 {
		return s.full[n-1].last, true
	}
	return 0, false
}

// append adds a sample that no chunk of the head has anything behind.
func (h *head) append(s *series, t int64, v float64) {
	if s.open.xor == nil {
		c := chunkenc.NewXORChunk()
		app, err := c.Appender()
		if err != nil {
			panic(err) // only of a chunk that cannot be read
		}
		s.open, s.app = chunk{first: t, xor: c}, app
		h.bytes += chunkOverhead
	}
	before := len(s.open.xor.Bytes())
	s.app.Append(0, t, v)
	s.open.last = t
	h.bytes += len(s.open.xor.Bytes()) - before
	h.samples++
	if s.open.xor.NumSamples() >= chunkSamples {
		s.open.xor.Compact()
		s.full = append(s.full, s.open)
		s.open, s.app = chunk{}, nil
	}
}

// chunkOverhead is about what a chunk takes beside its samples.
const chunkOverhead = 128

// lateBytes is what a late sample takes.
const lateBytes = 16

// insert adds a sample among the late ones; there is none at its time.
func (h *head) insert(s *series, t int64, v float64) {
	i, _ := slices.BinarySearchFunc(s.late, t, bySampleTime)
	s.late = slices.Insert(s.late, i, sample{t, v})
	h.bytes += lateBytes
	h.samples++
}

func bySampleTime(s sample, t int64) int {
	switch {
	case s.t < t:
		return -1
	case s.t > t:
		return 1
	}
	return 0
}

// at returns the value of a series at a time, as far as the head has it.
func (s *series) at(t int64) (float64, bool) {
	if i, ok := slices.BinarySearchFunc(s.late, t, bySampleTime); ok {
		return s.late[i].v, true
	}
	c := s.open
	if c.xor == nil || t < c.first {
		i, _ := slices.BinarySearchFunc(s.full, t, func(c chunk, t int64) int {
			if c.last < t {
				return -1
			}
			return 1
		})
		if i == len(s.full) {
			return 0, false
		}
		c = s.full[i]
	}
	if t < c.first || t > c.last {
		return 0, false
	}
	for it := c.xor.Iterator(nil); it.Next() != chunkenc.ValNone; {
		if at, v := it.At(); at == t {
			return v, true
		}
	}
	return 0, false
}

// runs returns the series' samples in two runs, each in time's order: the chunks, and
// the late ones. What is returned stays as it is while the head goes on.
func (s *series) runs(from, to int64) (chunks []chunk, late []sample) {
	for _, c := range s.full {
		if c.last >= from && c.first < to {
			chunks = append(chunks, c)
		}
	}
	if c := s.open; c.xor != nil && c.last >= from && c.first < to {
		chunks = append(chunks, c.copy())
	}
	lo, _ := slices.BinarySearchFunc(s.late, from, bySampleTime)
	hi, _ := slices.BinarySearchFunc(s.late, to, bySampleTime)
	return chunks, slices.Clone(s.late[lo:hi])
}

// copy returns a chunk that stays as it is while the head goes on.
func (c chunk) copy() chunk {
	own := chunkenc.NewXORChunk()
	own.Reset(slices.Clone(c.xor.Bytes()))
	c.xor = own
	return c
}

// lastRuns returns what runs does of all samples before to, but for those that are not
// the last one in any case.
func (s *series) lastRuns(to int64) (chunks []chunk, late []sample) {
	if c := s.open; c.xor != nil && c.first < to {
		chunks = append(chunks, c.copy())
	} else if i, _ := slices.BinarySearchFunc(s.full, to, func(c chunk, t int64) int { return cmp.Compare(c.first, t) }); i > 0 {
		chunks = append(chunks, s.full[i-1])
	}
	if i, _ := slices.BinarySearchFunc(s.late, to, bySampleTime); i > 0 {
		late = append(late, s.late[i-1])
	}
	return chunks, late
}

// each calls fn with every sample of runs in time's order, from <= t < to.
func each(chunks []chunk, late []sample, from, to int64, fn func(t int64, v float64)) error {
	var it chunkenc.Iterator
	for _, c := range chunks {
		it = c.xor.Iterator(it)
		for it.Next() != chunkenc.ValNone {
			t, v := it.At()
			for len(late) > 0 && late[0].t < t {
				fn(late[0].t, late[0].v)
				late = late[1:]
			}
			if t >= from && t < to {
				fn(t, v)
			}
		}
		if err := it.Err(); err != nil {
			return err
		}
	}
	for _, s := range late {
		fn(s.t, s.v)
	}
	return nil
}

// span is the first and the last time of a series in the head; first > last for none.
func (s *series) span() (first, last int64) {
	first, last = math.MaxInt64, math.MinInt64
	if len(s.full) > 0 {
		first = s.full[0].first
	} else if s.open.xor != nil {
		first = s.open.first
	}
	if t, ok := s.last(); ok {
		last = t
	}
	if n := len(s.late); n > 0 {
		first, last = min(first, s.late[0].t), max(last, s.late[n-1].t)
	}
	return first, last
}

// empty lets go of the samples, which are in blocks now, and of series that nobody has
// written to since the last time.
func (h *head) empty() *head {
	next := newHead()
	for k, s := range h.series {
		if first, last := s.span(); first <= last {
			next.series[k] = &series{labels: s.labels, known: s.known, top: s.top}
		}
	}
	return next
}
