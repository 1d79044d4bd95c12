package history

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"sync"
	"time"

	"vaiven"
)

// Bounds of what is in memory: more than that becomes a block.
const (
	maxHeadBytes   = 16 << 20
	maxHeadSamples = 1 << 20 // as many as are read from the log again in about a second
)

// cutEvery is the time of the log that a block stands for, but for late samples.
const cutEvery = 2 * time.Hour

// Options of a History.
type Options struct {
	Dir string // its folder, which is created with the first block
	Log string // id of the log that it is a view of

	// Keep is how long samples are kept, by their time and that of the log; 0: for
	// ever. What is a whole block older is removed. Only times of a clock that was known
	// to be right count, so that a computer that wakes up in another century loses
	// nothing.
	Keep time.Duration
	// MaxBytes bounds the blocks on disk: the oldest goes. 0: no bound.
	MaxBytes int64

	Notify func(Notice)     // told what a person should know; may be nil
	Now    func() time.Time // for the names of what is set aside; time.Now by default
	Logger *slog.Logger     // silent by default

	headSamples int           // tests: maxHeadSamples
	cut         time.Duration // tests: cutEvery
}

// History is the view. It implements the pump's View, Restorer, Gapped, and
// Settler.
type History struct {
	o      Options
	ctx    context.Context // done when it is closed
	cancel context.CancelFunc
	work   sync.WaitGroup // the joining of blocks

	// Of the pump's goroutine.
	cutAt int64 // reception, Unix ms, from which on the head becomes a block; 0: not known yet

	writing    sync.Mutex // one block at a time: the TSDB's writers have buffers of 20 MB
	committing sync.Mutex // one manifest at a time; taken before mu
	doomed     []*block   // that no manifest names any more, and somebody may be copying
	holders    int        // of those

	mu      sync.RWMutex
	head    *head
	samples []vaiven.Sample // of the event that is taken, used again for the next
	blocks  []*block        // by their first time
	lost    []lostBlock     // of the manifest
	saved   manifest        // as it is on disk
	counts  counts          // head included
	missed  []Missed        // see manifest.Missed
	removed int64           // of the expired ones, see manifest.Removed
	applied uint64
	newest  int64 // last reception under a clock that was right, Unix ms; 0: none
	joining bool
	closed  bool
	joinErr error // why blocks were not joined last, nil: they were
}

// Stats are what a History has, and what became of samples since the folder began.
type Stats struct {
	Samples    uint64 // taken
	Late       uint64 // of those, behind a later one of their series
	Collisions uint64 // dropped: another value in the same millisecond
	Expired    uint64 // dropped: older than what is kept
	Series     int    // written to since the block before the last one
	InMemory   int    // samples that are in no block yet
	Blocks     int
	Unreadable int   // of these and others, such as have something that cannot be read
	Bytes      int64 // of the blocks
	Oldest     int64 // Unix ms, the first time in the blocks; 0: there are none
	Err        error // why blocks were not joined last
}

// Open opens the folder, or begins it. A folder of another log is set aside; one whose
// manifest is damaged is used as far as it is whole. Both are told by a Notice. What the
// log has behind Kept must be applied next.
func Open(o Options) (_ *History, err error) {
	if o.Notify == nil {
		o.Notify = func(Notice) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.headSamples, o.cut = cmp.Or(o.headSamples, maxHeadSamples), cmp.Or(o.cut, cutEvery)
	h := &History{o: o, head: newHead()}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	if err := h.openFolder(); err != nil {
		h.Close()
		return nil, fmt.Errorf("history: %w", err)
	}
	h.reset()
	return h, nil
}

// Name is the view's name in the checkpoint.
func (h *History) Name() string { return "history" }

// Kept is the record of the log up to which the blocks hold everything: records behind
// it are needed again after a start.
func (h *History) Kept() uint64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.saved.Kept
}

// reset makes the state what the folder holds.
func (h *History) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.head, h.counts, h.applied, h.newest = newHead(), h.saved.Counts, h.saved.Kept, h.saved.Newest
	h.cutAt, h.removed, h.missed = 0, h.saved.Removed, h.saved.Missed
}

// Restore goes back to what the folder holds, whatever the snapshot says: records
// behind Kept are to be applied again, and earlier ones may be.
func (h *History) Restore([]byte) error {
	h.reset()
	return nil
}

// Snapshot says how far the blocks go.
func (h *History) Snapshot() ([]byte, error) {
	return json.Marshal(struct {
		Kept uint64 `json:"kept"`
	}{h.Kept()})
}

// Apply takes a record's samples. A record up to Kept is in the blocks already. An
// error means that a block could not be written, and that nothing of the record was
// taken.
func (h *History) Apply(pos uint64, entries []vaiven.Entry) error {
	if pos <= h.applied || len(entries) == 0 { // applied is written by this goroutine alone
		return nil
	}
	if err := h.cutBlock(entries[0].Event.Time().At); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.counts
	for i := range entries {
		if at := entries[i].Event.Time(); at.Synced {
			h.newest = max(h.newest, at.At)
		}
		if err := h.addEvent(entries[i].Event); err != nil {
			h.counts.Collisions, h.counts.Expired = before.Collisions, before.Expired // they come again
			return err
		}
	}
	h.applied = pos
	return nil
}

