package views

import "vaiven"

// keepBoots is how many boots of a device are remembered. The one that the log
// has not named for the longest goes first; a board that comes back under a
// forgotten BOOT would have its readings stored anew.
const keepBoots = 32

// maxSpans is how many separate stretches of SEQs a boot may have before the
// older half of those below the settled top is joined; see boot.join.
const maxSpans = 512

// device is what the decider knows of one device: its boots, the one that the
// log named last at the end.
type device struct{ boots []*boot }

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
	for i := len(d.boots) - 1; i >= 0; i-- {
		if d.boots[i].id == id {
			return d.boots[i]
		}
	}
	return nil
}

// touch returns the boot, as the newest from now on, and makes it when there is
// none.
func (d *device) touch(id vaiven.Boot) *boot {
	n := len(d.boots)
	if n > 0 && d.boots[n-1].id == id {
		return d.boots[n-1]
	}
	b := (*boot)(nil)
	for i, old := range d.boots {
		if old.id == id {
			b = old
			copy(d.boots[i:], d.boots[i+1:])
			d.boots = d.boots[:n-1]
			break
		}
	}
	if b == nil {
		b = &boot{id: id}
		if n == keepBoots {
			copy(d.boots, d.boots[1:])
			d.boots = d.boots[:n-1]
		}
	}
	d.boots = append(d.boots, b)
	if n := len(d.boots); n > sumBoots {
		d.boots[n-1-sumBoots].sums.last = nil
	}
	return b
}

// store takes a reading, and reports whether it was new, and then whether it fills
// a gap; same tells, for one that was not, whether its values are those on record
// as far as is known.
func (b *boot) store(r *vaiven.Reading) (fresh, fills, same bool) {
	if b.stored.has(r.Seq) {
		old := b.sums.of(r.Seq, b.stored.max())
		return false, false, old == 0 || old == sumOf(r.Values)
	}
	if r.Seq > b.stored.max() {
		b.pace.reading(r)
	}
	fills = b.open.has(r.Seq)
	b.stored.add(r.Seq, r.Seq)
	b.open.remove(r.Seq, r.Seq)
	b.sums.keep(r.Seq, b.stored.max(), sumOf(r.Values))
	b.settle()
	return true, fills, true
}

// refuse takes a SEQ that was refused for good, and reports whether it was open
// until now. One inside a gap was settled before, but is not waited for any more.
func (b *boot) refuse(seq uint64) bool {
	b.open.remove(seq, seq)
	return b.skip(seq, seq)
}

// giveUp takes a gap, and reports whether any of it was open until now.
func (b *boot) giveUp(lo, hi uint64) bool {
	lo = max(lo, 1)
	for x := lo; lo <= x && x <= hi; {
		if end := max(b.stored.end(x), b.skipped.end(x)); end >= x {
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

// has returns the highest SEQ that was stored or refused for good.
func (b *boot) has() uint64 {
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

// skip takes SEQs that will never be stored, and reports whether any of them
// was open until now.
func (b *boot) skip(lo, hi uint64) bool {
	lo = max(lo, 1)
	if lo > hi || hi <= b.top || b.skipped.covers(lo, hi) || b.stored.covers(lo, hi) {
		return false
	}
	b.skipped.add(lo, hi)
	b.settle()
	return true
}

// settle moves top on as far as it goes.
func (b *boot) settle() {
	for {
		end := max(b.stored.end(b.top+1), b.skipped.end(b.top+1))
		if end == b.top {
			break
		}
		b.top = end
	}
	if len(b.stored) > maxSpans {
		b.join()
	}
}

// join bounds the memory of a boot with very many refusals: the older half of
// its stretches becomes one, when everything in between is settled. Nothing in
// there can be sent again by a board that follows the protocol, and a reading
// that comes all the same counts as a repeat.
func (b *boot) join() {
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

func (d *device) clone() *device {
	c := &device{boots: make([]*boot, len(d.boots))}
	for i, b := range d.boots {
		nb := *b
		nb.stored = append(spans(nil), b.stored...)
		nb.skipped = append(spans(nil), b.skipped...)
		nb.open = append(spans(nil), b.open...)
		nb.sums.first = append([]uint32(nil), b.sums.first...)
		if b.sums.last != nil {
			last := *b.sums.last
			nb.sums.last = &last
		}
		c.boots[i] = &nb
	}
	return c
}
