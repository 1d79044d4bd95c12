package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"vaiven"
)

// maxSlot is the time that the largest blocks stand for.
const maxSlot = 18 * vaiven.Day

// joinAt is how many blocks of about one size in a slot are joined to one.
const joinAt = 6

// slot is the time that a block stands for at most, in ms: a tenth of what is kept, so
// that about as much is kept as was asked for.
func (h *History) slot() int64 {
	slot := maxSlot
	if h.o.Keep > 0 {
		slot = max(min(slot, h.o.Keep/10), cutEvery)
	}
	return slot.Truncate(cutEvery).Milliseconds()
}

func (h *History) slotOf(t int64) int64 { return floorDiv(t, h.slot()) }

func (h *History) slotTimes(slot int64) (from, to int64) {
	return slot * h.slot(), (slot + 1) * h.slot()
}

// startJoining looks after the blocks on a goroutine of its own, one at a time.
func (h *History) startJoining() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.joining || h.closed {
		return
	}
	h.joining = true
	h.work.Go(func() {
		for h.lookAfter() {
		}
		debug.FreeOSMemory() // the buffers of the writers, until the next block
	})
}

// lookAfter removes what is too old or too much, and joins some blocks. It reports
// whether there may be more to do; false means that the next block starts it again.
func (h *History) lookAfter() (again bool) {
	err := h.removeOld()
	var some []*block
	if err == nil {
		if some = h.toJoin(); len(some) > 0 {
			err = h.join(some)
		}
	}
	if errors.Is(err, errUnread) {
		err = nil // the next round leaves it out, so that no round is in vain twice
	}
	h.sayDamage()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil && h.ctx.Err() == nil {
		h.o.Logger.Warn("blocks of history not joined", "err", err)
		h.joinErr = err
	} else if err == nil {
		h.joinErr = nil
	}
	h.joining = err == nil && len(some) > 0 && !h.closed
	return h.joining
}

