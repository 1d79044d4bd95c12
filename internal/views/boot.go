package views

import (
	"math"
	"slices"
	"time"

	"vaiven"
)

// keepBoots is how many boots of a device are remembered. The one that the log
// has not named for the longest goes first; a board that comes back under a
// forgotten BOOT would have its readings stored anew.
const keepBoots = 32

// maxSpans is how many separate stretches of SEQs a boot may have before the
// older half of those below the settled top is joined; see boot.joinOldSpans.
const maxSpans = 512

// device is what the decider knows of one device: its boots, the one that the
// log named last at the end.
type device struct {
	boots []*boot
	real  bool   // a reading of it was stored
	used  uint64 // the last record that named it
}

// boot is what has become of the SEQs of one power-up.
type boot struct {
	id      vaiven.Boot
	stored  spans
	skipped spans  // refused for good, or a gap
	open    spans  // of the gaps, what has not come after all
	top     uint64 // all of 1..top is stored or skipped
	sums    sums
	pace    pace
}

// find returns the boot, or nil.
func (d *device) find(id vaiven.Boot) *boot {
	if d == nil {
		return nil
	}
	for _, b := range slices.Backward(d.boots) {
		if b.id == id {
			return b
		}
	}
	return nil
}

// touchBoot returns what is known of a boot, as the one that the log named last. It
// makes what there is none of.
func (d *Decider) touchBoot(id vaiven.Device, name vaiven.Boot) *boot {
	dev := d.devices[id]
	if dev == nil {
		d.makeRoom()
		dev = &device{}
		d.devices[id] = dev
		d.nobodies++
	}
	dev.used = d.next
	n := len(dev.boots)
	if n > 0 && dev.boots[n-1].id == name {
		return dev.boots[n-1]
	}
	b, i := &boot{id: name}, slices.IndexFunc(dev.boots, func(b *boot) bool { return b.id == name })
	if i >= 0 {
		b = dev.boots[i]
	} else if n == keepBoots {
		i = 0
	}
	if i >= 0 {
		dev.boots = slices.Delete(dev.boots, i, i+1)
	}
	dev.boots = append(dev.boots, b)
	if n := len(dev.boots); n > sumBoots {
		dev.boots[n-1-sumBoots].sums.last = nil
	}
	return b
}

func (d *device) clone() *device {
	c := &device{boots: make([]*boot, len(d.boots)), real: d.real, used: d.used}
	for i, b := range d.boots {
		own := *b
		own.stored, own.skipped, own.open = slices.Clone(b.stored), slices.Clone(b.skipped), slices.Clone(b.open)
		own.sums.first = slices.Clone(b.sums.first)
		if b.sums.last != nil {
			last := *b.sums.last
			own.sums.last = &last
		}
		c.boots[i] = &own
	}
	return c
}

// storeReading takes a reading, and reports whether it was new, and then whether it
// fills a gap; same tells, for one that was not, whether its values are those on
// record as far as is known.
func (b *boot) storeReading(r *vaiven.Reading) (fresh, fills, same bool) {
	if b.stored.has(r.Seq) {
		old := b.sums.of(r.Seq, b.stored.max())
		return false, false, old == 0 || old == sumOf(r.Values)
	}
	if r.Seq > b.stored.max() {
		b.pace.countReading(r)
	}
	if fills = b.open.has(r.Seq); fills {
		b.open.remove(r.Seq, r.Seq)
	}
	b.stored.add(r.Seq, r.Seq)
	b.sums.keep(r.Seq, b.stored.max(), sumOf(r.Values))
	b.raiseTop()
	return true, fills, true
}

// refuseSeq takes a SEQ that was refused for good, and reports whether it was open
// until now. One inside a gap was settled before, but is not waited for any more.
func (b *boot) refuseSeq(seq uint64) bool {
	b.open.remove(seq, seq)
	return b.skip(seq, seq)
}

// recordGap takes a gap, and reports whether any of it was open until now.
func (b *boot) recordGap(lo, hi uint64) bool {
	lo = max(lo, 1)
	for x := lo; lo <= x && x <= hi; {
		if end := max(b.stored.endOf(x), b.skipped.endOf(x)); end >= x {
			x = end + 1
			continue
		}
		end := hi
		for _, s := range []spans{b.stored, b.skipped} {
			if next := s.next(x); next != 0 {
				end = min(end, next-1)
			}
		}
		b.open.add(x, end)
		x = end + 1
	}
	return b.skip(lo, hi)
}

// skip takes SEQs that will never be stored, and reports whether any of them
// was open until now.
func (b *boot) skip(lo, hi uint64) bool {
	lo = max(lo, 1)
	if lo > hi || hi <= b.top || b.skipped.covers(lo, hi) || b.stored.covers(lo, hi) {
		return false
	}
	b.skipped.add(lo, hi)
	b.raiseTop()
	return true
}

// highest returns the highest SEQ that was stored or refused for good.
func (b *boot) highest() uint64 {
	top := b.stored.max()
	for i := len(b.skipped) - 1; i >= 0 && b.skipped[i].hi > top; i-- {
		x := b.skipped[i].hi
		if j := b.open.find(x); j < len(b.open) && b.open[j].lo <= x {
			x = b.open[j].lo - 1
		}
		if x >= b.skipped[i].lo {
			return max(top, x)
		}
	}
	return top
}

// raiseTop moves top on as far as it goes.
func (b *boot) raiseTop() {
	for {
		end := max(b.stored.endOf(b.top+1), b.skipped.endOf(b.top+1))
		if end == b.top {
			break
		}
		b.top = end
	}
	if len(b.stored) > maxSpans {
		b.joinOldSpans()
	}
}

// joinOldSpans bounds the memory of a boot with very many refusals: the older half
// of its stretches becomes one, when everything in between is settled. Nothing in
// there can be sent again by a board that follows the protocol, and a reading
// that comes all the same counts as a repeat.
func (b *boot) joinOldSpans() {
	half := maxSpans / 2
	hi := b.stored[half-1].hi
	if hi > b.top {
		return
	}
	b.stored[half-1].lo = b.stored[0].lo
	b.stored = append(b.stored[:0], b.stored[half-1:]...)
	b.open.remove(1, hi)
	n := 0
	for n < len(b.skipped) && b.skipped[n].hi < hi {
		n++
	}
	b.skipped = append(b.skipped[:0], b.skipped[n:]...)
}

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

// pace is when the newest reading of a boot was taken, and how many were taken in
// the last stretches of paceWindow in which there were any: what a board can have
// taken while it was away is held against it.
type pace struct {
	taken  int64 // Unix ms, 0: not known
	window int64 // the present stretch, by its number
	count  uint32
	before [3]uint32 // in those before it, the latest first; 0: not known
}

const paceWindow = 10 * time.Second

// countReading takes the newest reading of a boot.
func (p *pace) countReading(r *vaiven.Reading) {
	p.taken = max(min(r.Measured, r.At), 0)
	if p.taken == 0 {
		return
	}
	if w := p.taken / paceWindow.Milliseconds(); w != p.window {
		p.before[2], p.before[1], p.before[0] = p.before[1], p.before[0], p.count
		p.window, p.count = w, 0
	}
	p.count++
}

// every is the time between readings, 0: not known yet. The slowest of the stretches
// counts: what a board had kept and sends without AGE comes all at once.
func (p *pace) every() time.Duration {
	n := min(p.before[0], p.before[1], p.before[2])
	if n == 0 {
		return 0
	}
	return min(max(paceWindow/time.Duration(n), time.Millisecond), vaiven.MaxEvery)
}
