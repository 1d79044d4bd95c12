package history

import (
	"errors"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

// writeHead makes the head blocks, one for each slot of time that it has samples in,
// and then lets the manifest name them. If we die before, they are leftovers that the
// next start removes, and the log is read from Kept on; behind it, they count.
func (h *History) writeHead() error {
	var (
		fresh []*block
		err   error
	)
	slots := h.headSlots()
	for _, slot := range slots {
		var b *block
		h.writing.Lock()
		b, err = writeBlock(h.o.Dir, h.headParts(slot), h.Kept())
		h.writing.Unlock()
		if err != nil {
			break
		}
		fresh = append(fresh, b)
	}
	if err == nil {
		err = h.commit(func(m *manifest, blocks []*block) []*block {
			m.Missed = h.missed
			m.Kept, m.Newest, m.Counts, m.Removed = h.applied, h.newest, h.counts, max(m.Removed, h.removed)
			return append(blocks, fresh...)
		}, func() { h.head = h.head.empty() })
	}
	if err != nil {
		for _, b := range fresh {
			_ = b.remove() // or the next start does
		}
		return err
	}
	h.sayDamage() // met by late samples
	h.startJoining()
	return nil
}

// errClosed says that a block was written too late to count.
var errClosed = errors.New("closed")

// commit changes which blocks count: change returns them, with the manifest changed;
// behind the manifest, and in the same moment for all readers, also is called.
func (h *History) commit(change func(*manifest, []*block) []*block, also func()) error {
	h.committing.Lock()
	defer h.committing.Unlock()
	h.mu.RLock()
	m, blocks, closed := h.saved, slices.Clone(h.blocks), h.closed
	h.mu.RUnlock()
	if closed { // the blocks are no longer known here
		return errClosed
	}
	blocks = change(&m, blocks)
	slices.SortFunc(blocks, byTime)
	m.Blocks = lostIDs(h.lost)
	for _, b := range blocks {
		m.Blocks = append(m.Blocks, b.tsdb.Meta().ULID)
	}
	if err := m.write(h.o.Dir); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.saved, h.blocks = m, blocks
	also()
	return nil
}

// headSlots returns the slots in which the head has samples, in order. The head is
// changed by this goroutine alone.
func (h *History) headSlots() []int64 {
	seen := map[int64]bool{}
	for _, s := range h.head.series {
		first, last := s.span()
		if first > last {
			continue
		}
		if a, z := h.slotOf(first), h.slotOf(last); a == z {
			seen[a] = true
			continue
		}
		chks, late := s.runs(math.MinInt64, math.MaxInt64)
		_ = each(chks, late, math.MinInt64, math.MaxInt64, func(t int64, _ float64) { // chunks of our own, in memory
			seen[h.slotOf(t)] = true
		})
	}
	var slots []int64
	for slot := range seen {
		slots = append(slots, slot)
	}
	slices.Sort(slots)
	return slots
}

// headParts returns what the head has in a slot, in the order of the names. Chunks go
// into the block as they are, unless late samples belong between theirs, or they reach
// into another slot.
func (h *History) headParts(slot int64) []part {
	from, to := h.slotTimes(slot)
	var parts []part
	for _, s := range h.head.series {
		chks, late := s.runs(from, to)
		if len(chks) == 0 && len(late) == 0 {
			continue
		}
		p := part{labels: s.labels}
		whole := len(late) == 0
		for _, c := range chks {
			whole = whole && c.first >= from && c.last < to
		}
		if whole {
			for _, c := range chks {
				p.chunks = append(p.chunks, chunks.Meta{Chunk: c.xor, MinTime: c.first, MaxTime: c.last})
			}
		} else {
			p.chunks = encode(chks, late, from, to)
		}
		if len(p.chunks) > 0 {
			parts = append(parts, p)
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return labels.Compare(a.labels, b.labels) })
	return parts
}

// encode makes chunks of two runs.
func encode(chks []chunk, late []sample, from, to int64) []chunks.Meta {
	h, s := newHead(), &series{}
	_ = each(chks, late, from, to, func(t int64, v float64) { h.append(s, t, v) }) // as above
	var out []chunks.Meta
	for _, c := range s.full {
		out = append(out, chunks.Meta{Chunk: c.xor, MinTime: c.first, MaxTime: c.last})
	}
	if c := s.open; c.xor != nil {
		out = append(out, chunks.Meta{Chunk: chunkenc.Chunk(c.xor), MinTime: c.first, MaxTime: c.last})
	}
	return out
}