// removeOld removes blocks that are older than what is kept, and the oldest while all
// take more than they may; the newest stays.
func (h *History) removeOld() error {
	var gone []*block
	h.mu.RLock()
	total, oldest := int64(0), int64(0)
	if h.o.Keep > 0 {
		oldest = h.newest - h.o.Keep.Milliseconds()
	}
	for _, b := range h.blocks {
		total += b.bytes
	}
	byEnd := slices.SortedFunc(slices.Values(h.blocks), func(a, b *block) int { return cmp.Compare(a.end, b.end) })
	for i, b := range byEnd {
		tooOld := h.o.Keep > 0 && b.end <= oldest
		tooMuch := h.o.MaxBytes > 0 && total > h.o.MaxBytes && i < len(byEnd)-1
		if tooOld || tooMuch {
			gone = append(gone, b)
			total -= b.bytes
		}
	}
	lost := slices.DeleteFunc(slices.Clone(h.lost), func(l lostBlock) bool { return h.o.Keep == 0 || l.To > oldest })
	h.mu.RUnlock()
	if len(lost) > 0 {
		if err := h.forgetLost(lost); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return h.replace(gone)
}

// forgetLost removes blocks that could not be opened.
func (h *History) forgetLost(gone []lostBlock) error {
	h.committing.Lock()
	h.mu.Lock()
	h.lost = slices.DeleteFunc(slices.Clone(h.lost), func(l lostBlock) bool { return slices.Contains(gone, l) })
	h.mu.Unlock()
	held := h.holders > 0
	h.committing.Unlock()
	if err := h.commit(func(_ *manifest, blocks []*block) []*block { return blocks }, func() {}); err != nil {
		return err
	}
	for _, l := range gone {
		if held {
			break // somebody copies it: the next start removes it
		}
		if err := os.RemoveAll(filepath.Join(h.o.Dir, l.id.String())); err != nil {
			return err
		}
	}
	return nil
}

// replace lets other blocks count instead of some, which are removed.
func (h *History) replace(gone []*block, fresh ...*block) error {
	err := h.commit(func(m *manifest, blocks []*block) []*block {
		for _, b := range gone {
			if len(fresh) == 0 { // they are not joined, but removed
				m.Removed = max(m.Removed, b.end)
			}
		}
		blocks = slices.DeleteFunc(blocks, func(b *block) bool { return slices.Contains(gone, b) })
		return append(blocks, fresh...)
	}, func() {})
	if err != nil {
		for _, b := range fresh {
			_ = b.remove() // or the next start does
		}
		return err
	}
	h.committing.Lock()
	h.doomed = append(h.doomed, gone...)
	h.committing.Unlock()
	h.removeDoomed()
	return nil
}

// removeDoomed removes the blocks that no manifest names, unless somebody copies them.
func (h *History) removeDoomed() {
	h.committing.Lock()
	var gone []*block
	if h.holders == 0 {
		gone, h.doomed = h.doomed, nil
	}
	h.committing.Unlock()
	for _, b := range gone {
		if err := b.remove(); err != nil {
			h.o.Logger.Warn("a block of history is not removed before the next start", "err", err)
		}
	}
}

// Hold keeps the files of all blocks that count now, or are going to, until it is
// called what Hold returned. It is for whoever copies them: see [Files].
func (h *History) Hold() (release func()) {
	h.committing.Lock()
	h.holders++
	h.committing.Unlock()
	return sync.OnceFunc(func() {
		h.committing.Lock()
		h.holders--
		h.committing.Unlock()
		h.removeDoomed()
	})
}

// toJoin returns blocks of one slot that are worth joining, the smallest first; nil
// when there are none. As long as a slot is being written, blocks are joined with their
// like, so that each sample is written a few times only. One that is over becomes one
// block, and again when late samples have brought it many more, or much.
func (h *History) toJoin() []*block {
	h.mu.RLock()
	defer h.mu.RUnlock()
	slots := map[int64][]*block{}
	for _, b := range h.blocks {
		if b.damage.Load() != nil {
			continue // as it is there may be who can read it
		}
		slots[h.slotOf(b.first)] = append(slots[h.slotOf(b.first)], b)
	}
	for slot, blocks := range slots {
		slices.SortFunc(blocks, func(a, b *block) int { return cmp.Compare(a.samples, b.samples) })
		if _, end := h.slotTimes(slot); h.newest >= end+closeAfter.Milliseconds() && len(blocks) > 1 {
			total := uint64(0)
			for _, b := range blocks {
				total += b.samples
			}
			if largest := blocks[len(blocks)-1].samples; len(blocks) >= joinAt || largest < total/5*4 {
				return blocks
			}
		}
		for first := 0; first < len(blocks); {
			n := 1
			for first+n < len(blocks) && tier(blocks[first+n]) == tier(blocks[first]) {
				n++
			}
			if n >= joinAt {
				return blocks[:first+n]
			}
			first += n
		}
	}
	return nil
}

// closeAfter is how long a slot is waited for after its end.
const closeAfter = 48 * time.Hour

// tier is the size of a block in powers of four.
func tier(b *block) int { return bits.Len64(b.samples) / 2 }

// join makes one block of several, and lets it count instead of them. Their samples
// are no two the same, but their times may overlap.
func (h *History) join(some []*block) error {
	slices.SortFunc(some, byTime)
	var (
		size  int64
		kept  uint64
		metas []*tsdb.BlockMeta
		from  []tsdb.BlockReader
	)
	var u unread
	for _, b := range some {
		meta := b.tsdb.Meta()
		metas, from = append(metas, &meta), append(from, b.reader(&u))
		size, kept = size+b.bytes, max(kept, b.kept)
	}
	b, err := h.writeJoined(size, kept, metas, from, &u)
	if err != nil {
		return fmt.Errorf("join blocks: %w", err)
	}
	return h.replace(some, b)
}

// errUnread says that one of the blocks is damaged, and is known to be from now on.
var errUnread = errors.New("a block cannot be read in full")

// writeJoined writes the block that several become, which are read with u. Nothing of
// them may be left out.
func (h *History) writeJoined(size int64, kept uint64, metas []*tsdb.BlockMeta, from []tsdb.BlockReader, u *unread) (*block, error) {
	h.writing.Lock()
	defer h.writing.Unlock()
	w, err := newBlockWriter(h.o.Dir, size)
	if err != nil {
		return nil, err
	}
	joined := tsdb.CompactBlockMetas(w.meta.ULID, metas...)
	w.meta.Compaction = joined.Compaction
	w.meta.Compaction.Hints = nil
	setKept(&w.meta, kept)
	merge := storage.NewCompactingChunkSeriesMerger(storage.ChainedSeriesMerge)
	err = guard(func() error {
		return tsdb.DefaultBlockPopulator{}.PopulateBlock(h.ctx, tsdb.NewCompactorMetrics(nil), slog.New(slog.DiscardHandler), chunkenc.NewPool(),
			merge, from, joined, w, w, tsdb.AllSortedPostings)
	})
	if len(u.list) > 0 {
		err = errUnread
	}
	if err != nil {
		w.abandon()
		return nil, cmp.Or(context.Cause(h.ctx), err)
	}
	if err := w.finish(); err != nil {
		return nil, err
	}
	return openBlock(w.dir)
}