// Settle makes a block of what is in memory, whatever there is, so that Kept becomes
// pos. It is for the goroutine of Apply. An error means that the block, of about
// 16 MB at most, could not be written, and that all is as before.
func (h *History) Settle(pos uint64) error {
	h.mu.Lock()
	h.applied = max(h.applied, pos) // records without anything new are not applied
	same := h.applied == h.saved.Kept
	h.mu.Unlock()
	if same {
		return nil
	}
	err := os.MkdirAll(h.o.Dir, 0o755) // there may be no block at all
	if err == nil {
		err = h.writeHead()
	}
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// cutBlock writes a block of the head when it is large, or when the log enters another
// stretch of time.
func (h *History) cutBlock(at int64) error {
	cut := h.o.cut.Milliseconds()
	full := h.head.samples >= h.o.headSamples || h.head.bytes >= maxHeadBytes
	over := h.cutAt != 0 && (at >= h.cutAt || at < h.cutAt-2*cut) // or the clock went back
	if h.head.samples > 0 && (full || over) {
		if err := h.writeHead(); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	if over || h.cutAt == 0 {
		h.cutAt = (floorDiv(at, cut) + 1) * cut
	}
	return nil
}

// addEvent takes the samples of an event; h.mu is held.
func (h *History) addEvent(ev vaiven.Event) error {
	h.samples = vaiven.AppendSamples(h.samples[:0], ev)
	for _, s := range h.samples {
		if err := h.add(key{s.Device, s.Name, s.State}, s.At, s.Num); err != nil {
			return err
		}
	}
	return nil
}

// add takes one sample; h.mu is held. Whatever a failed attempt at the same record took
// is here already, and is nothing new.
func (h *History) add(k key, t int64, v float64) error {
	if h.o.Keep > 0 && t < h.newest-h.o.Keep.Milliseconds() {
		h.counts.Expired++
		h.removed = max(h.removed, t+1)
		return nil
	}
	if !h.head.admits(h.slotOf(t)) { // of a server whose clock is not right
		h.counts.Expired++
		return nil
	}
	s := h.head.find(k)
	if !s.known {
		if err := h.findTop(k, s, t); err != nil {
			return err
		}
	}
	if t > s.top {
		h.head.append(s, t, v)
		s.top = t
		h.counts.Samples++
		return nil
	}
	return h.addLate(k, s, t, v)
}

// findTop learns the newest time of a series that the head has nothing of. Most samples
// are behind all blocks, so that none is asked.
func (h *History) findTop(k key, s *series, t int64) error {
	s.top = math.MinInt64
	for _, b := range h.blocks {
		if b.end <= t {
			continue
		}
		top, found, err := b.newest(k)
		if err != nil {
			return fmt.Errorf("history: %w", err)
		}
		if found {
			s.top = max(s.top, top)
		}
	}
	s.known = true
	return nil
}

// addLate takes a sample that is not behind all others of its series.
func (h *History) addLate(k key, s *series, t int64, v float64) error {
	old, there := s.at(t)
	if !there && (t < s.free[0] || t >= s.free[1]) {
		found, ok, err := h.nextInBlocks(k, t)
		if err != nil {
			return fmt.Errorf("history: %w", err)
		}
		switch {
		case ok && found.t == t:
			old, there = found.v, true
		case ok:
			s.free = [2]int64{t, found.t}
		default:
			s.free = [2]int64{t, math.MaxInt64}
		}
	}
	if there {
		if !sameValue(old, v) {
			h.counts.Collisions++
		}
		return nil
	}
	if last, ok := s.last(); !ok || t > last {
		h.head.append(s, t, v)
	} else {
		h.head.insert(s, t, v)
	}
	h.counts.Samples++
	h.counts.Late++
	return nil
}

// nextInBlocks returns the first sample of a series at t or behind it in any block.
func (h *History) nextInBlocks(k key, t int64) (first sample, found bool, err error) {
	for _, b := range h.blocks {
		if b.end <= t || found && b.first > first.t {
			continue
		}
		s, ok, err := b.next(k, t)
		if err != nil {
			return first, false, err
		}
		if ok && (!found || s.t < first.t) {
			first, found = s, true
		}
	}
	return first, found, nil
}

// Stats returns what there is.
func (h *History) Stats() Stats {
	h.mu.RLock()
	defer h.mu.RUnlock()
	s := Stats{
		Samples: h.counts.Samples, Late: h.counts.Late, Collisions: h.counts.Collisions, Expired: h.counts.Expired,
		Series: len(h.head.series), InMemory: h.head.samples, Blocks: len(h.blocks), Err: h.joinErr,
		Unreadable: len(h.lost),
	}
	for i, b := range h.blocks {
		s.Bytes += b.bytes
		if b.damage.Load() != nil {
			s.Unreadable++
		}
		if i == 0 || b.first < s.Oldest {
			s.Oldest = b.first
		}
	}
	return s
}

// Close ends the joining of blocks, and waits for it and for whoever reads. What is in
// memory is in the log: it is not written. Safe twice.
func (h *History) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	h.work.Wait()
	h.committing.Lock() // a writer that was left behind has committed, or will not
	h.mu.Lock()
	blocks := h.blocks
	h.blocks = nil
	h.mu.Unlock()
	blocks, h.doomed = append(blocks, h.doomed...), nil // removed by the next start
	h.committing.Unlock()
	var err error
	for _, b := range slices.Backward(blocks) {
		err = cmp.Or(err, b.close())
	}
	return err
}
